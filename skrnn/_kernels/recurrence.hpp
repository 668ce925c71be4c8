// The time loop over a packed batch, forward and backward, for the cells of cells/. The
// rows of a step follow those of the step before; the sequences are sorted, longest
// first, so that the live ones of each step are the first.
#pragma once

#include "cells/cell.hpp"

namespace skrnn {
namespace SKRNN_ISA {

constexpr long kCacheBytes = 1 << 17;  // of projections to work on at a time
constexpr long kStepRows = 24;         // at least

template <class Cell>
constexpr int kFirstGates = Cell::gates - Cell::second_gates;

// p + n, or nullptr.
template <class P>
inline P* advance(P* p, long n) {
  return p != nullptr ? p + n : nullptr;
}

// The parts of the arguments that belong to direction d.
template <class Cell, class T>
ForwardArgs<T> direction(const ForwardArgs<T>& all, long d) {
  const auto [D, N, B, n_steps, H] = all.shape;
  const long gates = Cell::gates * H, state = d * B * H;
  ForwardArgs<T> one = all;
  one.z += d * all.n_inputs * gates;
  one.rows = advance(all.rows, d * N);
  one.U += d * H * gates;
  one.w += d * Cell::extra * H;
  one.h0 = advance(all.h0, state);
  one.c0 = advance(all.c0, state);
  one.h += d * N * H;
  one.h_last += state;
  one.c_last = advance(all.c_last, state);
  one.saved = advance(all.saved, d * N * Cell::slots * H);
  return one;
}

template <class Cell, class T>
BackwardArgs<T> direction(const BackwardArgs<T>& all, long d) {
  const auto [D, N, B, n_steps, H] = all.shape;
  const long gates = Cell::gates * H, state = d * B * H;
  BackwardArgs<T> one = all;
  one.dh += d * N * H;
  one.h += d * N * H;
  one.saved = advance(all.saved, d * N * Cell::slots * H);
  one.h0 = advance(all.h0, state);
  one.c0 = advance(all.c0, state);
  one.U += d * H * gates;
  one.w += d * Cell::extra * H;
  one.dz += d * N * gates;
  one.da += d * N * gates;
  one.dU += d * H * gates;
  one.dw += d * Cell::extra * H;
  one.db = advance(all.db, d * gates);
  one.dh_first += state;
  one.dc_first = advance(all.dc_first, state);
  return one;
}

// Splits the sequences into parts of about as many steps: part i begins at edges[i].
inline Buffer<long> split_sequences(const int64_t* sizes, const Shape& s, int n) {
  Buffer<long> edges(n + 1, s.B), lengths(s.B, 0L);
  for (long t = 0; t < s.T; ++t) ++lengths[sizes[t] - 1];  // and of all before it
  for (long j = s.B - 2; j >= 0; --j) lengths[j] += lengths[j + 1];
  edges[0] = 0;
  long done = 0;
  int part = 1;
  for (long j = 0; j < s.B && part < n; ++j) {
    done += lengths[j];
    if (done * n >= s.N * part) edges[part++] = j + 1;
  }
  return edges;
}

// The parts of the sequences of each direction to run at the same time.
inline int n_parts(const Shape& s, int n_threads) {
  return int(larger(1L, smaller(s.B / 8, n_threads / s.D)));
}

// Calls f(row, column, count) for the vectors of n rows of H numbers.
template <class T, class F>
[[gnu::flatten]] inline void for_each_unit(long n, long H, F f) {
  constexpr int W = kLanes<T>;
  for (long r = 0; r < n; ++r) {
    long j = 0;
    for (; j + W <= H; j += W) f(r, j, W);
    if (j < H) f(r, j, int(H - j));
  }
}

template <class T>
inline Vec<T> load_or_zero(const T* p, long at, int count) {
  return p != nullptr ? load_part(p + at, count) : Vec<T>{};
}

// --- forward
// --------------------------------------------------------------------------

// The recurrent weights of one direction: those of h<t-1>, and those of the second
// product.
template <class Cell, class T>
struct ForwardWeights {
  Panels<T> first, second;

