// The time loop of each cell over a packed batch, forward and backward.
//
// The equations and the order of the gates are those of skrnn/_core/cells.py. What the
// backward pass needs is kept in `saved`, N rows of some slots of H numbers each:
//
//   rnn: none; lstm and lstm_peephole: i, f, g, o, c; gru: r, z, n, a (U h + b_n);
//   gru_reset_before: r, z, n, r * h; gru_update_only: z, n.
#pragma once

#include <memory>

#include "product.hpp"
#include "shape.hpp"

namespace skrnn {

inline int n_gates(int cell) {
  return cell == kRnn || cell == kRelu ? 1
         : cell == kLstm || cell == kPeephole ? 4
         : cell == kUpdateOnly ? 2
                               : 3;
}
inline int n_slots(int cell) {
  return cell == kRnn || cell == kRelu ? 0
         : cell == kLstm || cell == kPeephole ? 5
         : cell == kUpdateOnly ? 2
                               : 4;
}

namespace SKRNN_ISA {

constexpr long kCache = 1 << 17;  // bytes of sums to work on at a time

// Splits B sequences, longest first, into n parts of about as many steps: part i begins
// at edges[i]. (A vector of the standard library would be shared between instruction
// sets.)
inline Buffer<long> split_sequences(const int64_t* sizes, const Shape& s, int n) {
  Buffer<long> edges(n + 1), lengths(s.B);
  std::fill_n(lengths.get(), s.B, 0L);
  for (long t = 0; t < s.T; ++t) ++lengths[sizes[t] - 1];  // and of all before it
  for (long j = s.B - 2; j >= 0; --j) lengths[j] += lengths[j + 1];
  std::fill_n(edges.get(), n + 1, s.B);
  edges[0] = 0;
  long done = 0;
  int part = 1;
  for (long j = 0; j < s.B && part < n; ++j) {
    done += lengths[j];
    if (done * n >= s.N * part) edges[part++] = j + 1;
  }
  return edges;
}

// Calls f(row, column, count) for the vectors of n rows of H numbers.
template <class T, class F>
[[gnu::flatten]] inline void for_each_vector(long n, long H, F f) {
  constexpr int W = kLanes<T>;
  for (long r = 0; r < n; ++r) {
    long j = 0;
    for (; j + W <= H; j += W) f(r, j, W);
    if (j < H) f(r, j, int(H - j));
  }
}

// One direction of a layer, of which `z` ... are the parts of that direction.
template <class T>
struct Forward {
  Shape s;
  const int64_t* sizes;
  const T* z;
  const int64_t* rows;             // which row of z a step takes, nullptr for its own
  const T* w;
  const T* h0;                     // shape (B, H), nullptr for zeros
  T *h, *h_last, *c_last, *saved;  // c_last: also the running memory

  const T* inputs(long row, long width) const {
    return z + (rows != nullptr ? rows[row] : row) * width;
  }

  // Runs the sequences from `first` to `last`. The sums U h of some rows at a time are
  // put into `sums`; `step` makes the new state of them.
  template <class Step>
  void run(const Panels<T>& U, long width, long first, long last, Step step) const {
    const long H = s.H;
    const long n_sums = std::max<long>(24, kCache / (width * long(sizeof(T))));
    Buffer<T> sums(size_t(std::min(n_sums, last - first)) * width);
    long start = 0, before = 0;
    for (long t = 0; t < s.T; ++t) {
      const long n = std::min<long>(sizes[t], last) - first;
      if (n <= 0) break;
      const T* prev = t > 0 ? h + (before + first) * H : h0 ? h0 + first * H : nullptr;
      for (long i = 0; i < n; i += n_sums) {
        const long m = std::min(n_sums, n - i);
        if (prev != nullptr)
          U.times(prev + i * H, H, m, sums.get(), width, false);
        else
          std::fill_n(sums.get(), m * width, T(0));
        step(start + first + i, first + i, prev ? prev + i * H : nullptr, sums.get(), m);
      }
      before = start;
      start += sizes[t];
      // the sequences that end here
      const long next = t + 1 < s.T ? sizes[t + 1] : 0;
      for (long j = std::max(first, next); j < first + n; ++j)
        std::copy_n(h + (before + j) * H, H, h_last + j * H);
    }
  }

