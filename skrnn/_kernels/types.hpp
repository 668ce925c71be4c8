// The arguments of each kernel, and the table of kernels of an instruction set. Plain
// structs without functions: these types are common to all instruction sets, and a
// function of theirs would be, too.
#pragma once

#include <cstddef>
#include <cstdint>

namespace skrnn {

// D directions, N rows of B sequences with at most T steps, H units.
struct Shape {
  long D, N, B, T, H;
};

// The forward pass of a layer with a cell of G gates.
template <class T>
struct ForwardArgs {
  Shape shape;
  const int64_t* sizes;  // (T,): live sequences at each step
  const T* z;            // (D, n_inputs, G * H): input projections
  long n_inputs;
  const int64_t* rows;  // (D, N): the row of z that each row takes; nullptr: its own
  const T* U;           // (D, H, G * H): recurrent weights
  const T* w;           // (D, extra, H): extra weights of the cell
  const T *h0, *c0;     // (D, B, H): initial state; nullptr: zeros
  T* h;                 // (D, N, H): outputs
  T *h_last,
      *c_last;  // (D, B, H): state after the last step; c_last nullptr: no memory
  T* saved;     // (D, N, slots * H): for the backward pass; nullptr: none
};

// The backward pass of a layer. dU, dw and db are added to.
template <class T>
struct BackwardArgs {
  Shape shape;
  const int64_t* sizes;
  const T* dh;  // (D, N, H): derivative by the outputs
  const T *h, *saved, *h0, *c0, *U, *w;
  T* dz;  // (D, N, G * H)
  T* da;  // as dz: by the recurrent projections; the kernel sets it
  T *dU, *dw;
  T* db;                   // (D, G * H): the sum of dz; nullptr: not wanted
  T *dh_first, *dc_first;  // (D, B, H) in: by the last state; out: by the first
  bool to_first;           // whether dh_first is wanted
};

// A matrix given by its first element and the strides of its rows and columns.
template <class T>
struct Matrix {
  const T* p;
  ptrdiff_t row, column;
};

// c = a @ b + bias, or c += a @ b.
template <class T>
struct MatmulArgs {
  Matrix<T> a, b;  // (M, K), (K, N)
  T* c;            // (M, N)
  ptrdiff_t c_stride;
  long M, N, K;
  bool add;
  const T* bias;   // (N,): added to each row; nullptr: zeros
  T* column_sums;  // (N,): the sums of the columns of b are added to it; nullptr: none
};

// Replaces scores by the derivative of the summed loss, and sets the loss of each row.
template <class T>
struct SoftmaxLossArgs {
  T* scores;         // (N, K)
  const int64_t* y;  // (N,): classes; below 0: unknown, of weight 0
  const T* weights;  // (N,)
  T* losses;         // (N,)
  long N, K;
};

// Replaces scores by the derivative of the summed loss, and sets the loss of each
// target. Target j is y[offsets[j]] ... y[offsets[j + 1] - 2], and a blank, K - 1,
// follows it.
template <class T>
struct CtcLossArgs {
  T* scores;  // (N, K)
  const int64_t *y, *offsets;
  const double* weights;   // (B,); nullptr: losses only, scores stay
  const int64_t* lengths;  // (B,): steps of each sequence
  const int64_t* sizes;    // (T,): live sequences at each step
  double* losses;          // (B,)
  long B, T_steps, K;
};

// B groups of queries of A numbers: those of group i are rows queries[i] to
// queries[i + 1]. They attend to lengths[i] rows of `keys`, also of A numbers, and of
// `memory`, of M numbers, from starts[i] on; their weights start at offsets[i].
template <class T>
struct AttentionArgs {
  const T *q, *keys, *memory;
  const T* v;  // score v tanh(q + key); nullptr: score q key
  const int64_t *queries, *starts, *lengths, *offsets;
  T* weights;
  long B, A, M;
};

// The derivatives of attention.
template <class T>
struct AttentionGrads {
  const T* dcontext;
  T *dq, *dkeys, *dmemory;
  T* dv;  // (B, A): of each group; nullptr: there is no v
};

// Parameters to update: D tables of V rows of m numbers, all rows or the n rows `which`
// of each. The gradients are those of these rows only.
struct Rows {
  long D, V, m;
  const int64_t* which;  // nullptr: all
  long n;
};

// A step of Adam; the gradient is first multiplied by scale.
template <class T>
struct AdamArgs {
  Rows rows;
  T* p;
  const T* g;
  T *mean, *square;
  T scale, beta_1, beta_2, rate, epsilon;
};

// A step of gradient descent; the gradient is first multiplied by scale.
template <class T>
struct SgdArgs {
  Rows rows;
  T* p;
  const T* g;
  T* velocity;  // nullptr: no momentum
  T scale, momentum, rate;
  bool nesterov;
};

// to[index[i]] += values[i], rows of m numbers, in their order.
template <class T>
struct AddRowsArgs {
  const int64_t* index;  // (n,)
  const T* values;       // (n, m)
  T* to;
  long n, m;
};

// The kernels of an instruction set for one type of number.
template <class T>
struct Kernels {
  void (*forward)(int cell, const ForwardArgs<T>&, int n_threads);
  void (*backward)(int cell, const BackwardArgs<T>&, int n_threads);
  void (*matmul)(const MatmulArgs<T>&, int n_threads);
  void (*softmax_loss)(const SoftmaxLossArgs<T>&, int n_threads);
  void (*ctc_loss)(const CtcLossArgs<T>&, int n_threads);
  void (*attend)(const AttentionArgs<T>&, T* context, int n_threads);
  void (*attend_backward)(const AttentionArgs<T>&, const AttentionGrads<T>&,
                          int n_threads);
  void (*adam)(const AdamArgs<T>&);
  void (*sgd)(const SgdArgs<T>&);
  void (*add_rows)(const AddRowsArgs<T>&, int n_threads);
};

// A compiled cell: its number in `forward` and `backward` is its place in the table.
struct CellInfo {
  const char* name;
  int gates, slots, extra;
  bool memory;
};

struct Isa {
  const char* name;
  const CellInfo* cells;
  int n_cells;
  Kernels<float> float32;
  Kernels<double> float64;
};

}  // namespace skrnn
