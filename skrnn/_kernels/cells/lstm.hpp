// Long short-term memory. Gates i, f, g, o; slots i, f, g, o, c.
#pragma once

#include "cell.hpp"

namespace skrnn {
namespace SKRNN_ISA {

struct Lstm : Cell {
  static constexpr const char* name = "lstm";
  static constexpr int gates = 4, slots = 5;
  static constexpr bool memory = true, direct = false;

  template <class T>
  static State<T> forward(const ForwardStep<T>& s) {
    const Vec<T> i = vsigmoid<T>(s.z[0] + s.a[0]), f = vsigmoid<T>(s.z[1] + s.a[1]);
    const Vec<T> g = vtanh<T>(s.z[2] + s.a[2]), o = vsigmoid<T>(s.z[3] + s.a[3]);
    const Vec<T> c = multiply_add<T>(f, s.prev.c, i * g);
    s.saved.set_all(i, f, g, o, c);
    return {o * vtanh<T>(c), c};
  }

  template <class T>
  static State<T> backward(const BackwardStep<T>& s) {
    const Vec<T> i = s.saved[0], f = s.saved[1], g = s.saved[2], o = s.saved[3];
    const Vec<T> tanh_c = vtanh<T>(s.saved[4]);
    const Vec<T> d_o = s.d.h * tanh_c * (o - o * o);
    const Vec<T> dc = s.d.c + s.d.h * o * (T(1) - tanh_c * tanh_c);
    const Vec<T> di = dc * g * (i - i * i), df = dc * s.prev.c * (f - f * f);
    s.dz.set_all(di, df, dc * i * (T(1) - g * g), d_o);
    return {.c = dc * f};
  }
};
SKRNN_CELL(Lstm)

}  // namespace SKRNN_ISA
}  // namespace skrnn