  template <bool kPeep>
  void lstm(const Panels<T>& U, long first, long last) const {
    const long H = s.H;
    run(U, 4 * H, first, last, [&](long row, long j0, const T*, const T* sums, long n) {
      for_each_vector<T>(n, H, [&](long r, long j, int m) {
        const T* p = inputs(row + r, 4 * H) + j;
        const T* a = sums + r * 4 * H + j;
        T* memory = c_last + (j0 + r) * H + j;
        const Vec<T> c_prev = load_part(memory, m);
        Vec<T> s_i = load_part(p, m) + load_part(a, m);
        Vec<T> s_f = load_part(p + H, m) + load_part(a + H, m);
        Vec<T> s_o = load_part(p + 3 * H, m) + load_part(a + 3 * H, m);
        if (kPeep) {
          s_i += load_part(w + j, m) * c_prev;
          s_f += load_part(w + H + j, m) * c_prev;
        }
        const Vec<T> i = vsigmoid<T>(s_i), f = vsigmoid<T>(s_f);
        const Vec<T> g = vtanh<T>(load_part(p + 2 * H, m) + load_part(a + 2 * H, m));
        const Vec<T> c = f * c_prev + i * g;
        if (kPeep) s_o += load_part(w + 2 * H + j, m) * c;
        const Vec<T> o = vsigmoid<T>(s_o);
        store_part(memory, c, m);
        store_part(h + (row + r) * H + j, o * vtanh<T>(c), m);
        if (saved != nullptr) {
          T* to = saved + (row + r) * 5 * H + j;
          store_part(to, i, m);
          store_part(to + H, f, m);
          store_part(to + 2 * H, g, m);
          store_part(to + 3 * H, o, m);
          store_part(to + 4 * H, c, m);
        }
      });
    });
  }

  void gru(const Panels<T>& U, long first, long last) const {
    const long H = s.H;
    run(U, 3 * H, first, last, [&](long row, long, const T* prev, const T* sums, long n) {
      for_each_vector<T>(n, H, [&](long r, long j, int m) {
        const T* p = inputs(row + r, 3 * H) + j;
        const T* a = sums + r * 3 * H + j;
        const Vec<T> before = prev ? load_part(prev + r * H + j, m) : Vec<T>{};
        const Vec<T> reset = vsigmoid<T>(load_part(p, m) + load_part(a, m));
        const Vec<T> u = vsigmoid<T>(load_part(p + H, m) + load_part(a + H, m));
        const Vec<T> a_n = load_part(a + 2 * H, m) + load_part(w + j, m);
        const Vec<T> c = vtanh<T>(load_part(p + 2 * H, m) + reset * a_n);
        store_part(h + (row + r) * H + j, c + u * (before - c), m);
        if (saved != nullptr) {
          T* to = saved + (row + r) * 4 * H + j;
          store_part(to, reset, m);
          store_part(to + H, u, m);
          store_part(to + 2 * H, c, m);
          store_part(to + 3 * H, a_n, m);
        }
      });
    });
  }

  void update_only(const Panels<T>& U, long first, long last) const {
    const long H = s.H;
    run(U, 2 * H, first, last, [&](long row, long, const T* prev, const T* sums, long n) {
      for_each_vector<T>(n, H, [&](long r, long j, int m) {
        const T* p = inputs(row + r, 2 * H) + j;
        const T* a = sums + r * 2 * H + j;
        const Vec<T> before = prev ? load_part(prev + r * H + j, m) : Vec<T>{};
        const Vec<T> u = vsigmoid<T>(load_part(p, m) + load_part(a, m));
        const Vec<T> c = vtanh<T>(load_part(p + H, m) + load_part(a + H, m));
        store_part(h + (row + r) * H + j, c + u * (before - c), m);
        if (saved != nullptr) {
          T* to = saved + (row + r) * 2 * H + j;
          store_part(to, u, m);
          store_part(to + H, c, m);
        }
      });
    });
  }

