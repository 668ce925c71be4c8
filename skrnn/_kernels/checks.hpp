// Checks of the arguments that come from Python: a kernel trusts shapes and indices,
// and would read or write past the end of an array. They raise ValueError. Those of
// shapes cost nothing to speak of; those of indices are one comparison each.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>

namespace skrnn {

[[noreturn]] void refuse(const std::string& message);

// "(2, 3)"
std::string shape_text(const int64_t* shape, size_t ndim);

// Returns the first of n numbers that is not from low to high - 1, or n.
size_t first_outside(const int64_t* p, size_t n, int64_t low, int64_t high);

template <class Array>
std::string shape_of(const Array& array) {
  return shape_text(array.shape_ptr(), array.ndim());
}

template <class Array>
void check_ndim(const char* name, const Array& array, size_t ndim) {
  if (array.ndim() != ndim)
    refuse(std::string(name) + " has shape " + shape_of(array) + ", but must have " +
           std::to_string(ndim) + " dimensions.");
}

template <class Array>
void check_shape(const char* name, const Array& array,
                 std::initializer_list<int64_t> shape) {
  bool same = array.ndim() == shape.size();
  for (size_t i = 0; same && i < shape.size(); ++i)
    same = int64_t(array.shape(i)) == shape.begin()[i];
  if (!same)
    refuse(std::string(name) + " has shape " + shape_of(array) +
           ", but must have shape " + shape_text(shape.begin(), shape.size()) + ".");
}

template <class Array>
void check_shape(const char* name, const std::optional<Array>& array,
                 std::initializer_list<int64_t> shape) {
  if (array) check_shape(name, *array, shape);
}

template <class Array>
void check_contiguous(const char* name, const Array& array) {
  int64_t stride = 1;
  for (size_t i = array.size() > 0 ? array.ndim() : 0; i-- > 0;) {
    if (array.shape(i) > 1 && array.stride(i) != stride)
      refuse(std::string(name) +
             " is written to, but is not C-contiguous: pass a copy.");
    stride *= int64_t(array.shape(i));
  }
}

template <class Array>
void check_output(const char* name, const Array& array,
                  std::initializer_list<int64_t> shape) {
  check_shape(name, array, shape);
  check_contiguous(name, array);
}

template <class Array>
void check_output(const char* name, const std::optional<Array>& array,
                  std::initializer_list<int64_t> shape) {
  if (array) check_output(name, *array, shape);
}

// An array that some cells have and others have not.
template <class Array>
void check_given(const char* name, const std::optional<Array>& array, bool wanted) {
  if (bool(array) != wanted)
    refuse(std::string(name) + (wanted ? " is None, but this cell needs it."
                                       : " must be None for this cell."));
}

template <class Array>
void check_range(const char* name, const Array& array, int64_t low, int64_t high) {
  const size_t at = first_outside(array.data(), array.size(), low, high);
  if (at < array.size())
    refuse(std::string(name) + "[" + std::to_string(at) + "] is " +
           std::to_string(array.data()[at]) + ", but must be at least " +
           std::to_string(low) + " and less than " + std::to_string(high) + ".");
}

// Sizes of the steps of N rows: at least one, positive, not increasing.
template <class Array>
void check_sizes(const Array& sizes, int64_t N) {
  check_ndim("sizes", sizes, 1);
  if (sizes.size() == 0) refuse("sizes is empty, but there must be a step.");
  int64_t sum = 0, before = INT64_MAX;
  for (size_t t = 0; t < sizes.size(); ++t) {
    const int64_t n = sizes.data()[t];
    if (n < 1 || n > before || n > N)
      refuse("sizes[" + std::to_string(t) + "] is " + std::to_string(n) +
             ", but sizes must be positive, and none larger than the one before.");
    sum += n;
    before = n;
  }
  if (sum != N)
    refuse("sizes has the sum " + std::to_string(sum) + ", but there are " +
           std::to_string(N) + " rows.");
}

// n + 1 offsets from 0 to `last`, those of item i at least `least` apart.
template <class Array>
void check_offsets(const char* name, const Array& offsets, int64_t n, int64_t last,
                   int64_t least) {
  check_shape(name, offsets, {n + 1});
  const int64_t* p = offsets.data();
  if (p[0] != 0 || p[n] != last)
    refuse(std::string(name) + " is from " + std::to_string(p[0]) + " to " +
           std::to_string(p[n]) + ", but must be from 0 to " + std::to_string(last) +
           ".");
  for (int64_t i = 0; i < n; ++i)
    if (p[i + 1] < p[i] + least || p[i + 1] > last)
      refuse(std::string(name) + "[" + std::to_string(i + 1) + "] is " +
             std::to_string(p[i + 1]) + " after " + std::to_string(p[i]) +
             ", but offsets must increase by at least " + std::to_string(least) + ".");
}

void check_positive(const char* name, int64_t value);

}  // namespace skrnn
