// Threads that wait for work, since to start one takes as long as a small product.
#pragma once

namespace skrnn {

// A function of the number of a worker.
struct Work {
  void (*call)(const void* context, int worker);
  const void* context;
};

// Calls the function with 0 ... n - 1, at the same time where there are threads for it.
void run_at_once(int n, Work work);

#ifdef SKRNN_ISA
namespace SKRNN_ISA {

// Calls f(0) ... f(n - 1), n_threads at the same time.
template <class F>
void parallel_for(long n, int n_threads, const F& f) {
  const int n_workers = int(n < n_threads ? n : n_threads);
  if (n_workers <= 1) {
    for (long i = 0; i < n; ++i) f(i);
    return;
  }
  const auto work = [&f, n, n_workers](int worker) {
    for (long i = worker; i < n; i += n_workers) f(i);
  };
  using Closure = decltype(work);
  run_at_once(n_workers, {[](const void* context, int worker) {
                            (*static_cast<Closure*>(context))(worker);
                          },
                          &work});
}

// The threads to use for so many multiplications: to wake one takes time, too.
inline int useful_threads(long n_multiplications, int n_threads) {
  return n_multiplications < (1L << 21) ? 1 : n_threads;
}

}  // namespace SKRNN_ISA
#endif

}  // namespace skrnn
