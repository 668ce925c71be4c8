// Matrix products in tiles of registers. The columns of a tile, a panel, are packed
// first. The terms of each element of a result are added in the order of the inner
// index, whatever the tile it is in: its bits depend on its row and its column only.
#pragma once

#include <cstddef>

#include "memory.hpp"
#include "simd.hpp"
#include "threads.hpp"
#include "types.hpp"

namespace skrnn {
namespace SKRNN_ISA {

#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int kAccumulators = 24;  // of 32 registers
#else
constexpr int kAccumulators = 8;  // of 16
#endif
template <int NV>
constexpr int kTileRows = kAccumulators / NV;

constexpr int kPanelVectors = 4;    // at most
constexpr long kUnpackedRows = 16;  // packing does not pay for so few rows
constexpr long kKBlock = 512;  // rows of a panel at a time, so that it stays in a cache

template <class T>
constexpr long kPanelColumns = kPanelVectors * kLanes<T>;

// Some columns of a matrix: at most kPanelVectors vectors, the last of which may be a
// part of one. The stride is that of the rows.
template <class T>
struct Panel {
  const T* p;
  ptrdiff_t stride;
  long columns;
};

// Where a result goes: it is added to c, or `bias`, a row for all, to it.
template <class T>
struct Target {
  T* c;
  ptrdiff_t stride;  // of rows
  bool add;
  const T* bias;  // nullptr: zeros
};

// c[r] (+)= a[r] @ panel for R rows, K rows of the panel and its NV vectors.
template <class T, int R, int NV>
inline void multiply_tile(Matrix<T> a, long K, Panel<T> panel, Target<T> to) {
  constexpr int W = kLanes<T>;
  const int part = int(panel.columns - (NV - 1) * W);
  Vec<T> acc[R][NV];
  const T* from = to.add ? to.c : to.bias;
  const ptrdiff_t from_stride = to.add ? to.stride : 0;
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < NV; ++v)
      acc[r][v] = from != nullptr
                      ? load_part(from + r * from_stride + v * W, v < NV - 1 ? W : part)
                      : Vec<T>{};
  for (long k = 0; k < K; ++k) {
    Vec<T> b[NV];
    for (int v = 0; v < NV; ++v) b[v] = load(panel.p + v * W);
    for (int r = 0; r < R; ++r) {
      const Vec<T> x = broadcast<T>(a.p[r * a.row]);
      for (int v = 0; v < NV; ++v) acc[r][v] += x * b[v];
    }
    a.p += a.column;
    panel.p += panel.stride;
  }
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < NV; ++v)
      store_part(to.c + r * to.stride + v * W, acc[r][v], v < NV - 1 ? W : part);
}

template <int N>
struct Constant {
  static constexpr int value = N;
};

template <class T, int NV>
void multiply_tiles(Matrix<T> a, long n_rows, long K, Panel<T> panel, Target<T> to) {
  constexpr int R = kTileRows<NV>;
  const auto tiles = [&](auto rows) {
    constexpr int n = decltype(rows)::value;
    for (; n_rows >= n; n_rows -= n) {
      multiply_tile<T, n, NV>(a, K, panel, to);
      a.p += n * a.row;
      to.c += n * to.stride;
    }
  };
  tiles(Constant<R>{});
  if constexpr (R > 4) tiles(Constant<4>{});
  if constexpr (R > 2) tiles(Constant<2>{});
  tiles(Constant<1>{});
}

// c (+)= a @ panel, of n_rows rows of a and K of the panel.
template <class T>
void multiply_panel(Matrix<T> a, long n_rows, long K, Panel<T> panel, Target<T> to) {
  switch ((panel.columns + kLanes<T> - 1) / kLanes<T>) {
    case 1:
      return multiply_tiles<T, 1>(a, n_rows, K, panel, to);
    case 2:
      return multiply_tiles<T, 2>(a, n_rows, K, panel, to);
    case 3:
      return multiply_tiles<T, 3>(a, n_rows, K, panel, to);
    default:
      return multiply_tiles<T, 4>(a, n_rows, K, panel, to);
  }
}

// Adds to `sums` the sums of m columns, of n rows with a stride.
template <class T>
void sum_columns(const T* rows, ptrdiff_t stride, long n, long m, T* sums) {
  for_each_vector<T>(m, [=](long k, int count) {
    Vec<T> sum = load_part(sums + k, count);
    for (long i = 0; i < n; ++i) sum += load_part(rows + i * stride + k, count);
    store_part(sums + k, sum, count);
  });
}

