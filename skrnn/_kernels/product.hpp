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

// acc[r][v] += sum over k of a[r * rs + k * ks] * panel[k][v]
template <class T, int R, int NV>
inline void tile(const T* a, ptrdiff_t rs, ptrdiff_t ks, long K, const T* panel,
                 Vec<T> (&acc)[R][NV]) {
  constexpr int W = kLanes<T>;
  for (long k = 0; k < K; ++k) {
    Vec<T> b[NV];
    for (int v = 0; v < NV; ++v) b[v] = load(panel + v * W);
    for (int r = 0; r < R; ++r) {
      const Vec<T> x = broadcast<T>(a[r * rs]);
      for (int v = 0; v < NV; ++v) acc[r][v] += x * b[v];
    }
    a += ks;
    panel += NV * W;
  }
}

template <class T, int R, int NV, class Start, class End>
inline void tile_rows(const T* a, ptrdiff_t rs, ptrdiff_t ks, long row, long K,
                      const T* panel, Start& start, End& end) {
  Vec<T> acc[R][NV];
  for (int r = 0; r < R; ++r) start(row + r, acc[r]);
  tile<T, R, NV>(a + row * rs, rs, ks, K, panel, acc);
  for (int r = 0; r < R; ++r) end(row + r, acc[r]);
}

// For each row: start(row, acc) sets NV vectors, to which the row of a times the panel
// is added; end(row, acc) takes them.
template <class T, int NV, class Start, class End>
inline void panel_product(const T* a, ptrdiff_t rs, ptrdiff_t ks, long n_rows, long K,
                          const T* panel, Start start, End end) {
  constexpr int R = kTileRows<NV>;
  long row = 0;
  for (; row + R <= n_rows; row += R)
    tile_rows<T, R, NV>(a, rs, ks, row, K, panel, start, end);
  if constexpr (R > 4) {
    for (; row + 4 <= n_rows; row += 4)
      tile_rows<T, 4, NV>(a, rs, ks, row, K, panel, start, end);
  }
  if constexpr (R > 2) {
    for (; row + 2 <= n_rows; row += 2)
      tile_rows<T, 2, NV>(a, rs, ks, row, K, panel, start, end);
  }
  for (; row < n_rows; ++row)
    tile_rows<T, 1, NV>(a, rs, ks, row, K, panel, start, end);
}

// Packs K rows of the columns `first`, a vector of `count` of them, beside each other.
template <class T>
inline void pack_column(const T* b, ptrdiff_t ks, ptrdiff_t cs, long K, int count, int NV,
                        T* panel) {
  constexpr int W = kLanes<T>;
  if (cs == 1) {
    for (long k = 0; k < K; ++k, b += ks, panel += NV * W)
      store(panel, load_part(b, count));
    return;
  }
  for (int l = 0; l < W; ++l) {
    T* to = panel + l;
    if (l >= count) {
      for (long k = 0; k < K; ++k) to[k * NV * W] = T(0);
      continue;
    }
    const T* from = b + l * cs;
    for (long k = 0; k < K; ++k) to[k * NV * W] = from[k * ks];
  }
}

// The panels of a matrix: each has NV vectors of columns side by side, which are
// `apart` columns from each other.
template <class T, int NV>
class Panels {
 public:
  static constexpr int W = kLanes<T>;

  Panels(long K, long n_columns)
      : K_(K), n_((n_columns + W - 1) / W), data_(size_t(n_) * K * NV * W) {}

  // Gates: panel j has lanes j * W ... of each of NV blocks of H columns.
  static long n_panels_of_gates(long H) { return (H + W - 1) / W; }
  const T* operator[](long j) const { return data_.get() + size_t(j) * K_ * NV * W; }
  T* at(long j) { return data_.get() + size_t(j) * K_ * NV * W; }
  long size() const { return n_; }

  void pack_gates(const T* b, ptrdiff_t ks, long H) {
    for (long j = 0; j < n_; ++j)
      for (int v = 0; v < NV; ++v)
        pack_column(b + v * H + j * W, ks, 1, K_, int(std::min<long>(W, H - j * W)), NV,
                    at(j) + v * W);
  }

