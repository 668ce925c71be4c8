// Functions of both time loops, forward.hpp and backward.hpp. A batch is packed: the
// rows of a step follow those of the step before; the sequences are sorted, longest
// first, so that the live ones of each step are the first.
#pragma once

#include "cells/cell.hpp"

namespace skrnn {
namespace SKRNN_ISA {

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

}  // namespace SKRNN_ISA
}  // namespace skrnn
