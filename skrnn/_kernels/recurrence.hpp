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

// Splits B sequences, longest first, so that each part has about as many steps.
inline std::vector<long> split_sequences(const int64_t* sizes, const Shape& s, int n) {
  std::vector<long> lengths(s.B, 0), edges{0};
  for (long t = 0; t < s.T; ++t) {
    ++lengths[sizes[t] - 1];  // the last one live; those before it are, too
  }
  for (long j = s.B - 2; j >= 0; --j) lengths[j] += lengths[j + 1];
  long done = 0;
  for (long j = 0; j < s.B; ++j) {
    done += lengths[j];
    if (done * n >= s.N * long(edges.size()) && long(edges.size()) < n)
      edges.push_back(j + 1);
  }
  edges.resize(n + 1, s.B);
  edges[n] = s.B;
  return edges;
}

// One direction of a layer, of which `z` ... are the parts of that direction.
template <class T>
struct Forward {
  int cell;
  Shape s;
  const int64_t* sizes;
  const T *z, *U, *w;
  const T *h0, *c0;  // shape (B, H), nullptr for zeros
  T *h, *h_last, *c_last, *saved;  // c_last: also the running memory

  static constexpr int W = kLanes<T>;

  template <int NV>
  void panels_of_gates(Panels<T, NV>& panels) const {
    panels.pack_gates(U, n_gates(cell) * s.H, s.H);
  }

  // f(start of the rows at t, where their predecessors are or nullptr, rows, first)
  template <class F>
  void for_each_step(long first, long last, F f) const {
    long start = 0, before = 0;
    for (long t = 0; t < s.T; ++t) {
      const long n = std::min<long>(sizes[t], last) - first;
      if (n <= 0) break;
      const T* prev = t > 0 ? h + (before + first) * s.H
                            : h0 != nullptr ? h0 + first * s.H : nullptr;
      f(start + first, prev, n);
      before = start;
      start += sizes[t];
      // the sequences that end here
      const long next = t + 1 < s.T ? sizes[t + 1] : 0;
      for (long j = std::max(first, next); j < first + n; ++j)
        std::copy_n(h + (before + j) * s.H, s.H, h_last + j * s.H);
    }
  }

  template <bool kPeep>
  void lstm(const Panels<T, 4>& panels, long first, long last) const {
    const long H = s.H;
    for_each_step(first, last, [&](long start, const T* prev, long n) {
      for (long j = 0; j < panels.size(); ++j) {
        const int m = int(std::min<long>(W, H - j * W));
        panel_product<T, 4>(
            prev, H, 1, n, prev ? H : 0, panels[j],
            [&](long r, Vec<T>(&acc)[4]) {
              const T* p = z + (start + r) * 4 * H + j * W;
              for (int g = 0; g < 4; ++g) acc[g] = load_part(p + g * H, m);
            },
            [&](long r, Vec<T>(&acc)[4]) {
              T* memory = c_last + (first + r) * H + j * W;
              const Vec<T> c_prev = load_part(memory, m);
              if (kPeep) {
                acc[0] += load_part(w + j * W, m) * c_prev;
                acc[1] += load_part(w + H + j * W, m) * c_prev;
              }
              const Vec<T> i = vsigmoid<T>(acc[0]), f = vsigmoid<T>(acc[1]);
              const Vec<T> g = vtanh<T>(acc[2]);
              const Vec<T> c = f * c_prev + i * g;
              if (kPeep) acc[3] += load_part(w + 2 * H + j * W, m) * c;
              const Vec<T> o = vsigmoid<T>(acc[3]);
              store_part(memory, c, m);
              store_part(h + (start + r) * H + j * W, o * vtanh<T>(c), m);
              if (saved != nullptr) {
                T* p = saved + (start + r) * 5 * H + j * W;
                store_part(p, i, m);
                store_part(p + H, f, m);
                store_part(p + 2 * H, g, m);
                store_part(p + 3 * H, o, m);
                store_part(p + 4 * H, c, m);
              }
            });
      }
    });
  }