  void reset_before(const Panels<T>& gates, const Panels<T>& candidate, long first,
                    long last) const {
    const long H = s.H;
    Buffer<T> scratch(size_t(last - first) * 4 * H);  // r, z, r * h, U (r * h)
    run(gates, 2 * H, first, last,
        [&](long row, long, const T* prev, const T* sums, long n) {
          for_each_vector<T>(n, H, [&](long r, long j, int m) {
            const T* p = inputs(row + r, 3 * H) + j;
            const T* a = sums + r * 2 * H + j;
            const Vec<T> before = prev ? load_part(prev + r * H + j, m) : Vec<T>{};
            const Vec<T> reset = vsigmoid<T>(load_part(p, m) + load_part(a, m));
            T* to = scratch.get() + r * 4 * H + j;
            store_part(to, reset, m);
            store_part(to + H, vsigmoid<T>(load_part(p + H, m) + load_part(a + H, m)), m);
            store_part(to + 2 * H, reset * before, m);
          });
          candidate.times(scratch.get() + 2 * H, 4 * H, n, scratch.get() + 3 * H, 4 * H,
                          false);
          for_each_vector<T>(n, H, [&](long r, long j, int m) {
            const T* own = scratch.get() + r * 4 * H + j;
            const Vec<T> before = prev ? load_part(prev + r * H + j, m) : Vec<T>{};
            const Vec<T> u = load_part(own + H, m);
            const Vec<T> c = vtanh<T>(load_part(inputs(row + r, 3 * H) + 2 * H + j, m) +
                                      load_part(own + 3 * H, m));
            store_part(h + (row + r) * H + j, c + u * (before - c), m);
            if (saved != nullptr) {
              T* to = saved + (row + r) * 4 * H + j;
              store_part(to, load_part(own, m), m);
              store_part(to + H, u, m);
              store_part(to + 2 * H, c, m);
              store_part(to + 3 * H, load_part(own + 2 * H, m), m);
            }
          });
        });
  }

