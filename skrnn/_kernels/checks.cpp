// Compiled once, for any processor.
#include "checks.hpp"

namespace skrnn {

void refuse(const std::string& message) {
  throw nanobind::value_error(message.c_str());
}

std::string shape_text(const int64_t* shape, size_t ndim) {
  std::string text = "(";
  for (size_t i = 0; i < ndim; ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(shape[i]);
  }
  return text + (ndim == 1 ? ",)" : ")");
}

size_t first_outside(const int64_t* p, size_t n, int64_t low, int64_t high) {
  const uint64_t width = high > low ? uint64_t(high) - uint64_t(low) : 0;
  uint64_t outside = 0;
  for (size_t i = 0; i < n; ++i) outside |= uint64_t(p[i]) - uint64_t(low) >= width;
  if (!outside) return n;
  size_t i = 0;
  while (uint64_t(p[i]) - uint64_t(low) < width) ++i;
  return i;
}

void check_positive(const char* name, int64_t value) {
  if (value < 1)
    refuse(std::string(name) + " is " + std::to_string(value) +
           ", but must be at least 1.");
}

}  // namespace skrnn
