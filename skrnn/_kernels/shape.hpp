// The cells, and the sizes of batches and tables.
#pragma once

#include <cstdint>

namespace skrnn {

enum Cell { kRnn, kRelu, kLstm, kPeephole, kGru, kResetBefore, kUpdateOnly };

// D directions, N rows of B sequences with at most T steps, H units.
struct Shape {
  long D, N, B, T, H;
};

// Rows of a table, all of them or some, of each of D tables one after the other. The
// gradients are those of these rows only.
struct Rows {
  long D, V, m;          // tables, rows of each, numbers of a row
  const int64_t* which;  // nullptr for all
  long n;                // how many
};

// B groups of queries of A numbers: those of group i are rows queries[i] to
// queries[i + 1]. They look at lengths[i] rows of `keys`, also of A numbers, and of
// `memory`, of M numbers, from starts[i] on; their weights are from offsets[i] on.
template <class T>
struct Attention {
  const T *q, *keys, *memory;
  const T* v;  // of scores v tanh(q + key), nullptr of products q key
  const int64_t *queries, *starts, *lengths, *offsets;
  T* weights;
  long B, A, M;
};

}  // namespace skrnn
