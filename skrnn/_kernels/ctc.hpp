// The loss of connectionist temporal classification, sequence by sequence.
#pragma once

#include <cmath>

#include "simd.hpp"
#include "threads.hpp"
#include "types.hpp"

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

// The states of one target: a blank before each label, and one after the last. Arrays
// of numbers by state have a margin: two states before, and two and a vector after.
class States {
 public:
  static constexpr int kBefore = 2, kAfter = 2 + kLanes<double>;

  States(const int64_t* y, long n_labels, int64_t blank)
      : n(2 * n_labels + 1),
        width(n + kBefore + kAfter),
        labels(n, blank),
        skip_(width, kNever) {
    for (long i = 0; i < n_labels; ++i) {
      labels[2 * i + 1] = y[i];
      if (i > 0 && y[i] != y[i - 1]) skip_[kBefore + 2 * i + 1] = 0;
    }
  }

  // What is added for entering a state from two before: 0 or kNever.
  const double* skip() const { return skip_.get() + kBefore; }

  const long n, width;
  const Buffer<int64_t> labels;

 private:
  const Buffer<double> skip_;
};

// Logarithms by step and state, kNever in the margins.
class Table {
 public:
  Table(long n_steps, long width) : width_(width), data_(n_steps * width, kNever) {}
  double* operator[](long t) const {
    return data_.get() + t * width_ + States::kBefore;
  }

 private:
  long width_;
  Buffer<double> data_;
};

// One sequence: its scores at step t are those of row first[t] + j.
template <class T>
class CtcSequence {
 public:
  CtcSequence(const CtcLossArgs<T>& s, const long* first, long j)
      : scores_(s.scores + j * s.K),
        first_(first),
        K_(s.K),
        L_(s.lengths[j]),
        states_(s.y + s.offsets[j], s.offsets[j + 1] - s.offsets[j] - 1, s.K - 1),
        emitted_(L_, states_.width),
        alpha_(L_, states_.width),
        log_total_(L_),
        row_(K_),
        e_(K_) {}

  // Returns the log-probability of the target.
  double forward() {
    for (long t = 0; t < L_; ++t) emit(t);
    const long S = states_.n;
    for (long s = 0; s < smaller(2L, S); ++s) alpha_[0][s] = emitted_[0][s];
    const double* skip = states_.skip();
    for (long t = 1; t < L_; ++t) {
      const double *before = alpha_[t - 1], *e = emitted_[t];
      double* a = alpha_[t];
      for_each_vector<double>(S, [=](long s, int m) {
        const Vec<double> sum = log_sum(load(before + s), load(before + s - 1),
                                        load(before + s - 2) + load(skip + s));
        store_part(a + s, sum + load(e + s), m);
      });
    }
    const double* a = alpha_[L_ - 1];
    const double top = larger(a[S - 1], a[S - 2]);  // a[-1] is kNever
    return top + std::log(std::exp(a[S - 1] - top) + std::exp(a[S - 2] - top));
  }

  // Replaces the scores by the derivative of the loss, times a weight.
  void backward(double log_p, double weight) {
    const long S = states_.n;
    // Logarithms of the sums over the ends of paths, the state's own emission included.
    const Table sums(2, states_.width);
    const Buffer<double> shares(states_.width), occupied(K_);
    double* share = shares.get();
    const double* skip = states_.skip();
    for (long t = L_ - 1; t >= 0; --t) {
      const bool is_last = t == L_ - 1;
      const double *alpha = alpha_[t], *e = emitted_[t], *after = sums[(t + 1) % 2];
      double* now = sums[t % 2];
      for_each_vector<double>(S, [=](long s, int m) {
        Vec<double> sum;
        if (is_last) {
          sum = broadcast<double>(kNever);
          for (int l = 0; l < m; ++l)
            if (s + l >= S - 2) sum[l] = 0;
        } else {
          sum = log_sum(load(after + s), load(after + s + 1),
                        load(after + s + 2) + load(skip + s + 2));
        }
        store_part(share + s, vexp<double>(load(alpha + s) + sum - log_p), m);
        store_part(now + s, sum + load(e + s), m);
      });
      fill(occupied.get(), K_, 0.0);
      for (long s = 0; s < S; ++s) occupied[states_.labels[s]] += share[s];
      set_derivative(t, occupied.get(), weight);
    }
  }

 private:
  T* scores(long t) const { return scores_ + first_[t] * K_; }

  // Sets the log-probabilities of the emissions of the states.
  void emit(long t) {
    const T* p = scores(t);
    for (long k = 0; k < K_; ++k) row_[k] = double(p[k]);
    const double top = largest(row_.get(), K_);
    log_total_[t] = top + std::log(exponentials(row_.get(), K_, top, e_.get()));
    double* e = emitted_[t];
    for (long s = 0; s < states_.n; ++s) e[s] = row_[states_.labels[s]] - log_total_[t];
  }

  void set_derivative(long t, const double* occupied, double weight) {
    T* p = scores(t);
    for (long k = 0; k < K_; ++k) row_[k] = double(p[k]);
    exponentials(row_.get(), K_, log_total_[t], e_.get());
    for (long k = 0; k < K_; ++k) p[k] = T(weight * (e_[k] - occupied[k]));
  }

  T* scores_;
  const long* first_;
  long K_, L_;
  States states_;
  Table emitted_, alpha_;  // alpha: of the sums over the prefixes of paths
  Buffer<double> log_total_, row_, e_;
};

template <class T>
void ctc_loss(const CtcLossArgs<T>& s, int n_threads) {
  const Buffer<long> first(s.T_steps + 1, 0L);  // row of each step
  for (long t = 0; t < s.T_steps; ++t) first[t + 1] = first[t] + s.sizes[t];
  const long n_multiplications =
      first[s.T_steps] * (16 * s.K + 64 * (s.offsets[s.B] / s.B));
  parallel_for(s.B, useful_threads(n_multiplications, n_threads), [&](long j) {
    CtcSequence<T> sequence(s, first.get(), j);
    const double log_p = sequence.forward();
    const bool possible = !(log_p < kNever / 2);  // NaN stays
    s.losses[j] = possible ? -log_p : Simd<double>::kInfinity;
    if (s.weights != nullptr) sequence.backward(log_p, possible ? s.weights[j] : 0);
  });
}

}  // namespace SKRNN_ISA
}  // namespace skrnn