  void rnn(const Panels<T>& U, bool relu, long first, long last) const {
    const long H = s.H;
    run(U, H, first, last, [&](long row, long, const T*, const T* sums, long n) {
      for_each_vector<T>(n, H, [&](long r, long j, int m) {
        const Vec<T> a =
            load_part(inputs(row + r, H) + j, m) + load_part(sums + r * H + j, m);
        const Vec<T> out = relu ? (a < T(0) ? Vec<T>{} : a) : vtanh<T>(a);
        store_part(h + (row + r) * H + j, out, m);
      });
    });
  }
};

// Runs all directions; the rows of `z` ... of direction d come after those of d - 1. Of z
// there are n_inputs rows for each.
template <class T>
void forward(int cell, const Shape& s, const int64_t* sizes, const T* z, long n_inputs,
             const int64_t* rows, const T* U, const T* w, long n_extra, const T* h0, const T* c0, T* h, T* h_last,
             T* c_last, T* saved, int n_threads) {
  const long G = n_gates(cell), H = s.H, state = s.B * H;
  n_threads = worth(s.N * G * H * H, n_threads);
  const int parts = int(std::max<long>(1, std::min<long>(s.B / 8, n_threads / s.D)));
  const auto edges = split_sequences(sizes, s, parts);
  if (c_last != nullptr) {
    if (c0 != nullptr)
      std::copy_n(c0, s.D * state, c_last);
    else
      std::fill_n(c_last, s.D * state, T(0));
  }
  // of the cell with two products: the gates, then the candidate
  const bool two = cell == kResetBefore, few = s.N <= 2 * kFew;
  std::vector<std::unique_ptr<Panels<T>>> all, candidate;
  for (long d = 0; d < s.D; ++d) {
    const T* own = U + d * H * G * H;
    all.push_back(
        std::make_unique<Panels<T>>(own, G * H, 1, H, two ? 2 * H : G * H, few));
    if (two)
      candidate.push_back(
          std::make_unique<Panels<T>>(own + 2 * H, G * H, 1, H, H, few));
  }
  run_all(s.D * parts, n_threads, [&](long i) {
    const long d = i % s.D, a = edges[i / s.D], b = edges[i / s.D + 1];
    const Forward<T> run{s,
                         sizes,
                         z + d * n_inputs * G * H,
                         rows ? rows + d * s.N : nullptr,
                         w + d * n_extra * H,
                         h0 ? h0 + d * state : nullptr,
                         h + d * s.N * H,
                         h_last + d * state,
                         c_last ? c_last + d * state : nullptr,
                         saved ? saved + d * s.N * n_slots(cell) * H : nullptr};
    switch (cell) {
      case kLstm:
        return run.template lstm<false>(*all[d], a, b);
      case kPeephole:
        return run.template lstm<true>(*all[d], a, b);
      case kGru:
        return run.gru(*all[d], a, b);
      case kUpdateOnly:
        return run.update_only(*all[d], a, b);
      case kResetBefore:
        return run.reset_before(*all[d], *candidate[d], a, b);
      default:
        return run.rnn(*all[d], cell == kRelu, a, b);
    }
  });
}

template <class T>
struct Backward {
  Shape s;
  const int64_t* sizes;
  const T* dh;      // by each output, shape (N, H)
  const T *h, *saved, *h0, *c0, *w;
  T *dz, *da;       // da: by U h, where it is not dz
  T *dh_first, *dc_first;  // in: by the last state; out: by the first
  bool to_first;           // whether dh_first is wanted

  // f(start, predecessors or nullptr, predecessors' saved or nullptr, rows), last first
  template <class F>
  void for_each_step(long first, long last, F f) const {
    long start = s.N;
    for (long t = s.T - 1; t >= 0; --t) {
      start -= sizes[t];
      const long n = std::min<long>(sizes[t], last) - first;
      if (n <= 0) continue;
      const long before = t > 0 ? start - sizes[t - 1] + first : 0;
      const T* prev =
          t > 0 ? h + before * s.H : h0 != nullptr ? h0 + first * s.H : nullptr;
      f(start + first, prev, t > 0 ? before : -1, n);
    }
  }

  template <bool kPeep>
  void lstm(const Panels<T>& UT, long first, long last) const {
    const long H = s.H;
    for_each_step(first, last, [&](long start, const T*, long before, long n) {
      const T* c_before = before >= 0   ? saved + before * 5 * H + 4 * H
                          : c0 != nullptr ? c0 + first * H
                                          : nullptr;
      const long c_stride = before >= 0 ? 5 * H : H;
      for_each_vector<T>(n, H, [&](long r, long j, int m) {
        const T* p = saved + (start + r) * 5 * H + j;
        const Vec<T> i = load_part(p, m), f = load_part(p + H, m);
        const Vec<T> g = load_part(p + 2 * H, m), o = load_part(p + 3 * H, m);
        const Vec<T> c = load_part(p + 4 * H, m), tanh_c = vtanh<T>(c);
        const Vec<T> c_prev =
            c_before ? load_part(c_before + r * c_stride + j, m) : Vec<T>{};
        T* carry_h = dh_first + (first + r) * H + j;
        T* carry_c = dc_first + (first + r) * H + j;
        const Vec<T> dout = load_part(dh + (start + r) * H + j, m) + load_part(carry_h, m);
        const Vec<T> d_o = dout * tanh_c * (o - o * o);
        Vec<T> dc = load_part(carry_c, m) + dout * o * (T(1) - tanh_c * tanh_c);
        if (kPeep) dc += d_o * load_part(w + 2 * H + j, m);
        const Vec<T> di = dc * g * (i - i * i), df = dc * c_prev * (f - f * f);
        Vec<T> next = dc * f;
        if (kPeep) next += di * load_part(w + j, m) + df * load_part(w + H + j, m);
        store_part(carry_c, next, m);
        T* to = dz + (start + r) * 4 * H + j;
        store_part(to, di, m);
        store_part(to + H, df, m);
        store_part(to + 2 * H, dc * i * (T(1) - g * g), m);
        store_part(to + 3 * H, d_o, m);
      });
      if (before >= 0 || to_first)
        UT.times(dz + start * 4 * H, 4 * H, n, dh_first + first * H, H, false);
    });
  }