 private:
  long K_, n_;
  Buffer<T> data_;
};

constexpr int kWide = 4;  // vectors of a panel of a plain product

// A panel of `count` columns of b, at most kWide vectors.
template <class T>
void pack_wide(const T* b, ptrdiff_t ks, ptrdiff_t cs, long K, long count, T* panel) {
  constexpr int W = kLanes<T>;
  for (int v = 0; v < kWide; ++v) {
    const long left = std::max<long>(0, std::min<long>(W, count - v * W));
    pack_column(b + (left ? v * W * cs : 0), ks, cs, K, int(left), kWide, panel + v * W);
  }
}

// All columns of b in panels, for products that are made many times.
template <class T>
class WidePanels {
 public:
  static constexpr long kColumns = kWide * kLanes<T>;
  WidePanels(long K, long N)
      : K_(K), N_(N), n_((N + kColumns - 1) / kColumns), data_(n_ * K * kColumns) {}
  void pack(const T* b, ptrdiff_t ks, ptrdiff_t cs) {
    for (long j = 0; j < n_; ++j)
      pack_wide(b + j * kColumns * cs, ks, cs, K_, N_ - j * kColumns,
                data_.get() + j * K_ * kColumns);
  }
  const T* operator[](long j) const { return data_.get() + j * K_ * kColumns; }
  long size() const { return n_; }
  long columns(long j) const { return std::min<long>(kColumns, N_ - j * kColumns); }

 private:
  long K_, N_, n_;
  Buffer<T> data_;
};

// c = a @ b, or c += a @ b. The strides are those of rows and columns.
template <class T>
void product(const T* a, ptrdiff_t ars, ptrdiff_t acs, const T* b, ptrdiff_t brs,
             ptrdiff_t bcs, T* c, ptrdiff_t crs, long M, long N, long K, bool add,
             int n_threads) {
  constexpr int W = kLanes<T>;
  constexpr long kColumns = kWide * W;
  constexpr long kInner = 512;  // a packed panel stays in the second-level cache
  const long n_panels = (N + kColumns - 1) / kColumns;
  if (K == 0 && !add)
    for (long i = 0; i < M; ++i) std::fill_n(c + i * crs, N, T(0));
  run_all(n_threads, n_threads, [&](long worker) {
    Buffer<T> packed(size_t(std::min(K, kInner)) * kColumns);
    for (long j = worker; j < n_panels; j += n_threads) {
      const long count = std::min(kColumns, N - j * kColumns);
      for (long k = 0; k < K; k += kInner) {
        const long n = std::min(kInner, K - k);
        pack_wide(b + k * brs + j * kColumns * bcs, brs, bcs, n, count, packed.get());
        const bool zero = k == 0 && !add;
        T* at = c + j * kColumns;
        auto run = [&](auto whole) {
          constexpr bool kWhole = decltype(whole)::value;
          panel_product<T, kWide>(
              a + k * acs, ars, acs, M, n, packed.get(),
              [&](long row, Vec<T>(&acc)[kWide]) {
                const T* p = at + row * crs;
                for (int v = 0; v < kWide; ++v) {
                  if (zero)
                    acc[v] = Vec<T>{};
                  else if (kWhole)
                    acc[v] = load(p + v * W);
                  else
                    acc[v] = count > v * W ? load_part(p + v * W, int(count - v * W))
                                           : Vec<T>{};
                }
              },
              [&](long row, Vec<T>(&acc)[kWide]) {
                T* p = at + row * crs;
                for (int v = 0; v < kWide; ++v) {
                  if (kWhole)
                    store(p + v * W, acc[v]);
                  else if (count > v * W)
                    store_part(p + v * W, acc[v], int(count - v * W));
                }
              });
        };
        if (count == kColumns)
          run(std::true_type{});
        else
          run(std::false_type{});
      }
    }
  });
}

}  // namespace SKRNN_ISA
}  // namespace skrnn
