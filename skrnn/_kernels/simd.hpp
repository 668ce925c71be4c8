// Vectors of the widest registers of the instruction set that this is compiled for,
// with exp, tanh and the logistic function. No intrinsics: the compilers' vector types
// serve x86 and ARM alike.
#pragma once

#include <cstdint>
#include <cstring>

namespace skrnn {
namespace SKRNN_ISA {

#if defined(__AVX512F__)
constexpr int kBytes = 64;
#elif defined(__AVX__)
constexpr int kBytes = 32;
#else
constexpr int kBytes = 16;
#endif

template <class T>
struct Simd;

template <>
struct Simd<float> {
  using Int = int32_t;
  static constexpr int kMantissa = 23, kBias = 127;
  static constexpr float kLog2e = 1.44269504088896341f;
  static constexpr float kLn2Hi = 0.693359375f, kLn2Lo = -2.12194440054690583e-4f;
  static constexpr float kRound = 12582912.0f;  // 1.5 * 2**23: adding it rounds
  static constexpr float kExpMax = 130.0f, kTanhMax = 20.0f;
};

template <>
struct Simd<double> {
  using Int = int64_t;
  static constexpr int kMantissa = 52, kBias = 1023;
  static constexpr double kLog2e = 1.44269504088896340736;
  static constexpr double kLn2Hi = 6.93145751953125e-1;
  static constexpr double kLn2Lo = 1.42860682030941723212e-6;
  static constexpr double kRound = 6755399441055744.0;
  static constexpr double kExpMax = 800.0, kTanhMax = 40.0;
};

template <class T>
constexpr int kLanes = kBytes / sizeof(T);

template <class T>
struct VecOf {
  typedef T type __attribute__((vector_size(kBytes)));
};
template <class T>
using Vec = typename VecOf<T>::type;
template <class T>
using IntVec = Vec<typename Simd<T>::Int>;

template <class T>
inline Vec<T> broadcast(T x) {
  return Vec<T>{} + x;
}

template <class T>
inline Vec<T> load(const T* p) {
  Vec<T> v;
  std::memcpy(&v, p, sizeof(v));
  return v;
}

template <class T>
inline void store(T* p, Vec<T> v) {
  std::memcpy(p, &v, sizeof(v));
}

// The first n lanes; the others are 0, and left alone.
template <class T>
inline Vec<T> load_part(const T* p, int n) {
  if (n >= kLanes<T>) return load(p);
  Vec<T> v{};
  for (int l = 0; l < n; ++l) v[l] = p[l];
  return v;
}

template <class T>
inline void store_part(T* p, Vec<T> v, int n) {
  if (n >= kLanes<T>) return store(p, v);
  for (int l = 0; l < n; ++l) p[l] = v[l];
}

template <class T>
inline Vec<T> bits_to_float(IntVec<T> i) {
  Vec<T> v;
  std::memcpy(&v, &i, sizeof(v));
  return v;
}

template <class T>
inline IntVec<T> float_to_bits(Vec<T> v) {
  IntVec<T> i;
  std::memcpy(&i, &v, sizeof(i));
  return i;
}

// x = n ln 2 + r: returns exp(r) - 1, and n.
template <class T>
inline Vec<T> exp_reduced(Vec<T> x, IntVec<T>& n) {
  using S = Simd<T>;
  const Vec<T> shifted = x * S::kLog2e + S::kRound;
  const Vec<T> whole = shifted - S::kRound;
  n = float_to_bits<T>(shifted) - float_to_bits<T>(broadcast<T>(S::kRound));
  Vec<T> r = x - whole * S::kLn2Hi;
  r = r - whole * S::kLn2Lo;
  Vec<T> p;
  if constexpr (sizeof(T) == 4) {
    p = broadcast<T>(1.0f / 5040);
    p = p * r + 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
  } else {
    p = broadcast<T>(1.0 / 6227020800);
    p = p * r + 1.0 / 479001600;
    p = p * r + 1.0 / 39916800;
    p = p * r + 1.0 / 3628800;
    p = p * r + 1.0 / 362880;
    p = p * r + 1.0 / 40320;
    p = p * r + 1.0 / 5040;
    p = p * r + 1.0 / 720;
    p = p * r + 1.0 / 120;
    p = p * r + 1.0 / 24;
    p = p * r + 1.0 / 6;
    p = p * r + 0.5;
  }
  return (r * r) * p + r;
}

template <class T>
inline Vec<T> power_of_two(IntVec<T> n) {
  return bits_to_float<T>((n + Simd<T>::kBias) << Simd<T>::kMantissa);
}

template <class T>
inline Vec<T> vexp(Vec<T> x) {
  const Vec<T> top = broadcast<T>(Simd<T>::kExpMax);
  x = x > top ? top : x;
  x = x < -top ? -top : x;
  IntVec<T> n;
  const Vec<T> e = exp_reduced<T>(x, n) + T(1);
  const IntVec<T> half = n >> 1;  // 2**n itself may be out of range
  return e * power_of_two<T>(half) * power_of_two<T>(n - half);
}

template <class T>
inline Vec<T> vsigmoid(Vec<T> x) {
  return T(1) / (vexp<T>(-x) + T(1));
}

// tanh |x| = e / (e + 2), where e = exp(2 |x|) - 1, which keeps its digits near 0.
template <class T>
inline Vec<T> vtanh(Vec<T> x) {
  const Vec<T> top = broadcast<T>(Simd<T>::kTanhMax);
  Vec<T> a = x < T(0) ? -x : x;
  a = a > top ? top : a;
  IntVec<T> n;
  Vec<T> e = exp_reduced<T>(a + a, n);
  const Vec<T> scale = power_of_two<T>(n);
  e = e * scale + (scale - T(1));
  const Vec<T> t = e / (e + T(2));
  return x < T(0) ? -t : t;
}

}  // namespace SKRNN_ISA
}  // namespace skrnn