  void gru(const Panels<T>& UT, long first, long last) const {
    const long H = s.H;
    for_each_step(first, last, [&](long start, const T* prev, long before_row, long n) {
      for_each_vector<T>(n, H, [&](long r, long j, int m) {
        const T* p = saved + (start + r) * 4 * H + j;
        const Vec<T> reset = load_part(p, m), u = load_part(p + H, m);
        const Vec<T> c = load_part(p + 2 * H, m), a = load_part(p + 3 * H, m);
        const Vec<T> before = prev ? load_part(prev + r * H + j, m) : Vec<T>{};
        T* carry = dh_first + (first + r) * H + j;
        const Vec<T> dout = load_part(dh + (start + r) * H + j, m) + load_part(carry, m);
        const Vec<T> dn = dout * (T(1) - u) * (T(1) - c * c);
        const Vec<T> dr = dn * a * (reset - reset * reset);
        const Vec<T> du = dout * (before - c) * (u - u * u);
        store_part(carry, dout * u, m);
        T* to = dz + (start + r) * 3 * H + j;
        store_part(to, dr, m);
        store_part(to + H, du, m);
        store_part(to + 2 * H, dn, m);
        to = da + (start + r) * 3 * H + j;
        store_part(to, dr, m);
        store_part(to + H, du, m);
        store_part(to + 2 * H, dn * reset, m);
      });
      if (before_row >= 0 || to_first)
        UT.times(da + start * 3 * H, 3 * H, n, dh_first + first * H, H, true);
    });
  }

  void update_only(const Panels<T>& UT, long first, long last) const {
    const long H = s.H;
    for_each_step(first, last, [&](long start, const T* prev, long before_row, long n) {
      for_each_vector<T>(n, H, [&](long r, long j, int m) {
        const T* p = saved + (start + r) * 2 * H + j;
        const Vec<T> u = load_part(p, m), c = load_part(p + H, m);
        const Vec<T> before = prev ? load_part(prev + r * H + j, m) : Vec<T>{};
        T* carry = dh_first + (first + r) * H + j;
        const Vec<T> dout = load_part(dh + (start + r) * H + j, m) + load_part(carry, m);
        store_part(carry, dout * u, m);
        T* to = dz + (start + r) * 2 * H + j;
        store_part(to, dout * (before - c) * (u - u * u), m);
        store_part(to + H, dout * (T(1) - u) * (T(1) - c * c), m);
      });
      if (before_row >= 0 || to_first)
        UT.times(dz + start * 2 * H, 2 * H, n, dh_first + first * H, H, true);
    });
  }