  void gru(const Panels<T, 3>& panels, long first, long last) const {
    const long H = s.H;
    for_each_step(first, last, [&](long start, const T* prev, long n) {
      for (long j = 0; j < panels.size(); ++j) {
        const int m = int(std::min<long>(W, H - j * W));
        const Vec<T> bias = load_part(w + j * W, m);
        panel_product<T, 3>(
            prev, H, 1, n, prev ? H : 0, panels[j],
            [&](long r, Vec<T>(&acc)[3]) {
              const T* p = z + (start + r) * 3 * H + j * W;
              acc[0] = load_part(p, m);
              acc[1] = load_part(p + H, m);
              acc[2] = bias;
            },
            [&](long r, Vec<T>(&acc)[3]) {
              const Vec<T> before = prev ? load_part(prev + r * H + j * W, m) : Vec<T>{};
              const Vec<T> z_n = load_part(z + (start + r) * 3 * H + 2 * H + j * W, m);
              const Vec<T> reset = vsigmoid<T>(acc[0]), u = vsigmoid<T>(acc[1]);
              const Vec<T> c = vtanh<T>(z_n + reset * acc[2]);
              store_part(h + (start + r) * H + j * W, c + u * (before - c), m);
              if (saved != nullptr) {
                T* p = saved + (start + r) * 4 * H + j * W;
                store_part(p, reset, m);
                store_part(p + H, u, m);
                store_part(p + 2 * H, c, m);
                store_part(p + 3 * H, acc[2], m);
              }
            });
      }
    });
  }

  void update_only(const Panels<T, 2>& panels, long first, long last) const {
    const long H = s.H;
    for_each_step(first, last, [&](long start, const T* prev, long n) {
      for (long j = 0; j < panels.size(); ++j) {
        const int m = int(std::min<long>(W, H - j * W));
        panel_product<T, 2>(
            prev, H, 1, n, prev ? H : 0, panels[j],
            [&](long r, Vec<T>(&acc)[2]) {
              const T* p = z + (start + r) * 2 * H + j * W;
              acc[0] = load_part(p, m);
              acc[1] = load_part(p + H, m);
            },
            [&](long r, Vec<T>(&acc)[2]) {
              const Vec<T> before = prev ? load_part(prev + r * H + j * W, m) : Vec<T>{};
              const Vec<T> u = vsigmoid<T>(acc[0]), c = vtanh<T>(acc[1]);
              store_part(h + (start + r) * H + j * W, c + u * (before - c), m);
              if (saved != nullptr) {
                T* p = saved + (start + r) * 2 * H + j * W;
                store_part(p, u, m);
                store_part(p + H, c, m);
              }
            });
      }
    });
  }

  void reset_before(const Panels<T, 2>& gates, const WidePanels<T>& candidate,
                    long first, long last) const {
    const long H = s.H;
    Buffer<T> scratch(size_t(last - first) * 3 * H);  // r, z, r * h
    for_each_step(first, last, [&](long start, const T* prev, long n) {
      for (long j = 0; j < gates.size(); ++j) {
        const int m = int(std::min<long>(W, H - j * W));
        panel_product<T, 2>(
            prev, H, 1, n, prev ? H : 0, gates[j],
            [&](long r, Vec<T>(&acc)[2]) {
              const T* p = z + (start + r) * 3 * H + j * W;
              acc[0] = load_part(p, m);
              acc[1] = load_part(p + H, m);
            },
            [&](long r, Vec<T>(&acc)[2]) {
              const Vec<T> before = prev ? load_part(prev + r * H + j * W, m) : Vec<T>{};
              const Vec<T> reset = vsigmoid<T>(acc[0]);
              T* p = scratch.get() + r * 3 * H + j * W;
              store_part(p, reset, m);
              store_part(p + H, vsigmoid<T>(acc[1]), m);
              store_part(p + 2 * H, reset * before, m);
            });
      }
      for (long j = 0; j < candidate.size(); ++j) {
        const long m = candidate.columns(j), at = j * WidePanels<T>::kColumns;
        panel_product<T, kWide>(
            scratch.get() + 2 * H, 3 * H, 1, n, prev ? H : 0, candidate[j],
            [&](long r, Vec<T>(&acc)[kWide]) {
              const T* p = z + (start + r) * 3 * H + 2 * H + at;
              for (int v = 0; v < kWide; ++v)
                acc[v] = m > v * W ? load_part(p + v * W, int(m - v * W)) : Vec<T>{};
            },
            [&](long r, Vec<T>(&acc)[kWide]) {
              const T* own = scratch.get() + r * 3 * H + at;
              for (int v = 0; v < kWide && v * W < m; ++v) {
                const int part = int(m - v * W);
                const Vec<T> before =
                    prev ? load_part(prev + r * H + at + v * W, part) : Vec<T>{};
                const Vec<T> u = load_part(own + H + v * W, part);
                const Vec<T> c = vtanh<T>(acc[v]);
                store_part(h + (start + r) * H + at + v * W, c + u * (before - c), part);
                if (saved != nullptr) {
                  T* p = saved + (start + r) * 4 * H + at + v * W;
                  store_part(p, load_part(own + v * W, part), part);
                  store_part(p + H, u, part);
                  store_part(p + 2 * H, c, part);
                  store_part(p + 3 * H, load_part(own + 2 * H + v * W, part), part);
                }
              }
            });
      }
    });
  }