  ForwardWeights(const T* U, long H, bool few_rows)
      : first({U, Cell::gates * H, 1}, H, kFirstGates<Cell> * H, few_rows),
        second({U + kFirstGates<Cell> * H, Cell::gates * H, 1}, H,
               Cell::second_gates * H, few_rows) {}
};

// Some sequences, from `first` to `last`, of one direction.
template <class Cell, class T>
class ForwardPart {
 public:
  ForwardPart(const ForwardArgs<T>& s, const ForwardWeights<Cell, T>& U, long first,
              long last)
      : s_(s),
        U_(U),
        H_(s.shape.H),
        first_(first),
        last_(last),
        n_rows_(
            smaller(last - first,
                    larger(kStepRows, kCacheBytes / (kWidth * H_ * long(sizeof(T)))))),
        a_(n_rows_ * kWidth * H_),
        stage_(Cell::second_gates > 0 ? n_rows_ * kStageWidth * H_ : 0),
        zeros_(Cell::direct && s.h0 == nullptr ? H_ : 0, T(0)) {}

  void run() const {
    long start = 0, before = 0;
    for (long t = 0; t < s_.shape.T; ++t) {
      const long n = smaller<long>(s_.sizes[t], last_) - first_;
      if (n <= 0) break;
      const T* prev =
          t > 0 ? s_.h + (before + first_) * H_ : advance(s_.h0, first_ * H_);
      for (long i = 0; i < n; i += n_rows_)
        step(start + first_ + i, first_ + i, advance(prev, i * H_),
             smaller(n_rows_, n - i));
      before = start;
      start += s_.sizes[t];
      // the sequences that end here
      const long next = t + 1 < s_.shape.T ? s_.sizes[t + 1] : 0;
      for (long j = larger(first_, next); j < first_ + n; ++j)
        copy(s_.h + (before + j) * H_, H_, s_.h_last + j * H_);
    }
  }

 private:
  static constexpr int kWidth = kFirstGates<Cell>;
  // the gates of the first product, what the second multiplies, and the result
  static constexpr int kStageWidth = kWidth + 1 + Cell::second_gates;

  // The outputs of a step; the stride is that of the sequences.
  struct Outputs {
    const T* p;
    long stride;
  };

  // One step of n sequences from j on, whose first row is `row`.
  void step(long row, long j, const T* prev, long n) const {
    if (prev != nullptr)
      U_.first.multiply(prev, H_, n, a_.get(), kWidth * H_, false);
    else
      fill(a_.get(), n * kWidth * H_, T(0));
    const Outputs before = {prev != nullptr ? prev : zeros_.get(), prev ? H_ : 0};
    if constexpr (Cell::second_gates > 0) {
      for_each_unit<T>(n, H_, [=, this](long r, long k, int count) {
        Cell::template first<T>(at(row + r, j + r, r, k, count, before),
                                {stage_.get() + r * kStageWidth * H_ + k, H_, count});
      });
      U_.second.multiply(stage_.get() + kWidth * H_, kStageWidth * H_, n,
                         stage_.get() + (kWidth + 1) * H_, kStageWidth * H_, false);
    }
    for_each_unit<T>(n, H_, [=, this](long r, long k, int count) {
      const State<T> now =
          Cell::template forward<T>(at(row + r, j + r, r, k, count, before));
      if constexpr (Cell::memory)
        store_part(s_.c_last + (j + r) * H_ + k, now.c, count);
      store_part(s_.h + (row + r) * H_ + k, now.h, count);
    });
  }

  ForwardStep<T> at(long row, long j, long r, long k, int count, Outputs prev) const {
    const long input = s_.rows != nullptr ? s_.rows[row] : row;
    ForwardStep<T> step = {
        .z = {s_.z + input * Cell::gates * H_ + k, H_, count},
        .a = {a_.get() + r * kWidth * H_ + k, H_, count},
        .w = {s_.w + k, H_, count},
        .prev = {},
        .saved = {advance(s_.saved, row * Cell::slots * H_ + k), H_, count},
        .first = {},
        .second = {},
    };
    if constexpr (Cell::direct)
      step.prev.h = load_part(prev.p + r * prev.stride + k, count);
    if constexpr (Cell::memory) step.prev.c = load_part(s_.c_last + j * H_ + k, count);
    if constexpr (Cell::second_gates > 0) {
      const T* stage = stage_.get() + r * kStageWidth * H_ + k;
      step.first = {stage, H_, count};
      step.second = {stage + (kWidth + 1) * H_, H_, count};
    }
    return step;
  }

