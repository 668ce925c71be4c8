// The GRU as first published: the reset gate comes before the product of the candidate.
// Gates r, z, n; slots r, z, n, r * h<t-1>.
#pragma once

#include "cell.hpp"

namespace skrnn {
namespace SKRNN_ISA {

struct GruResetBefore : Cell {
  static constexpr const char* name = "gru_reset_before";
  static constexpr int gates = 3, slots = 4;
  static constexpr int second_gates = 1, multiplied = 3;

  // r, z, r * h<t-1>
  template <class T>
  static void first(const ForwardStep<T>& s, Out<T> out) {
    const Vec<T> r = vsigmoid<T>(s.z[0] + s.a[0]);
    out.set_all(r, vsigmoid<T>(s.z[1] + s.a[1]), r * s.prev.h);
  }

  template <class T>
  static State<T> forward(const ForwardStep<T>& s) {
    const Vec<T> r = s.first[0], z = s.first[1];
    const Vec<T> n = vtanh<T>(s.z[2] + s.second[0]);
    s.saved.set_all(r, z, n, s.first[2]);
    return {n + z * (s.prev.h - n)};
  }

  template <class T>
  static State<T> backward(const BackwardStep<T>& s) {
    const Vec<T> z = s.saved[1], n = s.saved[2];
    s.dz.set(1, s.d.h * (s.prev.h - n) * (z - z * z));
    s.dz.set(2, s.d.h * (T(1) - z) * (T(1) - n * n));
    return {s.d.h * z};
  }

  template <class T>
  static Vec<T> first_backward(const BackwardStep<T>& s, In<T> dreset) {
    const Vec<T> r = s.saved[0], d = dreset[0];
    s.dz.set(0, d * s.prev.h * (r - r * r));
    return d * r;
  }
};
SKRNN_CELL(GruResetBefore)

}  // namespace SKRNN_ISA
}  // namespace skrnn
