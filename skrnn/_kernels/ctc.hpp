// The loss of connectionist temporal classification, sequence by sequence.
#pragma once

#include <cmath>
#include <limits>
#include <vector>

#include "product.hpp"

namespace skrnn {
namespace SKRNN_ISA {

constexpr double kNever = -1e290;  // the logarithm of 0; sums of it stay finite

// log(x) for x from 1 to 3: twice the series of the area tangent of (x - 1) / (x + 1),
// of x / 2 where that is nearer to 1.
inline Vec<double> log_of_1_to_3(Vec<double> x) {
  const auto is_large = x > 1.5;
  x = is_large ? x * 0.5 : x;
  const Vec<double> z = (x - 1.0) / (x + 1.0), q = z * z;
  Vec<double> p = broadcast<double>(1.0 / 23);
  for (int n = 21; n >= 1; n -= 2) p = p * q + 1.0 / n;
  const Vec<double> none{}, ln2 = broadcast<double>(0.69314718055994530942);
  return 2.0 * z * p + (is_large ? ln2 : none);
}

// log(exp(a) + exp(b) + exp(c))
inline Vec<double> log_sum(Vec<double> a, Vec<double> b, Vec<double> c) {
  Vec<double> top = a > b ? a : b;
  top = top > c ? top : c;
  return top + log_of_1_to_3(vexp<double>(a - top) + vexp<double>(b - top) +
                             vexp<double>(c - top));
}

// The states of one target: a blank before each label, and one behind the last. Before
// and behind them are numbers for what is two states away, and to fill a vector.
class States {
 public:
  static constexpr int kBefore = 2, kBehind = 2 + kLanes<double>;

  States(const int64_t* y, long n_labels, int64_t blank)
      : n(2 * n_labels + 1), width(n + kBefore + kBehind), labels(n, blank),
        skip_(width, kNever) {
    for (long i = 0; i < n_labels; ++i) {
      labels[2 * i + 1] = y[i];
      if (i > 0 && y[i] != y[i - 1]) skip_[kBefore + 2 * i + 1] = 0;
    }
  }

  // What entering a state from two before adds: nothing, or kNever.
  const double* skip() const { return skip_.data() + kBefore; }

  const long n, width;
  std::vector<int64_t> labels;

 private:
  std::vector<double> skip_;
};

// Sets the loss of each target. Given weights, replaces scores by the derivative. The
// target of sequence j is y[offsets[j]] ... y[offsets[j + 1] - 2], then comes a blank,
// K - 1. Its step t is row first[t] + j, where first sums up the sizes before t.
template <class T>
void ctc_loss(T* scores, const int64_t* y, const int64_t* offsets, const double* weights,
              const int64_t* lengths, const int64_t* sizes, double* losses, long B,
              long n_steps, long K, int n_threads) {
  std::vector<long> first(n_steps + 1, 0);
  for (long t = 0; t < n_steps; ++t) first[t + 1] = first[t] + sizes[t];
  n_threads = worth(first[n_steps] * (16 * K + 64 * (offsets[B] / B)), n_threads);
  run_all(B, n_threads, [&](long j) {
    constexpr int W = kLanes<double>;
    const long L = lengths[j];
    const States states(y + offsets[j], offsets[j + 1] - offsets[j] - 1, K - 1);
    const long S = states.n;
    // Of each step the logarithms of what states emit, and then those of the sums over
    // the beginnings of paths; kNever around them.
    std::vector<double> emitted(L * states.width, kNever);
    std::vector<double> alpha(L * states.width, kNever);
    const auto at = [&](std::vector<double>& v, long t) {
      return v.data() + t * states.width + States::kBefore;
    };
    std::vector<double> row(K), log_total(L);
    for (long t = 0; t < L; ++t) {
      const T* p = scores + (first[t] + j) * K;
      double top = -std::numeric_limits<double>::infinity();
      for (long k = 0; k < K; ++k) {
        row[k] = double(p[k]);
        top = row[k] > top ? row[k] : top;
      }
      Vec<double> sums{};
      for (long k = 0; k < K; k += W) {
        const int left = int(std::min<long>(W, K - k));
        Vec<double> e = vexp<double>(load_part(row.data() + k, left) - top);
        if (left < W)
          for (int l = left; l < W; ++l) e[l] = 0;
        sums += e;
      }
      double sum = 0;
      for (int l = 0; l < W; ++l) sum += sums[l];
      log_total[t] = top + std::log(sum);
      double* e = at(emitted, t);
      for (long s = 0; s < S; ++s) e[s] = row[states.labels[s]] - log_total[t];
    }
    const double *skip = states.skip(), *e0 = at(emitted, 0);
    for (long s = 0; s < std::min<long>(2, S); ++s) at(alpha, 0)[s] = e0[s];
    for (long t = 1; t < L; ++t) {
      const double *before = at(alpha, t - 1), *e = at(emitted, t);
      double* a = at(alpha, t);
      for (long s = 0; s < S; s += W) {
        const int left = int(std::min<long>(W, S - s));
        const Vec<double> sum = log_sum(load(before + s), load(before + s - 1),
                                        load(before + s - 2) + load(skip + s));
        store_part(a + s, sum + load(e + s), left);
      }
    }
    const double* a = at(alpha, L - 1);
    const double top = std::max(a[S - 1], a[S - 2]);  // a[-1] is kNever
    const double log_p =
        top + std::log(std::exp(a[S - 1] - top) + std::exp(a[S - 2] - top));
    const bool possible = !(log_p < kNever / 2);  // NaN stays
    losses[j] = possible ? -log_p : std::numeric_limits<double>::infinity();
    if (weights == nullptr) return;
    const double weight = possible ? weights[j] : 0;
    // The sums over the ends of paths, which begin with what the state emits.
    std::vector<double> now(states.width, kNever), after(states.width, kNever);
    std::vector<double> shares(states.width), occupied(K);
    double* b = now.data() + States::kBefore;
    double* c = after.data() + States::kBefore;
    for (long t = L - 1; t >= 0; --t) {
      const double *alpha_t = at(alpha, t), *e = at(emitted, t);
      double* share = shares.data();
      for (long s = 0; s < S; s += W) {
        const int left = int(std::min<long>(W, S - s));
        Vec<double> sum;
        if (t == L - 1) {
          sum = broadcast<double>(kNever);
          for (int l = 0; l < left; ++l)
            if (s + l >= S - 2) sum[l] = 0;
        } else {
          sum = log_sum(load(c + s), load(c + s + 1),
                        load(c + s + 2) + load(skip + s + 2));
        }
        store_part(share + s, vexp<double>(load(alpha_t + s) + sum - log_p), left);
        store_part(b + s, sum + load(e + s), left);
      }
      std::swap(b, c);
      std::fill(occupied.begin(), occupied.end(), 0.0);
      for (long s = 0; s < S; ++s) occupied[states.labels[s]] += share[s];
      T* p = scores + (first[t] + j) * K;
      for (long k = 0; k < K; k += W) {
        const int left = int(std::min<long>(W, K - k));
        for (int l = 0; l < left; ++l) row[k + l] = double(p[k + l]) - log_total[t];
        store_part(row.data() + k, vexp<double>(load_part(row.data() + k, left)), left);
        for (int l = 0; l < left; ++l)
          p[k + l] = T(weight * (row[k + l] - occupied[k + l]));
      }
    }
  });
}

}  // namespace SKRNN_ISA
}  // namespace skrnn
