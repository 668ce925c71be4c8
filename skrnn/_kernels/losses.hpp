// The loss of a softmax.
#pragma once

#include <cmath>

#include "simd.hpp"
#include "threads.hpp"
#include "types.hpp"

namespace skrnn {
namespace SKRNN_ISA {

template <class T>
void softmax_loss(const SoftmaxLossArgs<T>& s, int n_threads) {
  const long N = s.N, K = s.K;
  n_threads = useful_threads(16 * N * K, n_threads);  // an exponential is some of them
  const long n_parts = smaller<long>(n_threads, N);
  parallel_for(n_parts, n_threads, [&](long part) {
    for (long row = N * part / n_parts; row < N * (part + 1) / n_parts; ++row) {
      T* p = s.scores + row * K;
      T top = largest(p, K);
      if (!(top < Simd<T>::kInfinity)) top = std::nan("");
      const bool known = s.y[row] >= 0;
      const T true_score = known ? p[s.y[row]] - top : T(0);
      const T sum = exponentials(p, K, top, p);
      s.losses[row] = known ? std::log(sum) - true_score : T(0);
      const T scale = s.weights[row] / sum;
      for_each_vector<T>(K, [=](long k, int count) {
        store_part(p + k, load_part(p + k, count) * scale, count);
      });
      if (known) p[s.y[row]] -= s.weights[row];
    }
  });
}

}  // namespace SKRNN_ISA
}  // namespace skrnn