  const ForwardArgs<T> s_;
  const ForwardWeights<Cell, T>& U_;
  const long H_, first_, last_;
  const long n_rows_;  // at a time
  const Buffer<T> a_;  // recurrent projections
  const Buffer<T> stage_;
  const Buffer<T> zeros_;  // the outputs before the first step
};

template <class Cell, class T>
void forward(const ForwardArgs<T>& s, int n_threads) {
  const auto [D, N, B, n_steps, H] = s.shape;
  n_threads = useful_threads(N * Cell::gates * H * H, n_threads);
  const int parts = n_parts(s.shape, n_threads);
  const auto edges = split_sequences(s.sizes, s.shape, parts);
  if constexpr (Cell::memory) {  // c_last is the running memory
    if (s.c0 != nullptr)
      copy(s.c0, D * B * H, s.c_last);
    else
      fill(s.c_last, D * B * H, T(0));
  }
  List<ForwardWeights<Cell, T>> weights(D);
  for (long d = 0; d < D; ++d)
    weights.add(direction<Cell>(s, d).U, H, N <= 2 * kUnpackedRows);
  const long n_directions = D;
  parallel_for(D * parts, n_threads, [&](long i) {
    const long d = i % n_directions, part = i / n_directions;
    ForwardPart<Cell, T>(direction<Cell>(s, d), weights[d], edges[part],
                         edges[part + 1])
        .run();
  });
}

// --- backward
// -------------------------------------------------------------------------

// The recurrent weights of one direction, transposed.
template <class Cell, class T>
struct BackwardWeights {
  Panels<T> first, second;

  BackwardWeights(const T* U, long H)
      : first({U, 1, Cell::gates * H}, kFirstGates<Cell> * H, H, false),
        second({U + kFirstGates<Cell> * H, 1, Cell::gates * H}, Cell::second_gates * H,
               Cell::second_gates > 0 ? H : 0, false) {}
};

template <class Cell, class T>
class BackwardPart {
 public:
  BackwardPart(const BackwardArgs<T>& s, const BackwardWeights<Cell, T>& UT, long first,
               long last)
      : s_(s),
        UT_(UT),
        H_(s.shape.H),
        first_(first),
        last_(last),
        dsecond_(Cell::second_gates > 0 ? (last - first) * H_ : 0) {}

  void run() const {
    long start = s_.shape.N;
    for (long t = s_.shape.T - 1; t >= 0; --t) {
      start -= s_.sizes[t];
      const long n = smaller<long>(s_.sizes[t], last_) - first_;
      if (n <= 0) continue;
      Previous prev = {advance(s_.h0, first_ * H_), advance(s_.c0, first_ * H_), H_};
      if (t > 0) {
        const long before = start - s_.sizes[t - 1] + first_;
        // the memory is what the last slot keeps
        prev = {s_.h + before * H_,
                advance(s_.saved, (before * Cell::slots + Cell::slots - 1) * H_),
                Cell::slots * H_};
      }
      step(start + first_, prev, n, t > 0 || s_.to_first);
    }
  }

 private:
  static constexpr int kWidth = kFirstGates<Cell>, kGates = Cell::gates;

  // The states before a step; nullptr: zeros.
  struct Previous {
    const T *h, *c;
    long c_stride;
  };

  // One step of n sequences, whose first row is `row`. The derivatives by the states
  // before replace those by the states after it.
  void step(long row, Previous prev, long n, bool to_before) const {
    T* carry = s_.dh_first + first_ * H_;
    for_each_unit<T>(n, H_, [=, this](long r, long k, int count) {
      const BackwardStep<T> step = at(row, r, k, count, prev);
      const State<T> direct = Cell::template backward<T>(step);
      if constexpr (Cell::memory)
        store_part(s_.dc_first + (first_ + r) * H_ + k, direct.c, count);
      if constexpr (Cell::direct) store_part(carry + r * H_ + k, direct.h, count);
    });
    if constexpr (Cell::second_gates > 0) {
      UT_.second.multiply(s_.dz + (row * kGates + kWidth) * H_, kGates * H_, n,
                          dsecond_.get(), H_, false);
      for_each_unit<T>(n, H_, [=, this](long r, long k, int count) {
        T* to = carry + r * H_ + k;
        const Vec<T> before = load_part(to, count);
        const Vec<T> direct = Cell::template first_backward<T>(
            at(row, r, k, count, prev), {dsecond_.get() + r * H_ + k, H_, count});
        store_part(to, before + direct, count);
      });
    }
    if (to_before)
      UT_.first.multiply(s_.da + row * kGates * H_, kGates * H_, n, carry, H_,
                         Cell::direct);
  }

