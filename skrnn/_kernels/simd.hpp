// Vectors of the widest registers of the instruction set that this is compiled for,
// with exp, tanh and the logistic function, and the functions of arrays that are made
// of them. The compilers' vector types serve x86 and ARM alike; AVX-512 has special
// instructions for the steps of exp.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "memory.hpp"

#if defined(__AVX512F__) || defined(__FMA__)
#include <immintrin.h>
#endif

namespace skrnn {
namespace SKRNN_ISA {

#if defined(__AVX512F__)
constexpr int kBytes = 64;
constexpr __mmask16 kAll = 0xffff;  // gcc warns of the forms without a mask
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
  static constexpr Int kSignBit = INT32_MIN;
  static constexpr float kInfinity = __builtin_inff();
  static constexpr int kMantissa = 23, kBias = 127;
  static constexpr float kLog2e = 1.44269504088896341f;
  static constexpr float kLn2Hi = 0.693359375f, kLn2Lo = -2.12194440054690583e-4f;
  static constexpr float kRound = 12582912.0f;  // 1.5 * 2**23: adding it rounds
  static constexpr float kExpMax = 87.3f, kTanhMax = 20.0f;
};

template <>
struct Simd<double> {
  using Int = int64_t;
  static constexpr Int kSignBit = INT64_MIN;
  static constexpr double kInfinity = __builtin_inf();
  static constexpr int kMantissa = 52, kBias = 1023;
  static constexpr double kLog2e = 1.44269504088896340736;
  static constexpr double kLn2Hi = 6.93145751953125e-1;
  static constexpr double kLn2Lo = 1.42860682030941723212e-6;
  static constexpr double kRound = 6755399441055744.0;
  static constexpr double kExpMax = 708.3, kTanhMax = 40.0;
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
  return x - Vec<T>{};  // a sum would turn -0 to 0, and be computed
}

template <class T>
inline Vec<T> load(const T* p) {
  Vec<T> v;
  std::memcpy(&v, p, sizeof(v));
  return v;
}

// A vector anywhere in an array of T, which it may alias. memcpy may alias anything:
// the compilers would load all pointers again after it.
template <class T>
struct Unaligned {
  typedef T type __attribute__((vector_size(kBytes), aligned(alignof(T))));
};

template <class T>
inline void store(T* p, Vec<T> v) {
  *reinterpret_cast<typename Unaligned<T>::type*>(p) = v;
}

#if defined(__AVX512F__)
inline uint32_t first_bits(int n) { return n > 0 ? (uint32_t{1} << n) - 1 : 0; }
#endif

// The first n lanes; the others are 0, and left alone.
template <class T>
inline Vec<T> load_part(const T* p, int n) {
  if (n >= kLanes<T>) return load(p);
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    return Vec<T>(_mm512_maskz_loadu_ps(__mmask16(first_bits(n)), p));
  else
    return Vec<T>(_mm512_maskz_loadu_pd(__mmask8(first_bits(n)), p));
#endif
  Vec<T> v{};
  for (int l = 0; l < kLanes<T>; ++l)
    if (l < n) v[l] = p[l];
  return v;
}

template <class T>
inline void store_part(T* p, Vec<T> v, int n) {
  if (n >= kLanes<T>) return store(p, v);
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    return _mm512_mask_storeu_ps(p, __mmask16(first_bits(n)), __m512(v));
  else
    return _mm512_mask_storeu_pd(p, __mmask8(first_bits(n)), __m512d(v));
#endif
  for (int l = 0; l < kLanes<T>; ++l)
    if (l < n) p[l] = v[l];
}

// a * b + c, rounded once where the processor can. For sums of two products: there the
// compilers choose which of them to round.
template <class T>
inline Vec<T> multiply_add(Vec<T> a, Vec<T> b, Vec<T> c) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    return Vec<T>(_mm512_fmadd_ps(__m512(a), __m512(b), __m512(c)));
  else
    return Vec<T>(_mm512_fmadd_pd(__m512d(a), __m512d(b), __m512d(c)));
#elif defined(__FMA__)
  if constexpr (sizeof(T) == 4)
    return Vec<T>(_mm256_fmadd_ps(__m256(a), __m256(b), __m256(c)));
  else
    return Vec<T>(_mm256_fmadd_pd(__m256d(a), __m256d(b), __m256d(c)));
#else
  return a * b + c;
#endif
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

template <class T>
inline Vec<T> at_most(Vec<T> x, T high) {  // NaN stays
  const Vec<T> h = broadcast<T>(high);
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    return Vec<T>(_mm512_maskz_min_ps(kAll, __m512(h), __m512(x)));
  else
    return Vec<T>(_mm512_maskz_min_pd(__mmask8(kAll), __m512d(h), __m512d(x)));
#else
  return x > h ? h : x;
#endif
}

template <class T>
inline Vec<T> at_least(Vec<T> x, T low) {  // NaN stays
  const Vec<T> l = broadcast<T>(low);
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    return Vec<T>(_mm512_maskz_max_ps(kAll, __m512(l), __m512(x)));
  else
    return Vec<T>(_mm512_maskz_max_pd(__mmask8(kAll), __m512d(l), __m512d(x)));
#else
  return x < l ? l : x;
#endif
}

// x rounded to a whole number, |x| < 2**22.
template <class T>
inline Vec<T> round_to_whole(Vec<T> x) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    return Vec<T>(_mm512_maskz_roundscale_ps(kAll, __m512(x), 8));
  else
    return Vec<T>(_mm512_maskz_roundscale_pd(__mmask8(kAll), __m512d(x), 8));
#else
  return (x + Simd<T>::kRound) - Simd<T>::kRound;
#endif
}

