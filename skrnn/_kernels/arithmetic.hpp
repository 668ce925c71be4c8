// The rest of a training step: the loss of a softmax, and the steps of the optimisers.
#pragma once

#include <cmath>
#include <limits>

#include "product.hpp"
#include "shape.hpp"

namespace skrnn {
namespace SKRNN_ISA {

// Replaces scores by the derivative of the loss, and sets the loss of each row. A class
// below 0 is unknown, and its row must have no weight.
template <class T>
void softmax_loss(T* scores, const int64_t* y, const T* weights, T* losses, long N,
                  long K, int n_threads) {
  constexpr int W = kLanes<T>;
  n_threads = worth(16 * N * K, n_threads);  // an exponential is some of them
  const long n_parts = std::min<long>(n_threads, N);
  run_all(n_parts, n_threads, [&](long part) {
    for (long row = N * part / n_parts; row < N * (part + 1) / n_parts; ++row) {
      T* p = scores + row * K;
      Vec<T> tops = broadcast<T>(-std::numeric_limits<T>::infinity());
      long k = 0;
      for (; k + W <= K; k += W) {
        const Vec<T> v = load(p + k);
        tops = v > tops ? v : tops;
      }
      T top = -std::numeric_limits<T>::infinity();
      for (int l = 0; l < W; ++l) top = std::max(top, tops[l]);
      for (; k < K; ++k) top = std::max(top, p[k]);
      if (!(top < std::numeric_limits<T>::infinity())) top = std::nan("");
      const bool known = y[row] >= 0;
      const T true_score = known ? p[y[row]] - top : T(0);
      Vec<T> sums{};
      for (k = 0; k + W <= K; k += W) {
        const Vec<T> e = vexp<T>(load(p + k) - top);
        store(p + k, e);
        sums += e;
      }
      if (k < K) {
        const int left = int(K - k);
        const Vec<T> e = vexp<T>(load_part(p + k, left) - top);
        store_part(p + k, e, left);
        sums += load_part(p + k, left);
      }
      T sum = 0;
      for (int l = 0; l < W; ++l) sum += sums[l];
      losses[row] = known ? std::log(sum) - true_score : T(0);
      const T scale = weights[row] / sum;
      for (k = 0; k + W <= K; k += W) store(p + k, load(p + k) * scale);
      for (; k < K; ++k) p[k] *= scale;
      if (known) p[y[row]] -= weights[row];
    }
  });
}

template <class T>
inline Vec<T> vsqrt(Vec<T> x) {
  Vec<T> y;
  for (int l = 0; l < kLanes<T>; ++l) y[l] = std::sqrt(x[l]);
  return y;
}

template <class F>
void for_each_row(const Rows& rows, F f) {
  if (rows.which == nullptr) return f(0, 0, rows.D * rows.V * rows.m);
  for (long d = 0; d < rows.D; ++d)
    for (long i = 0; i < rows.n; ++i)
      f((d * rows.V + rows.which[i]) * rows.m, (d * rows.n + i) * rows.m, rows.m);
}

// A step of Adam, or of Kingma and Ba's equivalent of it; g is first multiplied by scale.
template <class T>
void adam(const Rows& rows, T* p, const T* g, T* mean, T* square, T scale, T beta_1,
          T beta_2, T rate, T epsilon) {
  constexpr int W = kLanes<T>;
  for_each_row(rows, [&](long at, long from, long n) {
    for (long i = 0; i < n; i += W) {
      const int m = int(std::min<long>(W, n - i));
      const Vec<T> d = load_part(g + from + i, m) * scale;
      const Vec<T> first = load_part(mean + at + i, m) * beta_1 + d * (T(1) - beta_1);
      const Vec<T> second =
          load_part(square + at + i, m) * beta_2 + d * d * (T(1) - beta_2);
      store_part(mean + at + i, first, m);
      store_part(square + at + i, second, m);
      const Vec<T> step = first * rate / (vsqrt<T>(second) + epsilon);
      store_part(p + at + i, load_part(p + at + i, m) - step, m);
    }
  });
}

// A step of gradient descent. Without momentum there are no velocities.
template <class T>
void sgd(const Rows& rows, T* p, const T* g, T* velocity, T scale, T momentum, T rate,
         bool nesterov) {
  constexpr int W = kLanes<T>;
  scale *= rate;
  for_each_row(rows, [&](long at, long from, long n) {
    for (long i = 0; i < n; i += W) {
      const int m = int(std::min<long>(W, n - i));
      Vec<T> step = -(load_part(g + from + i, m) * scale);
      if (velocity != nullptr) {
        const Vec<T> v = load_part(velocity + at + i, m) * momentum + step;
        store_part(velocity + at + i, v, m);
        step = nesterov ? step + v * momentum : v;
      }
      store_part(p + at + i, load_part(p + at + i, m) + step, m);
    }
  });
}

// to[index[i]] += values[i], rows of m numbers, in their order: each thread has some of
// the columns.
template <class T>
void add_rows(const int64_t* index, const T* values, T* to, long n, long m,
              int n_threads) {
  constexpr int W = kLanes<T>;
  n_threads = worth(16 * n * m, n_threads);  // the memory is slow
  const long n_parts = std::min<long>(n_threads, (m + W - 1) / W);
  run_all(n_parts, n_threads, [&](long part) {
    const long first = m * part / n_parts / W * W;
    const long last = part + 1 == n_parts ? m : m * (part + 1) / n_parts / W * W;
    for (long i = 0; i < n; ++i) {
      T* p = to + index[i] * m;
      const T* from = values + i * m;
      for (long k = first; k < last; k += W) {
        const int left = int(std::min<long>(W, last - k));
        store_part(p + k, load_part(p + k, left) + load_part(from + k, left), left);
      }
    }
  });
}

}  // namespace SKRNN_ISA
}  // namespace skrnn
