// Matrix products in tiles of registers. A column of tiles, a panel, is packed first.
// Each number of a result is summed up in the order of the inner index, whatever the
// tile it is in: its bits depend on its row and its column only.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <vector>

#include "simd.hpp"
#include "threads.hpp"

namespace skrnn {
namespace SKRNN_ISA {

template <class T>
class Buffer {  // uninitialised, aligned
 public:
  explicit Buffer(size_t n)
      : p_(static_cast<T*>(std::aligned_alloc(64, (n * sizeof(T) + 127) / 64 * 64))) {
    if (p_ == nullptr) throw std::bad_alloc();
  }
  ~Buffer() { std::free(p_); }
  Buffer(Buffer&& other) : p_(other.p_) { other.p_ = nullptr; }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  T* get() const { return p_; }
  T& operator[](long i) const { return p_[i]; }

 private:
  T* p_;
};

#if defined(__AVX512F__)
constexpr int kAccumulators = 24;  // of 32 registers
#elif defined(__aarch64__)
constexpr int kAccumulators = 24;
#else
constexpr int kAccumulators = 8;  // of 16
#endif
template <int NV>
constexpr int kTileRows = kAccumulators / NV;

// c[r] (+)= a[r] @ panel for R rows. A panel has NV vectors of columns, K rows of them
// that are `apart` numbers from each other; of the last vector, `part` columns count.
// What is not added to c is added to `bias`, a row for all, nullptr for zeros.
template <class T, int R, int NV>
inline void tile(const T* a, ptrdiff_t rs, ptrdiff_t ks, long K, const T* panel,
                 ptrdiff_t apart, T* c, ptrdiff_t crs, int part, bool add,
                 const T* bias) {
  constexpr int W = kLanes<T>;
  Vec<T> acc[R][NV];
  const T* from = add ? c : bias;
  const ptrdiff_t from_rs = add ? crs : 0;
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < NV; ++v)
      acc[r][v] = from != nullptr
                      ? load_part(from + r * from_rs + v * W, v < NV - 1 ? W : part)
                      : Vec<T>{};
  for (long k = 0; k < K; ++k) {
    Vec<T> b[NV];
    for (int v = 0; v < NV; ++v) b[v] = load(panel + v * W);
    for (int r = 0; r < R; ++r) {
      const Vec<T> x = broadcast<T>(a[r * rs]);
      for (int v = 0; v < NV; ++v) acc[r][v] += x * b[v];
    }
    a += ks;
    panel += apart;
  }
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < NV; ++v)
      store_part(c + r * crs + v * W, acc[r][v], v < NV - 1 ? W : part);
}

template <class T, int NV>
void times_vectors(const T* a, ptrdiff_t rs, ptrdiff_t ks, long n_rows, long K,
                   const T* panel, ptrdiff_t apart, T* c, ptrdiff_t crs, int part,
                   bool add, const T* bias) {
  constexpr int R = kTileRows<NV>;
  long row = 0;
  auto tiles = [&](auto rows) {
    constexpr int n = decltype(rows)::value;
    for (; row + n <= n_rows; row += n)
      tile<T, n, NV>(a + row * rs, rs, ks, K, panel, apart, c + row * crs, crs, part,
                     add, bias);
  };
  tiles(std::integral_constant<int, R>{});
  if constexpr (R > 4) tiles(std::integral_constant<int, 4>{});
  if constexpr (R > 2) tiles(std::integral_constant<int, 2>{});
  tiles(std::integral_constant<int, 1>{});
}

constexpr int kWide = 4;  // vectors of a panel at most
constexpr long kFew = 16;    // rows for which packing does not pay
constexpr long kInner = 512;  // rows of a panel at a time, so that it stays in a cache

// c (+)= a @ panel, of n_rows rows and `count` columns, at most kWide vectors.
template <class T>
void times_panel(const T* a, ptrdiff_t rs, ptrdiff_t ks, long n_rows, long K,
                 const T* panel, ptrdiff_t apart, long count, T* c, ptrdiff_t crs,
                 bool add, const T* bias = nullptr) {
  constexpr int W = kLanes<T>;
  const int nv = int((count + W - 1) / W), part = int(count - (nv - 1) * W);
  switch (nv) {
    case 1:
      return times_vectors<T, 1>(a, rs, ks, n_rows, K, panel, apart, c, crs, part, add,
                                 bias);
    case 2:
      return times_vectors<T, 2>(a, rs, ks, n_rows, K, panel, apart, c, crs, part, add,
                                 bias);
    case 3:
      return times_vectors<T, 3>(a, rs, ks, n_rows, K, panel, apart, c, crs, part, add,
                                 bias);
    default:
      return times_vectors<T, 4>(a, rs, ks, n_rows, K, panel, apart, c, crs, part, add,
                                 bias);
  }
}

// Adds to each number of `sums` that of a column of n rows of m numbers.
template <class T>
void sum_columns(const T* rows, ptrdiff_t apart, long n, long m, T* sums) {
  constexpr int W = kLanes<T>;
  for (long k = 0; k < m; k += W) {
    const int left = int(std::min<long>(W, m - k));
    Vec<T> sum = load_part(sums + k, left);
    for (long i = 0; i < n; ++i) sum += load_part(rows + i * apart + k, left);
    store_part(sums + k, sum, left);
  }
}