  void rnn(const WidePanels<T>& panels, bool relu, long first, long last) const {
    const long H = s.H;
    for_each_step(first, last, [&](long start, const T* prev, long n) {
      for (long j = 0; j < panels.size(); ++j) {
        const long m = panels.columns(j), at = j * WidePanels<T>::kColumns;
        panel_product<T, kWide>(
            prev, H, 1, n, prev ? H : 0, panels[j],
            [&](long r, Vec<T>(&acc)[kWide]) {
              const T* p = z + (start + r) * H + at;
              for (int v = 0; v < kWide; ++v)
                acc[v] = m > v * W ? load_part(p + v * W, int(m - v * W)) : Vec<T>{};
            },
            [&](long r, Vec<T>(&acc)[kWide]) {
              T* p = h + (start + r) * H + at;
              for (int v = 0; v < kWide && v * W < m; ++v) {
                const Vec<T> value =
                    relu ? (acc[v] < T(0) ? Vec<T>{} : acc[v]) : vtanh<T>(acc[v]);
                store_part(p + v * W, value, int(m - v * W));
              }
            });
      }
    });
  }
};

// Runs all directions; the rows of `z` ... of direction d come after those of d - 1.
template <class T>
void forward(int cell, const Shape& s, const int64_t* sizes, const T* z, const T* U,
             const T* w, long n_extra, const T* h0, const T* c0, T* h, T* h_last,
             T* c_last, T* saved, int n_threads) {
  const long G = n_gates(cell), state = s.B * s.H;
  const int parts = int(std::max<long>(1, std::min<long>(s.B, n_threads / s.D)));
  const auto edges = split_sequences(sizes, s, parts);
  if (c_last != nullptr) {
    if (c0 != nullptr)
      std::copy_n(c0, s.D * state, c_last);
    else
      std::fill_n(c_last, s.D * state, T(0));
  }
  auto of = [&](long d) {
    return Forward<T>{cell,
                      s,
                      sizes,
                      z + d * s.N * G * s.H,
                      U + d * s.H * G * s.H,
                      w + d * n_extra * s.H,
                      h0 ? h0 + d * state : nullptr,
                      c0 ? c0 + d * state : nullptr,
                      h + d * s.N * s.H,
                      h_last + d * state,
                      c_last ? c_last + d * state : nullptr,
                      saved ? saved + d * s.N * n_slots(cell) * s.H : nullptr};
  };
  auto run_panels = [&](auto pack, auto run) {
    using P = decltype(pack(of(0)));
    std::vector<P> packed;
    packed.reserve(s.D);
    for (long d = 0; d < s.D; ++d) packed.push_back(pack(of(d)));
    run_all(s.D * parts, n_threads, [&](long i) {
      const long d = i % s.D, part = i / s.D;
      run(of(d), packed[d], edges[part], edges[part + 1]);
    });
  };
  auto gates = [&](auto nv) {
    constexpr int NV = decltype(nv)::value;
    return [&s, G](const Forward<T>& f) {
      auto panels = std::make_unique<Panels<T, NV>>(s.H, s.H);
      panels->pack_gates(f.U, G * s.H, s.H);
      return panels;
    };
  };
  auto wide = [&](long column) {
    return [&s, G, column](const Forward<T>& f) {
      auto panels = std::make_unique<WidePanels<T>>(s.H, s.H);
      panels->pack(f.U + column, G * s.H, 1);
      return panels;
    };
  };
  switch (cell) {
    case kLstm:
      return run_panels(gates(std::integral_constant<int, 4>{}),
                        [](const Forward<T>& f, auto& p, long a, long b) {
                          f.template lstm<false>(*p, a, b);
                        });
    case kPeephole:
      return run_panels(gates(std::integral_constant<int, 4>{}),
                        [](const Forward<T>& f, auto& p, long a, long b) {
                          f.template lstm<true>(*p, a, b);
                        });
    case kGru:
      return run_panels(
          gates(std::integral_constant<int, 3>{}),
          [](const Forward<T>& f, auto& p, long a, long b) { f.gru(*p, a, b); });
    case kUpdateOnly:
      return run_panels(
          gates(std::integral_constant<int, 2>{}),
          [](const Forward<T>& f, auto& p, long a, long b) { f.update_only(*p, a, b); });
    case kResetBefore:
      return run_panels(
          [&](const Forward<T>& f) {
            return std::make_pair(gates(std::integral_constant<int, 2>{})(f),
                                  wide(2 * s.H)(f));
          },
          [](const Forward<T>& f, auto& p, long a, long b) {
            f.reset_before(*p.first, *p.second, a, b);
          });
    default:
      return run_panels(wide(0), [](const Forward<T>& f, auto& p, long a, long b) {
        f.rnn(*p, f.cell == kRelu, a, b);
      });
  }
}

