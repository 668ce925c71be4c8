// Matrix products in tiles of registers. A column of tiles, a panel, is packed first.
// Each number of a result is summed up in the order of the inner index, whatever the
// tile it is in: its bits depend on its row and its column only.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <thread>
#include <vector>

#include "simd.hpp"

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
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  T* get() const { return p_; }

 private:
  T* p_;
};

// Calls f(0) ... f(n - 1), some at the same time.
template <class F>
void run_all(long n, int n_threads, F f) {
  const int n_workers = static_cast<int>(std::min<long>(n, n_threads));
  auto work = [&](int worker) {
    for (long i = worker; i < n; i += n_workers) f(i);
  };
  std::vector<std::thread> others;
  for (int w = 1; w < n_workers; ++w) others.emplace_back(work, w);
  if (n_workers > 0) work(0);
  for (auto& thread : others) thread.join();
}

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
template <class T, int R, int NV>
inline void tile(const T* a, ptrdiff_t rs, ptrdiff_t ks, long K, const T* panel,
                 ptrdiff_t apart, T* c, ptrdiff_t crs, int part, bool add) {
  constexpr int W = kLanes<T>;
  Vec<T> acc[R][NV];
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < NV; ++v)
      acc[r][v] = add ? load_part(c + r * crs + v * W, v < NV - 1 ? W : part) : Vec<T>{};
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
                   bool add) {
  constexpr int R = kTileRows<NV>;
  long row = 0;
  auto tiles = [&](auto rows) {
    constexpr int n = decltype(rows)::value;
    for (; row + n <= n_rows; row += n)
      tile<T, n, NV>(a + row * rs, rs, ks, K, panel, apart, c + row * crs, crs, part,
                     add);
  };
  tiles(std::integral_constant<int, R>{});
  if constexpr (R > 4) tiles(std::integral_constant<int, 4>{});
  if constexpr (R > 2) tiles(std::integral_constant<int, 2>{});
  tiles(std::integral_constant<int, 1>{});
}

constexpr int kWide = 4;  // vectors of a panel at most
constexpr long kFew = 16;  // rows for which packing does not pay

// c (+)= a @ panel, of n_rows rows and `count` columns, at most kWide vectors.
template <class T>
void times_panel(const T* a, ptrdiff_t rs, ptrdiff_t ks, long n_rows, long K,
                 const T* panel, ptrdiff_t apart, long count, T* c, ptrdiff_t crs,
                 bool add) {
  constexpr int W = kLanes<T>;
  const int nv = int((count + W - 1) / W), part = int(count - (nv - 1) * W);
  switch (nv) {
    case 1:
      return times_vectors<T, 1>(a, rs, ks, n_rows, K, panel, apart, c, crs, part, add);
    case 2:
      return times_vectors<T, 2>(a, rs, ks, n_rows, K, panel, apart, c, crs, part, add);
    case 3:
      return times_vectors<T, 3>(a, rs, ks, n_rows, K, panel, apart, c, crs, part, add);
    default:
      return times_vectors<T, 4>(a, rs, ks, n_rows, K, panel, apart, c, crs, part, add);
  }
}

// Packs K rows of `count` columns of b side by side, in whole vectors. Returns how far
// the rows are apart.
template <class T>
ptrdiff_t pack_panel(const T* b, ptrdiff_t ks, ptrdiff_t cs, long K, long count,
                     T* panel) {
  constexpr int W = kLanes<T>;
  const long width = (count + W - 1) / W * W;
  if (cs == 1) {
    for (long k = 0; k < K; ++k)
      for (long v = 0; v < count; v += W)
        store(panel + k * width + v,
              load_part(b + k * ks + v, int(std::min<long>(W, count - v))));
    return width;
  }
  for (long l = 0; l < width; ++l)
    for (long k = 0; k < K; ++k)
      panel[k * width + l] = l < count ? b[k * ks + l * cs] : T(0);
  return width;
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
      panels_.push_back({to, pack_panel(from, ks, cs, K, columns(j), to)});
    }
  }
  // c (+)= a @ b
  void times(const T* a, ptrdiff_t rs, long n_rows, T* c, ptrdiff_t crs, bool add) const {
    for (size_t j = 0; j < panels_.size(); ++j)
      times_panel(a, rs, 1, n_rows, K_, panels_[j].rows, panels_[j].apart, columns(j),
                  c + j * kColumns, crs, add);
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

// c = a @ b, or c += a @ b. The strides are those of rows and columns.
template <class T>
void product(const T* a, ptrdiff_t ars, ptrdiff_t acs, const T* b, ptrdiff_t brs,
             ptrdiff_t bcs, T* c, ptrdiff_t crs, long M, long N, long K, bool add,
             int n_threads) {
  constexpr long kColumns = Panels<T>::kColumns;
  constexpr long kInner = 512;  // a packed panel stays in the second-level cache
  if (K == 0 && !add)
    for (long i = 0; i < M; ++i) std::fill_n(c + i * crs, N, T(0));
  const long n_panels = Panels<T>::n_panels(N);
  const int n_workers = int(std::max<long>(1, std::min<long>(n_threads, n_panels)));
  run_all(n_workers, n_workers, [&](long worker) {
    Buffer<T> packed(size_t(std::min(K, kInner)) * kColumns);
    for (long j = worker; j < n_panels; j += n_workers) {
      const long count = std::min(kColumns, N - j * kColumns);
      for (long k = 0; k < K; k += kInner) {
        const long n = std::min(kInner, K - k);
        const T* panel = b + k * brs + j * kColumns * bcs;
        ptrdiff_t apart = brs;
        if (M > kFew || bcs != 1 || count % kLanes<T> != 0) {
          apart = pack_panel(panel, brs, bcs, n, count, packed.get());
          panel = packed.get();
        }
        times_panel(a + k * acs, ars, acs, M, n, panel, apart, count, c + j * kColumns,
                    crs, add || k > 0);
      }
    }
  });
}

}  // namespace SKRNN_ISA
}  // namespace skrnn
