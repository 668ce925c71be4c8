// The threads, compiled once: nothing here may be of an instruction set that the
// processor lacks.
#include "threads.hpp"

#include <unistd.h>

#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace skrnn {
namespace {

class Pool {
 public:
  // Calls work(1) ... work(n - 1) on other threads and work(0) on this one.
  void run(int n, const std::function<void(int)>& work) {
    grow(n - 1);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      work_ = &work;
      n_ = n;
      left_ = n - 1;
      ++generation_;
    }
    wake_.notify_all();
    try {
      work(0);
    } catch (...) {
      std::lock_guard<std::mutex> lock(mutex_);
      error_ = std::current_exception();
    }
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [&] { return left_ == 0; });
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

 private:
  void grow(int n) {
    while (int(threads_.size()) < n) {
      const int id = int(threads_.size()) + 1;
      threads_.emplace_back([this, id, seen = generation_]() mutable { wait(id, seen); });
      threads_.back().detach();
    }
  }

  void wait(int id, long seen) {
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
      wake_.wait(lock, [&] { return generation_ != seen; });
      seen = generation_;
      if (id >= n_) continue;
      const auto* work = work_;
      lock.unlock();
      std::exception_ptr error;
      try {
        (*work)(id);
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
  std::vector<std::thread> threads_;
  const std::function<void(int)>* work_ = nullptr;
  std::exception_ptr error_;
  int n_ = 0, left_ = 0;
  long generation_ = 0;
};

std::mutex pool_in_use;
Pool* pool = nullptr;  // never deleted: its threads wait until the process ends
pid_t owner = 0;

}  // namespace

void run_at_once(int n, const std::function<void(int)>& work) {
  std::unique_lock<std::mutex> lock(pool_in_use, std::try_to_lock);
  if (!lock) {  // another thread of Python is using them
    for (int i = 0; i < n; ++i) work(i);
    return;
  }
  if (owner != getpid()) {  // after a fork its threads are gone
    pool = new Pool;
    owner = getpid();
  }
  pool->run(n, work);
}

}  // namespace skrnn
