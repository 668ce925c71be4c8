// The parts of a compiled cell. A cell is a struct in a header of its own, with the
// equations, names and order of the gates of the class in skrnn/_core/cells.py, for one
// vector of units at a time. SKRNN_CELL gives it a number; forward.hpp and backward.hpp
// have the loops. To add a cell, write the header, and include it in cells.hpp.
#pragma once

#include "../matmul.hpp"

namespace skrnn {
namespace SKRNN_ISA {

// Arrays of H numbers side by side (the gates of a projection, the slots of what is
// saved, extra weights), at one vector of units.
template <class T>
struct In {
  const T* p;
  long H;
  int count;
  Vec<T> operator[](int k) const { return load_part(p + k * H, count); }
};

template <class T>
struct Out {
  T* p;  // nullptr: nothing is kept
  long H;
  int count;
  void set(int k, Vec<T> v) const { store_part(p + k * H, v, count); }
  // Sets the first arrays.
  template <class... Vecs>
  void set_all(Vecs... v) const {
    int k = 0;
    if (p != nullptr) (set(k++, v), ...);
  }
};

template <class T>
struct State {
  Vec<T> h{}, c{};
};

// A step of the forward pass.
template <class T>
struct ForwardStep {
  In<T> z, a, w;  // input projection, recurrent projection, extra weights
  State<T> prev;  // c: zeros where the cell has no memory
  Out<T> saved;   // slots for the backward pass
  In<T> first,
      second;  // with two products: what `first` set, and the second projection
};

// A step of the backward pass.
template <class T>
struct BackwardStep {
  In<T> saved, w;
  Vec<T> h;       // the output of this step
  State<T> prev;  // the state before it
  State<T> d;     // the derivative by the state after it
  Out<T> dz, da;  // the derivatives by both projections; da only where it is not dz
};

// The defaults of a cell. Besides them it has
//
// - name, which the Python class gives as `kernel`;
// - gates, and slots: how many numbers it saves per unit and step for the backward
//   pass, the last of which is the memory, if there is one;
// - State<T> forward(const ForwardStep<T>&), which returns the new state;
// - State<T> backward(const BackwardStep<T>&), which sets dz, and returns the
//   derivative by the state before, but for the part of the recurrent projection.
struct Cell {
  static constexpr int extra = 0;        // arrays of extra weights
  static constexpr bool memory = false;  // whether there is a c
  static constexpr bool direct = true;   // whether h is used other than in a product
  static constexpr bool own_da = false;  // whether da is not dz

  // The last gates may have a second product, of a function of h and other gates. Then
  //
  // - first(const ForwardStep<T>&, Out<T>) sets the other gates, and then that
  //   function, which forward saves in the slot `multiplied`;
  // - Vec<T> first_backward(const BackwardStep<T>&, In<T>) takes the derivative by that
  //   function, sets the other derivatives, and returns what reaches h directly.
  static constexpr int second_gates = 0;
  static constexpr int multiplied = 0;

  // Adds to dw, of one direction, given sums of da by column, to be made those of dz.
  template <class T>
  static void extra_backward(const BackwardArgs<T>&, T*) {}
};

// The cells by their numbers, 0, 1 ... in the order of their headers.
template <int I>
struct CellAt;
constexpr int kCounterStart = __COUNTER__ + 1;

#define SKRNN_CELL(Name)                       \
  template <>                                  \
  struct CellAt<__COUNTER__ - kCounterStart> { \
    using type = Name;                         \
  };

}  // namespace SKRNN_ISA
}  // namespace skrnn
