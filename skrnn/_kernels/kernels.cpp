// Compiled once for each instruction set, in a namespace of its own: SKRNN_ISA.
#include "kernels.hpp"

#include <memory>

#include "arithmetic.hpp"
#include "attention.hpp"
#include "ctc.hpp"
#include "recurrence.hpp"

#define SKRNN_TEXT(x) #x
#define SKRNN_NAME(x) SKRNN_TEXT(x)

namespace skrnn {
namespace SKRNN_ISA {

template <class T>
constexpr Kernels<T> table() {
  return {forward<T>, backward<T>, product<T>, softmax_loss<T>, adam<T>, sgd<T>,
          add_rows<T>, attend<T>, attend_backward<T>, ctc_loss<T>};
}

extern const Isa isa;
const Isa isa = {SKRNN_NAME(SKRNN_ISA), table<float>(), table<double>()};

}  // namespace SKRNN_ISA
}  // namespace skrnn