  void reset_before(const Panels<T>& gates_T, const Panels<T>& candidate_T,
                    long first, long last) const {
    const long H = s.H;
    Buffer<T> dreset(size_t(last - first) * H);
    for_each_step(first, last, [&](long start, const T* prev, long before_row, long n) {
      for_each_vector<T>(n, H, [&](long r, long j, int m) {
        const T* p = saved + (start + r) * 4 * H + j;
        const Vec<T> u = load_part(p + H, m), c = load_part(p + 2 * H, m);
        const Vec<T> before = prev ? load_part(prev + r * H + j, m) : Vec<T>{};
        T* carry = dh_first + (first + r) * H + j;
        const Vec<T> dout = load_part(dh + (start + r) * H + j, m) + load_part(carry, m);
        store_part(carry, dout * u, m);
        T* to = dz + (start + r) * 3 * H + j;
        store_part(to + H, dout * (before - c) * (u - u * u), m);
        store_part(to + 2 * H, dout * (T(1) - u) * (T(1) - c * c), m);
      });
      candidate_T.times(dz + start * 3 * H + 2 * H, 3 * H, n, dreset.get(), H, false);
      for_each_vector<T>(n, H, [&](long r, long j, int m) {
        const Vec<T> reset = load_part(saved + (start + r) * 4 * H + j, m);
        const Vec<T> before = prev ? load_part(prev + r * H + j, m) : Vec<T>{};
        const Vec<T> d = load_part(dreset.get() + r * H + j, m);
        T* carry = dh_first + (first + r) * H + j;
        store_part(carry, load_part(carry, m) + d * reset, m);
        store_part(dz + (start + r) * 3 * H + j, d * before * (reset - reset * reset), m);
      });
      if (before_row >= 0 || to_first)
        gates_T.times(dz + start * 3 * H, 3 * H, n, dh_first + first * H, H, true);
    });
  }

