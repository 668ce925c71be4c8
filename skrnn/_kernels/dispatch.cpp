// The table of kernels of an instruction set: compiled once for each of them, in a
// namespace of its own, SKRNN_ISA.
#include "attention.hpp"
#include "backward.hpp"
#include "cells/cells.hpp"
#include "ctc.hpp"
#include "forward.hpp"
#include "losses.hpp"
#include "matmul.hpp"
#include "optimizers.hpp"
#include "types.hpp"

#define SKRNN_TEXT(x) #x
#define SKRNN_NAME(x) SKRNN_TEXT(x)

namespace skrnn {
namespace SKRNN_ISA {

template <class T>
void forward_of(int cell, const ForwardArgs<T>& args, int n_threads) {
  with_cell(cell,
            [&](auto at) { forward<typename decltype(at)::type, T>(args, n_threads); });
}

template <class T>
void backward_of(int cell, const BackwardArgs<T>& args, int n_threads) {
  with_cell(cell, [&](auto at) {
    backward<typename decltype(at)::type, T>(args, n_threads);
  });
}

template <class T>
constexpr Kernels<T> make_kernels() {
  return {forward_of<T>, backward_of<T>,     matmul<T>, softmax_loss<T>, ctc_loss<T>,
          attend<T>,     attend_backward<T>, adam<T>,   sgd<T>,          add_rows<T>};
}

extern const Isa isa;
const Isa isa = {SKRNN_NAME(SKRNN_ISA), kCells.cells, kNumCells, make_kernels<float>(),
                 make_kernels<double>()};

}  // namespace SKRNN_ISA
}  // namespace skrnn
