// The steps of the optimizers, and the sums of gradients by row.
#pragma once

#include "simd.hpp"
#include "threads.hpp"
#include "types.hpp"

namespace skrnn {
namespace SKRNN_ISA {

// Calls f(place of parameters, place of gradients, n) for runs of n numbers.
template <class F>
void for_each_row(const Rows& rows, const F& f) {
  if (rows.which == nullptr) return f(0, 0, rows.D * rows.V * rows.m);
  for (long d = 0; d < rows.D; ++d)
    for (long i = 0; i < rows.n; ++i)
      f((d * rows.V + rows.which[i]) * rows.m, (d * rows.n + i) * rows.m, rows.m);
}

// A step of Adam, or of Kingma and Ba's equivalent of it.
template <class T>
void adam(const AdamArgs<T>& s) {
  const T scale = s.scale, beta_1 = s.beta_1, beta_2 = s.beta_2;
  const T rate = s.rate, epsilon = s.epsilon;
  for_each_row(s.rows, [&](long at, long from, long n) {
    T *p = s.p + at, *mean = s.mean + at, *square = s.square + at;
    const T* g = s.g + from;
    for_each_vector<T>(n, [=](long i, int m) {
      const Vec<T> d = load_part(g + i, m) * scale;
      const Vec<T> first = load_part(mean + i, m) * beta_1 + d * (T(1) - beta_1);
      const Vec<T> second = load_part(square + i, m) * beta_2 + d * d * (T(1) - beta_2);
      store_part(mean + i, first, m);
      store_part(square + i, second, m);
      const Vec<T> step = first * rate / (vsqrt<T>(second) + epsilon);
      store_part(p + i, load_part(p + i, m) - step, m);
    });
  });
}

// A step of gradient descent. Without momentum there are no velocities.
template <class T>
void sgd(const SgdArgs<T>& s) {
  const Vec<T> down = broadcast<T>(-(s.scale * s.rate));
  const T momentum = s.momentum;
  const bool nesterov = s.nesterov;
  for_each_row(s.rows, [&](long at, long from, long n) {
    T *p = s.p + at, *velocity = s.velocity ? s.velocity + at : nullptr;
    const T* gradient = s.g + from;
    for_each_vector<T>(n, [=](long i, int m) {
      const Vec<T> g = load_part(gradient + i, m), old = load_part(p + i, m);
      if (velocity == nullptr) return store_part(p + i, old + g * down, m);
      const Vec<T> v = multiply_add<T>(g, down, load_part(velocity + i, m) * momentum);
      store_part(velocity + i, v, m);
      const Vec<T> step = nesterov ? multiply_add<T>(g, down, v * momentum) : v;
      store_part(p + i, old + step, m);
    });
  });
}

// Each thread has some of the columns.
template <class T>
void add_rows(const AddRowsArgs<T>& s, int n_threads) {
  constexpr int W = kLanes<T>;
  const long m = s.m;
  n_threads = useful_threads(16 * s.n * m, n_threads);  // the memory is slow
  const long n_parts = smaller<long>(n_threads, (m + W - 1) / W);
  parallel_for(n_parts, n_threads, [&](long part) {
    const long first = m * part / n_parts / W * W;
    const long last = part + 1 == n_parts ? m : m * (part + 1) / n_parts / W * W;
    for (long i = 0; i < s.n; ++i) {
      T* to = s.to + s.index[i] * m + first;
      const T* from = s.values + i * m + first;
      for_each_vector<T>(last - first, [=](long k, int count) {
        store_part(to + k, load_part(to + k, count) + load_part(from + k, count),
                   count);
      });
    }
  });
}

}  // namespace SKRNN_ISA
}  // namespace skrnn
