// Attention: groups of queries, each of which sums up rows of a memory by weights.
#pragma once

#include "matmul.hpp"

namespace skrnn {
namespace SKRNN_ISA {

// c = a @ b on this thread, c with rows side by side.
template <class T>
inline void multiply(Matrix<T> a, Matrix<T> b, T* c, long M, long N, long K) {
  matmul<T>({a, b, c, N, M, N, K, false, nullptr, nullptr}, 1);
}

template <class T>
inline void softmax(T* p, long n) {
  exponentials(p, n, largest(p, n), p);
  T sum = 0;
  for (long j = 0; j < n; ++j) sum += p[j];  // in the order of the rows
  for (long j = 0; j < n; ++j) p[j] /= sum;
}

// The threads to use for so many scores.
template <class T>
int attention_threads(const AttentionArgs<T>& s, int n_threads) {
  const long n_scores = s.offsets[s.B];  // a hyperbolic tangent is some multiplications
  return useful_threads(n_scores * ((s.v ? 16 : 1) * s.A + s.M), n_threads);
}

// v tanh(q + key)
template <class T>
inline T additive_score(const T* v, const T* q, const T* key, long A) {
  const Vec<T> sums = sum_of_vectors<T>(A, [=](long j, int m) {
    return load_part(v + j, m) * vtanh<T>(load_part(q + j, m) + load_part(key + j, m));
  });
  return sum_of_lanes<T>(sums);
}

template <class T>
void attend(const AttentionArgs<T>& s, T* context, int n_threads) {
  const long A = s.A, M = s.M;
  parallel_for(s.B, attention_threads(s, n_threads), [&](long i) {
    const long n = s.queries[i + 1] - s.queries[i], length = s.lengths[i];
    const T* q = s.q + s.queries[i] * A;
    const T* keys = s.keys + s.starts[i] * A;
    T* p = s.weights + s.offsets[i];
    if (s.v == nullptr)
      multiply<T>({q, A, 1}, {keys, 1, A}, p, n, length, A);
    else
      for (long t = 0; t < n; ++t)
        for (long k = 0; k < length; ++k)
          p[t * length + k] = additive_score(s.v, q + t * A, keys + k * A, A);
    for (long t = 0; t < n; ++t) softmax(p + t * length, length);
    multiply<T>({p, length, 1}, {s.memory + s.starts[i] * M, M, 1},
                context + s.queries[i] * M, n, M, length);
  });
}

// Adds the derivatives by q, a key and v, given that by their score.
template <class T>
inline void additive_score_backward(T dscore, const T* v, const T* q, const T* key,
                                    long A, T* dq, T* dkey, T* dv) {
  for_each_vector<T>(A, [=](long j, int m) {
    const Vec<T> x = vtanh<T>(load_part(q + j, m) + load_part(key + j, m));
    const Vec<T> dx = dscore * load_part(v + j, m) * (T(1) - x * x);
    store_part(dq + j, load_part(dq + j, m) + dx, m);
    store_part(dkey + j, load_part(dkey + j, m) + dx, m);
    store_part(dv + j, load_part(dv + j, m) + dscore * x, m);
  });
}

// Replaces the derivatives d by the weights p by those by the scores.
template <class T>
inline void softmax_backward(const T* p, T* d, long n) {
  T mean = 0;
  for (long k = 0; k < n; ++k) mean += p[k] * d[k];
  for (long k = 0; k < n; ++k) d[k] = p[k] * (d[k] - mean);
}

template <class T>
void attend_backward(const AttentionArgs<T>& s, const AttentionGrads<T>& grads,
                     int n_threads) {
  const long A = s.A, M = s.M;
  parallel_for(s.B, attention_threads(s, n_threads), [&](long i) {
    const long n = s.queries[i + 1] - s.queries[i], length = s.lengths[i];
    const long row = s.queries[i], first = s.starts[i];
    const T *p = s.weights + s.offsets[i], *q = s.q + row * A,
            *keys = s.keys + first * A;
    const T *dcontext = grads.dcontext + row * M, *memory = s.memory + first * M;
    T *dq = grads.dq + row * A, *dkeys = grads.dkeys + first * A;
    const Buffer<T> dscores(n * length);
    T* d = dscores.get();
    multiply<T>({p, 1, length}, {dcontext, M, 1}, grads.dmemory + first * M, length, M,
                n);
    multiply<T>({dcontext, M, 1}, {memory, 1, M}, d, n, length, M);
    for (long t = 0; t < n; ++t)
      softmax_backward(p + t * length, d + t * length, length);
    if (s.v == nullptr) {
      multiply<T>({d, length, 1}, {keys, A, 1}, dq, n, A, length);
      multiply<T>({d, 1, length}, {q, A, 1}, dkeys, length, A, n);
      return;
    }
    fill(dq, n * A, T(0));
    for (long t = 0; t < n; ++t)
      for (long k = 0; k < length; ++k)
        additive_score_backward(d[t * length + k], s.v, q + t * A, keys + k * A, A,
                                dq + t * A, dkeys + k * A, grads.dv + i * A);
  });
}

}  // namespace SKRNN_ISA
}  // namespace skrnn