// x * 2**n, for a whole n within half the range of exponents.
template <class T>
inline Vec<T> scale_by_power(Vec<T> x, Vec<T> n) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    return Vec<T>(_mm512_maskz_scalef_ps(kAll, __m512(x), __m512(n)));
  else
    return Vec<T>(_mm512_maskz_scalef_pd(__mmask8(kAll), __m512d(x), __m512d(n)));
#else
  const Vec<T> shifted = n + Simd<T>::kRound;
  const IntVec<T> whole =
      float_to_bits<T>(shifted) - float_to_bits<T>(broadcast<T>(Simd<T>::kRound));
  return x * bits_to_float<T>((whole + Simd<T>::kBias) << Simd<T>::kMantissa);
#endif
}

template <class T>
inline Vec<T> reciprocal(Vec<T> x) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) {  // 14 bits, and a step of Newton's
    const Vec<T> y = Vec<T>(_mm512_maskz_rcp14_ps(kAll, __m512(x)));
    return y + y * (T(1) - x * y);
  }
#endif
  return T(1) / x;
}

// x = n ln 2 + r: returns exp(r) - 1, and n.
template <class T>
inline Vec<T> exp_reduced(Vec<T> x, Vec<T>& n) {
  using S = Simd<T>;
  n = round_to_whole<T>(x * S::kLog2e);
  Vec<T> r = x - n * S::kLn2Hi;
  r = r - n * S::kLn2Lo;
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

// exp(x) for |x| up to kExpMax, beyond that of kExpMax, about the largest number.
template <class T>
inline Vec<T> vexp(Vec<T> x) {
  x = at_most<T>(at_least<T>(x, -Simd<T>::kExpMax), Simd<T>::kExpMax);
  Vec<T> n;
  const Vec<T> e = exp_reduced<T>(x, n) + T(1);
  return scale_by_power<T>(e, n);
}

template <class T>
inline Vec<T> vsigmoid(Vec<T> x) {
  return reciprocal<T>(vexp<T>(-x) + T(1));
}

// tanh |x| = e / (e + 2), where e = exp(2 |x|) - 1, which keeps its digits near 0.
template <class T>
inline Vec<T> vtanh(Vec<T> x) {
  const IntVec<T> sign = float_to_bits<T>(x) & Simd<T>::kSignBit;
  const Vec<T> a =
      at_most<T>(bits_to_float<T>(float_to_bits<T>(x) ^ sign), Simd<T>::kTanhMax);
  Vec<T> n;
  Vec<T> e = exp_reduced<T>(a + a, n);
  const Vec<T> scale = scale_by_power<T>(broadcast<T>(T(1)), n);
  e = e * scale + (scale - T(1));
  const Vec<T> t = e * reciprocal<T>(e + T(2));
  return bits_to_float<T>(float_to_bits<T>(t) | sign);
}

template <class T>
inline Vec<T> vsqrt(Vec<T> x) {
  Vec<T> y;
  for (int l = 0; l < kLanes<T>; ++l) y[l] = std::sqrt(x[l]);
  return y;
}

template <class T>
inline T sum_of_lanes(Vec<T> v) {
  T sum = 0;
  for (int l = 0; l < kLanes<T>; ++l) sum += v[l];
  return sum;
}

// Calls f(j, count) for the vectors of n numbers: whole ones, and the rest at the end.
// Values that f captures by copy stay in registers.
template <class T, class F>
[[gnu::flatten]] inline void for_each_vector(long n, F f) {
  constexpr int W = kLanes<T>;
  long j = 0;
  for (; j + W <= n; j += W) f(j, W);
  if (j < n) f(j, int(n - j));
}

// Returns the sum of f(j, count) for these vectors.
template <class T, class F>
[[gnu::flatten]] inline Vec<T> sum_of_vectors(long n, F f) {
  constexpr int W = kLanes<T>;
  Vec<T> sum{};
  long j = 0;
  for (; j + W <= n; j += W) sum += f(j, W);
  if (j < n) sum += f(j, int(n - j));
  return sum;
}

// The largest of n numbers, minus infinity of none; NaN is passed over.
template <class T>
inline T largest(const T* p, long n) {
  constexpr int W = kLanes<T>;
  Vec<T> tops = broadcast<T>(-Simd<T>::kInfinity);
  long j = 0;
  for (; j + W <= n; j += W) {
    const Vec<T> v = load(p + j);
    tops = v > tops ? v : tops;
  }
  T top = -Simd<T>::kInfinity;
  for (int l = 0; l < W; ++l) top = larger<T>(top, tops[l]);
  for (; j < n; ++j) top = larger(top, p[j]);
  return top;
}

// Sets e to exp(p - shift), of n numbers, and returns the sum: a softmax but for the
// division.
template <class T>
inline T exponentials(const T* p, long n, T shift, T* e) {
  const Vec<T> sums = sum_of_vectors<T>(n, [=](long j, int m) {
    const Vec<T> v = vexp<T>(load_part(p + j, m) - shift);
    store_part(e + j, v, m);
    return m < kLanes<T> ? load_part(e + j, m) : v;
  });
  return sum_of_lanes<T>(sums);
}

}  // namespace SKRNN_ISA
}  // namespace skrnn
