// The forward pass of a layer.
#pragma once

#include "recurrence.hpp"

namespace skrnn {
namespace SKRNN_ISA {

constexpr long kCacheBytes = 1 << 17;  // of projections to work on at a time
constexpr long kStepRows = 24;         // at least

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
  // the gates of the first product, the left side of the second, and its result
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

}  // namespace SKRNN_ISA
}  // namespace skrnn
