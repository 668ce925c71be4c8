// The thread pool. Compiled once, for any processor.
#include "threads.hpp"

#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace skrnn {
namespace {

constexpr int kMaxThreads = 256;

// Whether this thread is at work for the pool: a kernel that calls another one would
// wait for itself.
thread_local bool inside_pool = false;

class Pool {
 public:
  // Calls work with 0 ... n - 1: with 0, and those that no thread is left for, here.
  void run(int n, Work work) {
    const int n_helpers = grow(n - 1);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      work_ = work;
      n_helpers_ = left_ = n_helpers;
      ++generation_;
    }
    wake_.notify_all();
    std::exception_ptr error;
    inside_pool = true;
    try {
      work.call(work.context, 0);
      for (int i = n_helpers + 1; i < n; ++i) work.call(work.context, i);
    } catch (...) {
      error = std::current_exception();
    }
    inside_pool = false;
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [&] { return left_ == 0; });
    if (error_) error = std::exchange(error_, nullptr);
    if (error) std::rethrow_exception(error);
  }

 private:
  // Returns how many of n threads there are.
  int grow(int n) {
    if (n > kMaxThreads) n = kMaxThreads;
    while (n_threads_ < n) {
      const int id = n_threads_ + 1;
      try {
        std::thread([this, id, seen = generation_] { wait(id, seen); }).detach();
      } catch (const std::system_error&) {  // the system has no more
        return n_threads_;
      }
      n_threads_ = id;
    }
    return n;
  }

  void wait(int id, long seen) {
    inside_pool = true;
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
      wake_.wait(lock, [&] { return generation_ != seen; });
      seen = generation_;
      if (id > n_helpers_) continue;
      const Work work = work_;
      lock.unlock();
      std::exception_ptr error;
      try {
        work.call(work.context, id);
      } catch (...) {
        error = std::current_exception();
      }
      lock.lock();
      if (error) error_ = error;
      if (--left_ == 0) done_.notify_one();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_, done_;
  Work work_ = {};
  std::exception_ptr error_;
  int n_threads_ = 0, n_helpers_ = 0, left_ = 0;
  long generation_ = 0;
};

std::atomic<bool> busy{false};  // whether a thread uses the pool
Pool* pool = nullptr;  // never deleted: its threads wait until the process ends

// The threads of the parent do not exist in the child, nor does the one that uses the
// pool, if it is not the one that forked.
void forget_pool() {
  pool = nullptr;
  busy = false;
}

}  // namespace

void run_at_once(int n, Work work) {
  if (inside_pool || busy.exchange(true)) {
    for (int i = 0; i < n; ++i) work.call(work.context, i);
    return;
  }
  struct Release {
    ~Release() { busy = false; }
  } release;
  static const int registered = pthread_atfork(nullptr, nullptr, forget_pool);
  static_cast<void>(registered);
  if (pool == nullptr) pool = new Pool;
  pool->run(n, work);
}

}  // namespace skrnn