  BackwardStep<T> at(long row, long r, long k, int count, Previous prev) const {
    const long unit = (row + r) * H_ + k, carry = (first_ + r) * H_ + k;
    const long gates = (row + r) * kGates * H_ + k;
    BackwardStep<T> step = {
        .saved = {advance(s_.saved, (row + r) * Cell::slots * H_ + k), H_, count},
        .w = {s_.w + k, H_, count},
        .h = load_part(s_.h + unit, count),
        .prev = {},
        .d = {load_part(s_.dh + unit, count) + load_part(s_.dh_first + carry, count)},
        .dz = {s_.dz + gates, H_, count},
        .da = {s_.da + gates, H_, count},
    };
    if constexpr (Cell::direct) step.prev.h = load_or_zero(prev.h, r * H_ + k, count);
    if constexpr (Cell::memory) {
      step.prev.c = load_or_zero(prev.c, r * prev.c_stride + k, count);
      step.d.c = load_part(s_.dc_first + carry, count);
    }
    return step;
  }

  const BackwardArgs<T> s_;
  const BackwardWeights<Cell, T>& UT_;
  const long H_, first_, last_;
  const Buffer<T> dsecond_;  // the derivatives by what the second product multiplies
};

// Packs the outputs of the step before each row, from row `skip` on.
template <class T>
void pack_previous(const BackwardArgs<T>& s, T* to) {
  const long H = s.shape.H;
  if (s.h0 != nullptr) to = copy(s.h0, s.sizes[0] * H, to);
  const T* from = s.h;
  for (long t = 1; t < s.shape.T; from += s.sizes[t - 1] * H, ++t)
    to = copy(from, s.sizes[t] * H, to);
}

// Adds to dU, dw and db of one direction.
template <class Cell, class T>
void add_weight_grads(const BackwardArgs<T>& s, int n_threads) {
  constexpr int kWidth = kFirstGates<Cell>;
  const long N = s.shape.N, H = s.shape.H, width = Cell::gates * H;
  // Without an initial state that of the first step is zero. Where no sequence is
  // shorter than the others, the outputs before each row are packed already.
  const long skip = s.h0 == nullptr ? s.sizes[0] : 0;
  const bool even = skip > 0 && s.sizes[s.shape.T - 1] == s.sizes[0];
  const Buffer<T> packed(even ? 0 : (N - skip) * H), sums(width, T(0));
  if (!even) pack_previous(s, packed.get());
  const T *previous = even ? s.h : packed.get(), *da = s.da + skip * width;
  sum_columns(s.da, width, skip, width, sums.get());
  matmul<T>({.a = {previous, 1, H},
             .b = {da, width, 1},
             .c = s.dU,
             .c_stride = width,
             .M = H,
             .N = kWidth * H,
             .K = N - skip,
             .add = true,
             .bias = nullptr,
             .column_sums = sums.get()},
            n_threads);
  if constexpr (Cell::second_gates > 0)
    matmul<T>({.a = {s.saved + (skip * Cell::slots + Cell::multiplied) * H, 1,
                     Cell::slots * H},
               .b = {da + kWidth * H, width, 1},
               .c = s.dU + kWidth * H,
               .c_stride = width,
               .M = H,
               .N = Cell::second_gates * H,
               .K = N - skip,
               .add = true,
               .bias = nullptr,
               .column_sums = sums.get() + kWidth * H},
              n_threads);
  Cell::template extra_backward<T>(s, sums.get());
  for (long k = 0; s.db != nullptr && k < width; ++k) s.db[k] += sums[k];
}

template <class Cell, class T>
void backward(BackwardArgs<T> s, int n_threads) {
  const auto [D, N, B, n_steps, H] = s.shape;
  n_threads = useful_threads(N * Cell::gates * H * H, n_threads);
  const int parts = n_parts(s.shape, n_threads);
  const auto edges = split_sequences(s.sizes, s.shape, parts);
  const Buffer<T> own_da(Cell::own_da ? D * N * Cell::gates * H : 0);
  s.da = Cell::own_da ? own_da.get() : s.dz;
  List<BackwardWeights<Cell, T>> weights(D);
  for (long d = 0; d < D; ++d) weights.add(direction<Cell>(s, d).U, H);
  const long n_directions = D;
  parallel_for(D * parts, n_threads, [&](long i) {
    const long d = i % n_directions, part = i / n_directions;
    BackwardPart<Cell, T>(direction<Cell>(s, d), weights[d], edges[part],
                          edges[part + 1])
        .run();
  });
  for (long d = 0; d < D; ++d) add_weight_grads<Cell>(direction<Cell>(s, d), n_threads);
}

}  // namespace SKRNN_ISA
}  // namespace skrnn
