// Attention: groups of queries, each of which sums up rows of a memory by weights.
#pragma once

#include <cmath>
#include <limits>

#include "product.hpp"
#include "shape.hpp"

namespace skrnn {
namespace SKRNN_ISA {

// Calls f(j, count) for the vectors of n numbers.
template <class T, class F>
inline void for_vectors(long n, F f) {
  constexpr int W = kLanes<T>;
  long j = 0;
  for (; j + W <= n; j += W) f(j, W);
  if (j < n) f(j, int(n - j));
}

// c = a @ b, by the strides of rows and columns.
template <class T>
inline void multiply(const T* a, ptrdiff_t ars, ptrdiff_t acs, const T* b, ptrdiff_t brs,
                     ptrdiff_t bcs, T* c, ptrdiff_t crs, long M, long N, long K) {
  product<T>(a, ars, acs, b, brs, bcs, c, crs, M, N, K, false, nullptr, nullptr, 1);
}

template <class T>
inline T sum_of(Vec<T> v) {
  T sum = 0;
  for (int l = 0; l < kLanes<T>; ++l) sum += v[l];
  return sum;
}

template <class T>
inline void softmax(T* p, long n) {
  T top = -std::numeric_limits<T>::infinity();
  for (long j = 0; j < n; ++j) top = std::max(top, p[j]);
  for_vectors<T>(n, [&](long j, int m) {
    store_part(p + j, vexp<T>(load_part(p + j, m) - top), m);
  });
  T sum = 0;
  for (long j = 0; j < n; ++j) sum += p[j];
  for (long j = 0; j < n; ++j) p[j] /= sum;
}

// How many threads so many scores are worth.
template <class T>
int attention_threads(const Attention<T>& s, int n_threads) {
  const long n_scores = s.offsets[s.B];  // a hyperbolic tangent is some multiplications
  return worth(n_scores * ((s.v ? 16 : 1) * s.A + s.M), n_threads);
}

template <class T>
void attend(const Attention<T>& s, T* context, int n_threads) {
  const long A = s.A, M = s.M;
  run_all(s.B, attention_threads(s, n_threads), [&](long i) {
    const long n = s.queries[i + 1] - s.queries[i], length = s.lengths[i];
    const T* q = s.q + s.queries[i] * A;
    const T* keys = s.keys + s.starts[i] * A;
    T* p = s.weights + s.offsets[i];
    if (s.v == nullptr)
      multiply(q, A, 1, keys, 1, A, p, length, n, length, A);
    else
      for (long t = 0; t < n; ++t)
        for (long k = 0; k < length; ++k) {
          Vec<T> sums{};
          for_vectors<T>(A, [&](long j, int m) {
            const Vec<T> x = load_part(q + t * A + j, m) + load_part(keys + k * A + j, m);
            sums += load_part(s.v + j, m) * vtanh<T>(x);
          });
          p[t * length + k] = sum_of<T>(sums);
        }
    for (long t = 0; t < n; ++t) softmax(p + t * length, length);
    multiply(p, length, 1, s.memory + s.starts[i] * M, M, 1, context + s.queries[i] * M, M,
            n, M, length);
  });
}

template <class T>
void attend_backward(const Attention<T>& s, const T* dcontext, T* dq, T* dkeys,
                     T* dmemory, T* dvs, int n_threads) {
  const long A = s.A, M = s.M;
  run_all(s.B, attention_threads(s, n_threads), [&](long i) {
    const long n = s.queries[i + 1] - s.queries[i], length = s.lengths[i];
    const long row = s.queries[i], first = s.starts[i];
    const T* p = s.weights + s.offsets[i];
    const T* q = s.q + row * A;
    const T* keys = s.keys + first * A;
    Buffer<T> dscores(size_t(n) * length);
    T* d = dscores.get();
    multiply(p, 1, length, dcontext + row * M, M, 1, dmemory + first * M, M, length, M, n);
    multiply(dcontext + row * M, M, 1, s.memory + first * M, 1, M, d, length, n, length, M);
    for (long t = 0; t < n; ++t) {
      T mean = 0;
      for (long k = 0; k < length; ++k) mean += p[t * length + k] * d[t * length + k];
      for (long k = 0; k < length; ++k)
        d[t * length + k] = p[t * length + k] * (d[t * length + k] - mean);
    }
    if (s.v == nullptr) {
      multiply(d, length, 1, keys, A, 1, dq + row * A, A, n, A, length);
      multiply(d, 1, length, q, A, 1, dkeys + first * A, A, length, A, n);
      return;
    }
    std::fill_n(dq + row * A, n * A, T(0));
    for (long t = 0; t < n; ++t)
      for (long k = 0; k < length; ++k) {
        const T by_score = d[t * length + k];
        T* to_q = dq + (row + t) * A;
        T* to_keys = dkeys + (first + k) * A;
        T* to_v = dvs + i * A;
        for_vectors<T>(A, [&](long j, int m) {
          const Vec<T> x =
              vtanh<T>(load_part(q + t * A + j, m) + load_part(keys + k * A + j, m));
          const Vec<T> dx = by_score * load_part(s.v + j, m) * (T(1) - x * x);
          store_part(to_q + j, load_part(to_q + j, m) + dx, m);
          store_part(to_keys + j, load_part(to_keys + j, m) + dx, m);
          store_part(to_v + j, load_part(to_v + j, m) + by_score * x, m);
        });
      }
  });
}

}  // namespace SKRNN_ISA
}  // namespace skrnn