template <class T>
struct Backward {
  int cell;
  Shape s;
  const int64_t* sizes;
  const T* dh;      // by each output, shape (N, H)
  const T *h, *saved, *h0, *c0, *w;
  T *dz, *da;       // da: by U h, where it is not dz
  T *dh_first, *dc_first;  // in: by the last state; out: by the first

  static constexpr int W = kLanes<T>;

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

  // carry[rows] (+)= a @ panels
  void carry_product(const T* a, ptrdiff_t rs, long K, const WidePanels<T>& panels,
                     T* carry, long n, bool add) const {
    for (long j = 0; j < panels.size(); ++j) {
      const long m = panels.columns(j), at = j * WidePanels<T>::kColumns;
      panel_product<T, kWide>(
          a, rs, 1, n, K, panels[j],
          [&](long r, Vec<T>(&acc)[kWide]) {
            const T* p = carry + r * s.H + at;
            for (int v = 0; v < kWide; ++v)
              acc[v] =
                  add && m > v * W ? load_part(p + v * W, int(m - v * W)) : Vec<T>{};
          },
          [&](long r, Vec<T>(&acc)[kWide]) {
            T* p = carry + r * s.H + at;
            for (int v = 0; v < kWide && v * W < m; ++v)
              store_part(p + v * W, acc[v], int(m - v * W));
          });
    }
  }

  // Calls f(row, column, count) for the vectors of n rows.
  template <class F>
  void for_each_vector(long n, F f) const {
    for (long r = 0; r < n; ++r)
      for (long j = 0; j < s.H; j += W) f(r, j, int(std::min<long>(W, s.H - j)));
  }