// Packs K rows of `count` columns of b, to rows of `width` numbers, zeros at the end.
template <class T>
void pack_panel(const T* b, ptrdiff_t ks, ptrdiff_t cs, long K, long count, T* panel,
                long width) {
  constexpr int W = kLanes<T>;
  if (cs != 1) {
    for (long l = 0; l < width; ++l)
      for (long k = 0; k < K; ++k)
        panel[k * width + l] = l < count ? b[k * ks + l * cs] : T(0);
    return;
  }
  for (long k = 0; k < K; ++k)
    for (long v = 0; v < width; v += W) {
      const int left = int(std::min<long>(W, std::max<long>(0, count - v)));
      store_part(panel + k * width + v, load_part(b + k * ks + v, left),
                 int(std::min<long>(W, width - v)));
    }
}

// How many threads to use for so many multiplications: to wake one takes time, too.
inline int worth(long n_products, int n_threads) {
  return n_products < (1L << 21) ? 1 : n_threads;
}

// All columns of a matrix in panels, for products that are made many times. Where few
// rows will be multiplied, panels of whole vectors are left where they are.
template <class T>
class Panels {
 public:
  static constexpr long kColumns = kWide * kLanes<T>;

  // Of b, K rows and N columns.
  Panels(const T* b, ptrdiff_t ks, ptrdiff_t cs, long K, long N, bool few_rows)
      : K_(K), N_(N), data_(size_t(few_rows && cs == 1 ? 1 : n_panels(N)) * K * kColumns) {
    for (long j = 0; j < n_panels(N); ++j) {
      const T* from = b + j * kColumns * cs;
      if (few_rows && cs == 1 && columns(j) % kLanes<T> == 0) {
        panels_.push_back({from, ks});
        continue;
      }
      T* to = data_.get() + (few_rows && cs == 1 ? 0 : j * K * kColumns);
      const long width = (columns(j) + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
      pack_panel(from, ks, cs, K, columns(j), to, width);
      panels_.push_back({to, width});
    }
  }
  // c (+)= a @ b
  void times(const T* a, ptrdiff_t rs, long n_rows, T* c, ptrdiff_t crs, bool add) const {
    for (long k = 0; k < K_; k += kInner)
      for (size_t j = 0; j < panels_.size(); ++j)
        times_panel(a + k, rs, 1, n_rows, std::min(kInner, K_ - k),
                    panels_[j].rows + k * panels_[j].apart, panels_[j].apart, columns(j),
                    c + j * kColumns, crs, add || k > 0);
  }
  static long n_panels(long N) { return (N + kColumns - 1) / kColumns; }

 private:
  struct Panel {
    const T* rows;
    ptrdiff_t apart;
  };
  long columns(long j) const { return std::min<long>(kColumns, N_ - j * kColumns); }

  long K_, N_;
  Buffer<T> data_;
  std::vector<Panel> panels_;
};

// c = a @ b, or c += a @ b, or c = a @ b + bias, a row for all, where it is not nullptr.
// The strides are those of rows and columns. The sums of the columns of b are added to
// `sums` where it is not nullptr.
template <class T>
void product(const T* a, ptrdiff_t ars, ptrdiff_t acs, const T* b, ptrdiff_t brs,
             ptrdiff_t bcs, T* c, ptrdiff_t crs, long M, long N, long K, bool add,
             const T* bias, T* sums, int n_threads) {
  constexpr long kColumns = Panels<T>::kColumns;
  constexpr long kRows = kAccumulators;  // a multiple of the rows of every tile
  if (K == 0 && !add)
    for (long i = 0; i < M; ++i)
      for (long j = 0; j < N; ++j) c[i * crs + j] = bias != nullptr ? bias[j] : T(0);
  const long n_panels = Panels<T>::n_panels(N);
  n_threads = worth(M * N * K, n_threads);
  const int n_workers = int(std::max<long>(1, std::min<long>(n_threads, n_panels)));
  // Of a transposed matrix, whose columns may collide in the caches, some rows at a time
  // are packed side by side.
  const bool transposed = ars == 1 && acs != 1 && M > kFew;
  const long n_groups = (M + kRows - 1) / kRows;
  Buffer<T> groups(transposed ? size_t(n_groups) * kRows * std::min(K, kInner) : 1);
  for (long k = 0; k < K; k += kInner) {
    const long n = std::min(kInner, K - k);
    if (transposed)
      run_all(n_groups, n_threads, [&](long i) {
        pack_panel(a + k * acs + i * kRows, acs, 1, n, std::min(kRows, M - i * kRows),
                   groups.get() + i * kRows * n, kRows);
      });
    run_all(n_workers, n_workers, [&](long worker) {
      Buffer<T> packed(size_t(n) * kColumns);
      for (long j = worker; j < n_panels; j += n_workers) {
        const long count = std::min(kColumns, N - j * kColumns);
        const T* panel = b + k * brs + j * kColumns * bcs;
        ptrdiff_t apart = brs;
        if (sums != nullptr || M > kFew || bcs != 1 || count % kLanes<T> != 0) {
          apart = (count + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
          pack_panel(panel, brs, bcs, n, count, packed.get(), apart);
          panel = packed.get();
          if (sums != nullptr) sum_columns(panel, apart, n, count, sums + j * kColumns);
        }
        T* to = c + j * kColumns;
        const T* own = bias != nullptr ? bias + j * kColumns : nullptr;
        if (!transposed) {
          times_panel(a + k * acs, ars, acs, M, n, panel, apart, count, to, crs,
                      add || k > 0, own);
          continue;
        }
        for (long i = 0; i < n_groups; ++i)
          times_panel(groups.get() + i * kRows * n, 1, kRows,
                      std::min(kRows, M - i * kRows), n, panel, apart, count,
                      to + i * kRows * crs, crs, add || k > 0, own);
      }
    });
  }
}

}  // namespace SKRNN_ISA
}  // namespace skrnn
