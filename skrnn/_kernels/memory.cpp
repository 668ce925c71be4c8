// Compiled once, for any processor.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace skrnn {

void* allocate(size_t n, size_t size) {
  constexpr size_t kAlignment = 64, kLargest = PTRDIFF_MAX - 2 * kAlignment;
  if (n > kLargest / size) throw std::bad_alloc();
  const size_t n_bytes = (n * size + 2 * kAlignment - 1) / kAlignment * kAlignment;
  void* p = std::aligned_alloc(kAlignment, n_bytes);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}

}  // namespace skrnn