  template <bool kPeep>
  void lstm(const WidePanels<T>& UT, long first, long last) const {
    const long H = s.H;
    for_each_step(first, last, [&](long start, const T*, long before, long n) {
      const T* c_before = before >= 0   ? saved + before * 5 * H + 4 * H
                          : c0 != nullptr ? c0 + first * H
                                          : nullptr;
      const long c_stride = before >= 0 ? 5 * H : H;
      for_each_vector(n, [&](long r, long j, int m) {
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
      carry_product(dz + start * 4 * H, 4 * H, 4 * H, UT, dh_first + first * H, n, false);
    });
  }

  void gru(const WidePanels<T>& UT, long first, long last) const {
    const long H = s.H;
    for_each_step(first, last, [&](long start, const T* prev, long, long n) {
      for_each_vector(n, [&](long r, long j, int m) {
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
      carry_product(da + start * 3 * H, 3 * H, 3 * H, UT, dh_first + first * H, n, true);
    });
  }

  void update_only(const WidePanels<T>& UT, long first, long last) const {
    const long H = s.H;
    for_each_step(first, last, [&](long start, const T* prev, long, long n) {
      for_each_vector(n, [&](long r, long j, int m) {
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
      carry_product(dz + start * 2 * H, 2 * H, 2 * H, UT, dh_first + first * H, n, true);
    });
  }

  void reset_before(const WidePanels<T>& gates_T, const WidePanels<T>& candidate_T,
                    long first, long last) const {
    const long H = s.H;
    Buffer<T> dreset(size_t(last - first) * H);
    for_each_step(first, last, [&](long start, const T* prev, long, long n) {
      for_each_vector(n, [&](long r, long j, int m) {
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
      carry_product(dz + start * 3 * H + 2 * H, 3 * H, H, candidate_T, dreset.get(), n,
                    false);
      for_each_vector(n, [&](long r, long j, int m) {
        const Vec<T> reset = load_part(saved + (start + r) * 4 * H + j, m);
        const Vec<T> before = prev ? load_part(prev + r * H + j, m) : Vec<T>{};
        const Vec<T> d = load_part(dreset.get() + r * H + j, m);
        T* carry = dh_first + (first + r) * H + j;
        store_part(carry, load_part(carry, m) + d * reset, m);
        store_part(dz + (start + r) * 3 * H + j, d * before * (reset - reset * reset), m);
      });
      carry_product(dz + start * 3 * H, 3 * H, 2 * H, gates_T, dh_first + first * H, n,
                    true);
    });
  }

  void rnn(const WidePanels<T>& UT, bool relu, long first, long last) const {
    const long H = s.H;
    for_each_step(first, last, [&](long start, const T*, long, long n) {
      for_each_vector(n, [&](long r, long j, int m) {
        const Vec<T> out = load_part(h + (start + r) * H + j, m);
        const Vec<T> dout = load_part(dh + (start + r) * H + j, m) +
                            load_part(dh_first + (first + r) * H + j, m);
        const Vec<T> d = relu ? (out > T(0) ? dout : Vec<T>{}) : dout * (T(1) - out * out);
        store_part(dz + (start + r) * H + j, d, m);
      });
      carry_product(dz + start * H, H, H, UT, dh_first + first * H, n, false);
    });
  }
};

// dU and dw are added to.
template <class T>
void backward(int cell, const Shape& s, const int64_t* sizes, const T* dh, const T* h,
              const T* saved, const T* h0, const T* c0, const T* U, const T* w,
              long n_extra, T* dz, T* dU, T* dw, T* dh_first, T* dc_first,
              int n_threads) {
  const long G = n_gates(cell), S = n_slots(cell), H = s.H, state = s.B * H;
  const int parts = int(std::max<long>(1, std::min<long>(s.B, n_threads / s.D)));
  const auto edges = split_sequences(sizes, s, parts);
  Buffer<T> scratch(cell == kGru ? size_t(s.D) * s.N * G * H : 1);
  auto of = [&](long d) {
    return Backward<T>{cell,
                       s,
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
                       dc_first ? dc_first + d * state : nullptr};
  };
  std::vector<std::unique_ptr<WidePanels<T>>> all, gates;
  const long columns = cell == kResetBefore ? H : G * H;
  for (long d = 0; d < s.D; ++d) {
    const T* own = U + d * H * G * H;
    all.push_back(std::make_unique<WidePanels<T>>(columns, H));
    all[d]->pack(own + G * H - columns, 1, G * H);
    if (cell == kResetBefore) {
      gates.push_back(std::make_unique<WidePanels<T>>(2 * H, H));
      gates[d]->pack(own, 1, G * H);
    }
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
  // What each row's predecessor gave, packed like the rows.
  Buffer<T> before(size_t(s.N) * H);
  for (long d = 0; d < s.D; ++d) {
    const T* own = h + d * s.N * H;
    if (h0 != nullptr)
      std::copy_n(h0 + d * state, sizes[0] * H, before.get());
    else
      std::fill_n(before.get(), sizes[0] * H, T(0));
    for (long t = 1, start = 0; t < s.T; ++t) {
      std::copy_n(own + start * H, sizes[t] * H, before.get() + (start + sizes[t - 1]) * H);
      start += sizes[t - 1];
    }
    const T* d_a = cell == kGru ? of(d).da : of(d).dz;
    const long width = G * H;
    T* to = dU + d * H * width;
    product<T>(before.get(), 1, H, d_a, width, 1, to, width, H,
               cell == kResetBefore ? 2 * H : width, s.N, true, n_threads);
    if (cell == kResetBefore)
      product<T>(of(d).saved + 3 * H, 1, 4 * H, d_a + 2 * H, width, 1, to + 2 * H, width,
                 H, H, s.N, true, n_threads);
    T* to_w = dw + d * n_extra * H;
    for (long row = 0; cell == kGru && row < s.N; ++row)
      for (long k = 0; k < H; ++k) to_w[k] += d_a[row * width + 2 * H + k];
    if (cell == kPeephole) {
      const Backward<T> run = of(d);
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