  void rnn(const Panels<T>& UT, bool relu, long first, long last) const {
    const long H = s.H;
    for_each_step(first, last, [&](long start, const T*, long before, long n) {
      for_each_vector<T>(n, H, [&](long r, long j, int m) {
        const Vec<T> out = load_part(h + (start + r) * H + j, m);
        const Vec<T> dout = load_part(dh + (start + r) * H + j, m) +
                            load_part(dh_first + (first + r) * H + j, m);
        const Vec<T> d = relu ? (out > T(0) ? dout : Vec<T>{}) : dout * (T(1) - out * out);
        store_part(dz + (start + r) * H + j, d, m);
      });
      if (before >= 0 || to_first)
        UT.times(dz + start * H, H, n, dh_first + first * H, H, false);
    });
  }
};

// dU, dw and db, the sums of dz, are added to; db may be nullptr. The derivative by the
// first h is wanted only where `to_first`.
template <class T>
void backward(int cell, const Shape& s, const int64_t* sizes, const T* dh, const T* h,
              const T* saved, const T* h0, const T* c0, const T* U, const T* w,
              long n_extra, T* dz, T* dU, T* dw, T* db, T* dh_first, T* dc_first,
              bool to_first, int n_threads) {
  const long G = n_gates(cell), S = n_slots(cell), H = s.H, state = s.B * H;
  n_threads = worth(s.N * G * H * H, n_threads);
  const int parts = int(std::max<long>(1, std::min<long>(s.B / 8, n_threads / s.D)));
  const auto edges = split_sequences(sizes, s, parts);
  Buffer<T> scratch(cell == kGru ? size_t(s.D) * s.N * G * H : 1);
  auto of = [&](long d) {
    return Backward<T>{s,
                       sizes,
                       dh + d * s.N * H,
                       h + d * s.N * H,
                       saved ? saved + d * s.N * S * H : nullptr,
                       h0 ? h0 + d * state : nullptr,
                       c0 ? c0 + d * state : nullptr,
                       w + d * n_extra * H,
                       dz + d * s.N * G * H,
                       cell == kGru ? scratch.get() + d * s.N * G * H : nullptr,
                       dh_first + d * state,
                       dc_first ? dc_first + d * state : nullptr,
                       to_first};
  };
  std::vector<std::unique_ptr<Panels<T>>> all, gates;
  const long columns = cell == kResetBefore ? H : G * H;
  for (long d = 0; d < s.D; ++d) {
    const T* own = U + d * H * G * H;
    all.push_back(
        std::make_unique<Panels<T>>(own + G * H - columns, 1, G * H, columns, H,
                                    false));
    if (cell == kResetBefore)
      gates.push_back(std::make_unique<Panels<T>>(own, 1, G * H, 2 * H, H, false));
  }
  run_all(s.D * parts, n_threads, [&](long i) {
    const long d = i % s.D, a = edges[i / s.D], b = edges[i / s.D + 1];
    const Backward<T> run = of(d);
    switch (cell) {
      case kLstm:
        return run.template lstm<false>(*all[d], a, b);
      case kPeephole:
        return run.template lstm<true>(*all[d], a, b);
      case kGru:
        return run.gru(*all[d], a, b);
      case kUpdateOnly:
        return run.update_only(*all[d], a, b);
      case kResetBefore:
        return run.reset_before(*gates[d], *all[d], a, b);
      default:
        return run.rnn(*all[d], cell == kRelu, a, b);
    }
  });
  // What each row's predecessor gave, packed like the rows; without a first state not of
  // the first step, whose predecessors are zero. Where no sequence is shorter than the
  // others, the predecessors are in this order.
  const long skip = h0 == nullptr ? sizes[0] : 0;
  const bool even = skip > 0 && sizes[s.T - 1] == sizes[0];
  const long width = G * H, gates_width = cell == kResetBefore ? 2 * H : width;
  Buffer<T> packed(even ? 1 : size_t(s.N - skip) * H), sums(width);
  for (long d = 0; d < s.D; ++d) {
    const T *own = h + d * s.N * H, *before = own;
    if (!even) {
      T* to = packed.get();
      if (h0 != nullptr) to = std::copy_n(h0 + d * state, sizes[0] * H, to);
      for (long t = 1; t < s.T; own += sizes[t - 1] * H, ++t)
        to = std::copy_n(own, sizes[t] * H, to);
      before = packed.get();
    }
    const Backward<T> run = of(d);
    const T *d_a = cell == kGru ? run.da : run.dz, *from = d_a + skip * width;
    T* to = dU + d * H * width;
    std::fill_n(sums.get(), width, T(0));
    sum_columns(d_a, width, skip, width, sums.get());
    product<T>(before, 1, H, from, width, 1, to, width, H, gates_width, s.N - skip, true,
               nullptr, sums.get(), n_threads);
    if (cell == kResetBefore)
      product<T>(run.saved + skip * 4 * H + 3 * H, 1, 4 * H, from + 2 * H, width, 1,
                 to + 2 * H, width, H, H, s.N - skip, true, nullptr, sums.get() + 2 * H,
                 n_threads);
    T* to_w = dw + d * n_extra * H;
    if (cell == kGru) {  // the sums of da, of which the candidate's are not those of dz
      T* candidate = sums.get() + 2 * H;
      for (long k = 0; k < H; ++k) to_w[k] += candidate[k];
      std::fill_n(candidate, H, T(0));
      sum_columns(run.dz + 2 * H, width, s.N, H, candidate);
    }
    for (long k = 0; db != nullptr && k < width; ++k) db[d * width + k] += sums[k];
    if (cell == kPeephole) {
      long start = 0;
      for (long t = 0; t < s.T; ++t) {
        for (long r = 0; r < sizes[t]; ++r) {
          const T* row = d_a + (start + r) * width;
          const T* c = run.saved + (start + r) * 5 * H + 4 * H;
          const T* c_prev = t > 0 ? run.saved + (start - sizes[t - 1] + r) * 5 * H + 4 * H
                            : run.c0 ? run.c0 + r * H
                                     : nullptr;
          for (long k = 0; k < H; ++k) {
            if (c_prev != nullptr) {
              to_w[k] += row[k] * c_prev[k];
              to_w[H + k] += row[H + k] * c_prev[k];
            }
            to_w[2 * H + k] += row[3 * H + k] * c[k];
          }
        }
        start += sizes[t];
      }
    }
  }
}

}  // namespace SKRNN_ISA
}  // namespace skrnn
