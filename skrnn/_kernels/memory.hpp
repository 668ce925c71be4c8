// Buffers, and the few functions of <algorithm> that kernels need. They are in the
// namespace of the instruction set: the linker keeps one copy of a function of the
// standard library that several objects define, and the processor may lack the
// instructions of that copy.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>

namespace skrnn {

// Returns memory for n items of some size, aligned to 64 bytes and up to 64 bytes
// larger, to be freed by std::free. Throws std::bad_alloc, also where n is no possible
// number.
void* allocate(size_t n, size_t size);

namespace SKRNN_ISA {

template <class T>
constexpr T smaller(T a, T b) {
  return b < a ? b : a;
}

template <class T>
constexpr T larger(T a, T b) {
  return a < b ? b : a;
}

template <class T>
inline void fill(T* p, long n, T value) {
  for (long i = 0; i < n; ++i) p[i] = value;
}

// Returns the end of the copy.
template <class T>
inline T* copy(const T* from, long n, T* to) {
  if (n <= 0) return to;
  std::memcpy(to, from, size_t(n) * sizeof(T));
  return to + n;
}

// An array of numbers, uninitialised and aligned.
template <class T>
class Buffer {
 public:
  explicit Buffer(long n)
      : p_(n == 0 ? nullptr : static_cast<T*>(allocate(size_t(n), sizeof(T)))) {}
  Buffer(long n, T value) : Buffer(n) { fill(p_, n, value); }
  ~Buffer() { std::free(p_); }
  Buffer(Buffer&& other) noexcept : p_(other.p_) { other.p_ = nullptr; }
  Buffer& operator=(Buffer&&) = delete;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  T* get() const { return p_; }
  T& operator[](long i) const { return p_[i]; }

 private:
  T* p_;
};

// Objects made one after the other, at most as many as there is room for.
template <class T>
class List {
 public:
  explicit List(long room) : items_(room) {}
  ~List() {
    while (size_ > 0) items_[--size_].~T();
  }
  List(const List&) = delete;
  List& operator=(const List&) = delete;
  template <class... Args>
  void add(const Args&... args) {
    new (&items_[size_]) T(args...);
    ++size_;
  }
  const T& operator[](long i) const { return items_[i]; }

 private:
  Buffer<T> items_;
  long size_ = 0;
};

}  // namespace SKRNN_ISA
}  // namespace skrnn
