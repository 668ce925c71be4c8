// The simple recurrent cell, with tanh or ReLU.
#pragma once

#include "cell.hpp"

namespace skrnn {
namespace SKRNN_ISA {

struct RnnTanh : Cell {
  static constexpr const char* name = "rnn_tanh";
  static constexpr int gates = 1, slots = 0;
  static constexpr bool direct = false;

  template <class T>
  static State<T> forward(const ForwardStep<T>& s) {
    return {vtanh<T>(s.z[0] + s.a[0])};
  }

  template <class T>
  static State<T> backward(const BackwardStep<T>& s) {
    s.dz.set(0, s.d.h * (T(1) - s.h * s.h));
    return {};
  }
};
SKRNN_CELL(RnnTanh)

struct RnnRelu : Cell {
  static constexpr const char* name = "rnn_relu";
  static constexpr int gates = 1, slots = 0;
  static constexpr bool direct = false;

  template <class T>
  static State<T> forward(const ForwardStep<T>& s) {
    const Vec<T> a = s.z[0] + s.a[0];
    return {a < T(0) ? Vec<T>{} : a};
  }

  template <class T>
  static State<T> backward(const BackwardStep<T>& s) {
    s.dz.set(0, s.h > T(0) ? s.d.h : Vec<T>{});
    return {};
  }
};
SKRNN_CELL(RnnRelu)

}  // namespace SKRNN_ISA
}  // namespace skrnn
