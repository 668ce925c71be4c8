// The LSTM whose gates see the memory. Gates i, f, g, o; slots i, f, g, o, c; extra
// weights p_i, p_f, p_o.
#pragma once

#include "cell.hpp"

namespace skrnn {
namespace SKRNN_ISA {

struct LstmPeephole : Cell {
  static constexpr const char* name = "lstm_peephole";
  static constexpr int gates = 4, slots = 5, extra = 3;
  static constexpr bool memory = true, direct = false;

  template <class T>
  static State<T> forward(const ForwardStep<T>& s) {
    const Vec<T> c_prev = s.prev.c;
    const Vec<T> i = vsigmoid<T>(s.z[0] + s.a[0] + s.w[0] * c_prev);
    const Vec<T> f = vsigmoid<T>(s.z[1] + s.a[1] + s.w[1] * c_prev);
    const Vec<T> g = vtanh<T>(s.z[2] + s.a[2]);
    const Vec<T> c = multiply_add<T>(f, c_prev, i * g);
    const Vec<T> o = vsigmoid<T>(s.z[3] + s.a[3] + s.w[2] * c);
    s.saved.set_all(i, f, g, o, c);
    return {o * vtanh<T>(c), c};
  }

  template <class T>
  static State<T> backward(const BackwardStep<T>& s) {
    const Vec<T> i = s.saved[0], f = s.saved[1], g = s.saved[2], o = s.saved[3];
    const Vec<T> tanh_c = vtanh<T>(s.saved[4]);
    const Vec<T> d_o = s.d.h * tanh_c * (o - o * o);
    Vec<T> dc = s.d.c + s.d.h * o * (T(1) - tanh_c * tanh_c);
    dc += d_o * s.w[2];
    const Vec<T> di = dc * g * (i - i * i), df = dc * s.prev.c * (f - f * f);
    const Vec<T> by_gates = multiply_add<T>(di, s.w[0], df * s.w[1]);
    s.dz.set_all(di, df, dc * i * (T(1) - g * g), d_o);
    return {.c = multiply_add<T>(dc, f, by_gates)};
  }

  // dp_i += di * c<t-1>, dp_f += df * c<t-1>, dp_o += do * c<t>, summed over all rows
  template <class T>
  static void extra_backward(const BackwardArgs<T>& s, T*) {
    const long H = s.shape.H;
    const T *d = s.dz, *c = s.saved + 4 * H, *c_before = nullptr;
    for (long t = 0; t < s.shape.T; ++t) {
      const T *c_prev = t > 0 ? c_before : s.c0, *c_step = c;
      const long c_stride = t > 0 ? slots * H : H;
      for (long r = 0; r < s.sizes[t]; ++r, d += gates * H, c += slots * H)
        for (long k = 0; k < H; ++k) {
          if (c_prev != nullptr) {
            s.dw[k] += d[k] * c_prev[r * c_stride + k];
            s.dw[H + k] += d[H + k] * c_prev[r * c_stride + k];
          }
          s.dw[2 * H + k] += d[3 * H + k] * c[k];
        }
      c_before = c_step;
    }
  }
};
SKRNN_CELL(LstmPeephole)

}  // namespace SKRNN_ISA
}  // namespace skrnn