// `columns` up to a whole number of vectors.
template <class T>
constexpr long whole_vectors(long columns) {
  return (columns + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
}

// Packs K rows of some columns of b into rows of `width` numbers, zeros at the end.
template <class T>
void pack_panel(Matrix<T> b, long K, long columns, T* panel, long width) {
  constexpr long W = kLanes<T>;
  if (b.column != 1) {
    for (long l = 0; l < width; ++l) {
      const T* from = b.p + l * b.column;
      for (long k = 0; k < K; ++k)
        panel[k * width + l] = l < columns ? from[k * b.row] : T(0);
    }
    return;
  }
  for (long k = 0; k < K; ++k)
    for (long v = 0; v < width; v += W) {
      const int count = int(smaller(W, larger(0L, columns - v)));
      store_part(panel + k * width + v, load_part(b.p + k * b.row + v, count),
                 int(smaller(W, width - v)));
    }
}

// All columns of a matrix in panels, for products that are made many times. Where few
// rows will be multiplied, panels of whole vectors are left where they are.
template <class T>
class Panels {
 public:
  // Of b, K rows and N columns.
  Panels(Matrix<T> b, long K, long N, bool few_rows)
      : K_(K),
        n_panels_(n_panels(N)),
        data_((few_rows && b.column == 1 ? 1 : n_panels_) * K * kPanelColumns<T>),
        panels_(n_panels_) {
    T* to = data_.get();
    for (long j = 0; j < n_panels_; ++j) {
      const long columns = smaller(kPanelColumns<T>, N - j * kPanelColumns<T>);
      const Matrix<T> from = {b.p + j * kPanelColumns<T> * b.column, b.row, b.column};
      const bool in_place = few_rows && b.column == 1;
      if (in_place && columns % kLanes<T> == 0) {
        panels_[j] = {from.p, from.row, columns};
        continue;
      }
      const long width = whole_vectors<T>(columns);
      pack_panel(from, K, columns, to, width);
      panels_[j] = {to, width, columns};
      if (!in_place) to += K * kPanelColumns<T>;
    }
  }

  // c (+)= a @ b
  void multiply(const T* a, ptrdiff_t a_stride, long n_rows, T* c, ptrdiff_t c_stride,
                bool add) const {
    for (long k = 0; k < K_; k += kKBlock)
      for (long j = 0; j < n_panels_; ++j) {
        Panel<T> panel = panels_[j];
        panel.p += k * panel.stride;
        multiply_panel<T>({a + k, a_stride, 1}, n_rows, smaller(kKBlock, K_ - k), panel,
                          {c + j * kPanelColumns<T>, c_stride, add || k > 0, nullptr});
      }
  }

  static long n_panels(long N) { return (N + kPanelColumns<T> - 1) / kPanelColumns<T>; }

 private:
  long K_, n_panels_;
  Buffer<T> data_;
  Buffer<Panel<T>> panels_;
};

// The rows of a transposed matrix, whose columns may collide in the caches, packed side
// by side, some of them at a time.
template <class T>
class RowGroups {
 public:
  static constexpr long kRows = kAccumulators;  // a multiple of the rows of every tile

  RowGroups(long M, long K)
      : M_(M), n_groups_((M + kRows - 1) / kRows), data_(n_groups_ * kRows * K) {}

  // Takes K columns of a.
  void pack(Matrix<T> a, long K, int n_threads) const {
    parallel_for(n_groups_, n_threads, [&](long i) {
      pack_panel<T>({a.p + i * kRows * a.row, a.column, a.row}, K, rows(i),
                    data_.get() + i * kRows * K, kRows);
    });
  }

  void multiply(long K, Panel<T> panel, Target<T> to) const {
    for (long i = 0; i < n_groups_; ++i) {
      multiply_panel<T>({data_.get() + i * kRows * K, 1, kRows}, rows(i), K, panel, to);
      to.c += kRows * to.stride;
    }
  }

 private:
  long rows(long i) const { return smaller(kRows, M_ - i * kRows); }

  long M_, n_groups_;
  Buffer<T> data_;
};

template <class T>
void matmul(const MatmulArgs<T>& s, int n_threads) {
  const long M = s.M, N = s.N, K = s.K;
  if (K == 0 && !s.add)
    for (long i = 0; i < M; ++i)
      for (long j = 0; j < N; ++j) s.c[i * s.c_stride + j] = s.bias ? s.bias[j] : T(0);
  const long n_panels = Panels<T>::n_panels(N);
  n_threads = useful_threads(M * N * K, n_threads);
  const long n_workers = larger(1L, smaller<long>(n_threads, n_panels));
  const bool transposed = s.a.row == 1 && s.a.column != 1 && M > kUnpackedRows;
  const RowGroups<T> groups(transposed ? M : 0, smaller(K, kKBlock));
  for (long k = 0; k < K; k += kKBlock) {
    const long n = smaller(kKBlock, K - k);
    const Matrix<T> a = {s.a.p + k * s.a.column, s.a.row, s.a.column};
    if (transposed) groups.pack(a, n, n_threads);
    parallel_for(n_workers, int(n_workers), [&](long worker) {
      const Buffer<T> packed(n * kPanelColumns<T>);
      for (long j = worker; j < n_panels; j += n_workers) {
        const long first = j * kPanelColumns<T>;
        const Matrix<T> b = {s.b.p + k * s.b.row + first * s.b.column, s.b.row,
                             s.b.column};
        Panel<T> panel = {b.p, b.row, smaller(kPanelColumns<T>, N - first)};
        if (s.column_sums != nullptr || M > kUnpackedRows || b.column != 1 ||
            panel.columns % kLanes<T> != 0) {
          panel.p = packed.get();
          panel.stride = whole_vectors<T>(panel.columns);
          pack_panel(b, n, panel.columns, packed.get(), panel.stride);
        }
        if (s.column_sums != nullptr)
          sum_columns(panel.p, panel.stride, n, panel.columns, s.column_sums + first);
        const Target<T> to = {s.c + first, s.c_stride, s.add || k > 0,
                              s.bias ? s.bias + first : nullptr};
        if (transposed)
          groups.multiply(n, panel, to);
        else
          multiply_panel(a, M, n, panel, to);
      }
    });
  }
}

}  // namespace SKRNN_ISA
}  // namespace skrnn
