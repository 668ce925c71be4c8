// The backward pass of a layer.
#pragma once

#include "recurrence.hpp"

namespace skrnn {
namespace SKRNN_ISA {

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
        // the last slot holds the memory
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
  const Buffer<T> dsecond_;  // the derivatives by the left side of the second product
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
