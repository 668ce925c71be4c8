// What each instruction set offers, for one type of number.
#pragma once

#include <cstddef>
#include <cstdint>

#include "shape.hpp"

namespace skrnn {

template <class T>
struct Kernels {
  void (*forward)(int, const Shape&, const int64_t*, const T*, long, const int64_t*,
                  const T*, const T*, long, const T*, const T*, T*, T*, T*, T*, int);
  void (*backward)(int, const Shape&, const int64_t*, const T*, const T*, const T*,
                   const T*, const T*, const T*, const T*, long, T*, T*, T*, T*, T*, T*,
                   bool, int);
  void (*product)(const T*, ptrdiff_t, ptrdiff_t, const T*, ptrdiff_t, ptrdiff_t, T*,
                  ptrdiff_t, long, long, long, bool, const T*, T*, int);
  void (*softmax_loss)(T*, const int64_t*, const T*, T*, long, long, int);
  void (*adam)(const Rows&, T*, const T*, T*, T*, T, T, T, T, T);
  void (*sgd)(const Rows&, T*, const T*, T*, T, T, T, bool);
  void (*add_rows)(const int64_t*, const T*, T*, long, long, int);
  void (*attend)(const Attention<T>&, T*, int);
  void (*attend_backward)(const Attention<T>&, const T*, T*, T*, T*, T*, int);
  void (*ctc_loss)(T*, const int64_t*, const int64_t*, const double*, const int64_t*,
                   const int64_t*, double*, long, long, long, int);
};

struct Isa {
  const char* name;
  Kernels<float> of_floats;
  Kernels<double> of_doubles;
};

}  // namespace skrnn
