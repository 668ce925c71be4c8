// The gated recurrent unit. Gates r, z, n; slots r, z, n, a_n (U h + b_n); extra
// weights b_n.
#pragma once

#include "cell.hpp"

namespace skrnn {
namespace SKRNN_ISA {

struct Gru : Cell {
  static constexpr const char* name = "gru";
  static constexpr int gates = 3, slots = 4, extra = 1;
  static constexpr bool own_da = true;

  template <class T>
  static State<T> forward(const ForwardStep<T>& s) {
    const Vec<T> r = vsigmoid<T>(s.z[0] + s.a[0]), z = vsigmoid<T>(s.z[1] + s.a[1]);
    const Vec<T> a_n = s.a[2] + s.w[0], n = vtanh<T>(s.z[2] + r * a_n);
    s.saved.set_all(r, z, n, a_n);
    return {n + z * (s.prev.h - n)};
  }

  template <class T>
  static State<T> backward(const BackwardStep<T>& s) {
    const Vec<T> r = s.saved[0], z = s.saved[1], n = s.saved[2], a_n = s.saved[3];
    const Vec<T> dn = s.d.h * (T(1) - z) * (T(1) - n * n);
    const Vec<T> dr = dn * a_n * (r - r * r);
    const Vec<T> du = s.d.h * (s.prev.h - n) * (z - z * z);
    s.dz.set_all(dr, du, dn);
    s.da.set_all(dr, du, dn * r);
    return {s.d.h * z};
  }

  // db_n += the sum of da_n
  template <class T>
  static void extra_backward(const BackwardArgs<T>& s, T* sums) {
    const long H = s.shape.H, width = gates * H;
    T* sum_n = sums + 2 * H;
    for (long k = 0; k < H; ++k) s.dw[k] += sum_n[k];
    fill(sum_n, H, T(0));
    sum_columns(s.dz + 2 * H, width, s.shape.N, H, sum_n);
  }
};
SKRNN_CELL(Gru)

}  // namespace SKRNN_ISA
}  // namespace skrnn
