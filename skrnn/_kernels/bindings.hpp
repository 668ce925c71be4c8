// Types and functions of all bindings. nanobind copies inputs that are not C-contiguous
// or of another type, and refuses outputs of another type with a TypeError; each
// function checks shapes, sizes and indices. The GIL is released while kernels run.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>

#include <atomic>
#include <optional>
#include <string>

#include "checks.hpp"
#include "types.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace skrnn {

extern std::atomic<const Isa*> in_use;

template <class T>
const Kernels<T>& kernels() {
  const Isa* isa = in_use;
  if constexpr (sizeof(T) == 4)
    return isa->float32;
  else
    return isa->float64;
}

template <class T>
using In = nb::ndarray<const T, nb::c_contig, nb::device::cpu>;
template <class T>
using StridedIn = nb::ndarray<const T, nb::device::cpu>;
template <class T>
using Out = nb::ndarray<T, nb::device::cpu>;
template <class T>
using Maybe = std::optional<T>;
using Ints = In<int64_t>;

template <class Array>
auto data(const Maybe<Array>& array) -> decltype(array->data()) {
  return array ? array->data() : nullptr;
}

template <class Array>
int64_t size(const Array& array, size_t axis) {
  return int64_t(array.shape(axis));
}

// An argument that is written to: never a copy.
inline auto out(const char* name) { return nb::arg(name).noconvert(); }

void bind_recurrences(nb::module_& m);
void bind_products(nb::module_& m);
void bind_training(nb::module_& m);

}  // namespace skrnn
