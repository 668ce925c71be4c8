// Threads that wait for work, since to start one takes as long as a small product.
#pragma once

#include <algorithm>
#include <functional>

namespace skrnn {

// Calls work(0) ... work(n - 1), all at the same time.
void run_at_once(int n, const std::function<void(int)>& work);

// Calls f(0) ... f(n - 1), n_threads at the same time.
template <class F>
void run_all(long n, int n_threads, F f) {
  const int n_workers = int(std::min<long>(n, n_threads));
  auto work = [&](int worker) {
    for (long i = worker; i < n; i += n_workers) f(i);
  };
  if (n_workers > 1)
    run_at_once(n_workers, work);
  else if (n_workers == 1)
    work(0);
}

}  // namespace skrnn
