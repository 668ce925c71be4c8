// The GRU without a reset gate. Gates and slots z, n.
#pragma once

#include "cell.hpp"

namespace skrnn {
namespace SKRNN_ISA {

struct GruUpdateOnly : Cell {
  static constexpr const char* name = "gru_update_only";
  static constexpr int gates = 2, slots = 2;

  template <class T>
  static State<T> forward(const ForwardStep<T>& s) {
    const Vec<T> z = vsigmoid<T>(s.z[0] + s.a[0]), n = vtanh<T>(s.z[1] + s.a[1]);
    s.saved.set_all(z, n);
    return {n + z * (s.prev.h - n)};
  }

  template <class T>
  static State<T> backward(const BackwardStep<T>& s) {
    const Vec<T> z = s.saved[0], n = s.saved[1];
    s.dz.set_all(s.d.h * (s.prev.h - n) * (z - z * z),
                 s.d.h * (T(1) - z) * (T(1) - n * n));
    return {s.d.h * z};
  }
};
SKRNN_CELL(GruUpdateOnly)

}  // namespace SKRNN_ISA
}  // namespace skrnn
