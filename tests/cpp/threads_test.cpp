// The thread pool where Python cannot see it: nested calls, errors, too few threads,
// and a fork while another thread uses it.
#include "../../skrnn/_kernels/threads.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <thread>

namespace {

#define CHECK(condition)                                      \
  if (!(condition)) {                                         \
    std::printf("line %d: %s fails\n", __LINE__, #condition); \
    std::fflush(stdout);                                      \
    std::_Exit(1);                                            \
  }

template <class F>
void run(int n, const F& f) {
  skrnn::run_at_once(
      n, {[](const void* p, int i) { (*static_cast<const F*>(p))(i); }, &f});
}

// Whether n workers are all at work at the same time, or a second passes.
bool meet(int n) {
  std::atomic<int> there{0}, met{0};
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  run(n, [&](int) {
    ++there;
    while (there < n && std::chrono::steady_clock::now() < end)
      std::this_thread::yield();
    if (there == n) ++met;
  });
  CHECK(there == n);
  return met == n;
}

void test_nested_calls_run_one_after_the_other() {
  std::atomic<int> calls{0};
  run(3, [&](int) {
    const auto outer = std::this_thread::get_id();
    run(4, [&](int) {
      CHECK(std::this_thread::get_id() == outer);
      ++calls;
    });
  });
  CHECK(calls == 12);
  CHECK(meet(3));
}

void test_errors_reach_the_caller() {
  for (int bad = 0; bad < 3; ++bad) {
    bool caught = false;
    try {
      run(3, [&](int i) {
        if (i == bad) throw std::runtime_error("bad");
      });
    } catch (const std::runtime_error&) {
      caught = true;
    }
    CHECK(caught);
    CHECK(meet(3));
  }
}

[[maybe_unused]] void test_a_fork_while_the_pool_is_in_use() {
  std::atomic<bool> inside{false}, leave{false};
  std::thread other([&] {
    run(2, [&](int) {
      inside = true;
      while (!leave) std::this_thread::yield();
    });
  });
  while (!inside) std::this_thread::yield();
  CHECK(!meet(2));  // while it is in use: one after the other
  const pid_t child = fork();
  if (child == 0) std::_Exit(meet(2) && meet(3) ? 0 : 2);
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  leave = true;
  other.join();
  CHECK(meet(2));
}

void test_fewer_threads_than_asked_for() {
  long pages = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  CHECK(file != nullptr);
  CHECK(std::fscanf(file, "%ld", &pages) == 1);
  std::fclose(file);
  rlimit limit;
  CHECK(getrlimit(RLIMIT_AS, &limit) == 0);
  limit.rlim_cur = rlim_t(pages) * rlim_t(sysconf(_SC_PAGESIZE)) + (40 << 20);
  CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
  std::atomic<int> calls{0};
  run(200, [&](int) { ++calls; });
  CHECK(calls == 200);
  CHECK(!meet(200));  // one second
  CHECK(meet(2));
}

}  // namespace

int main(int n_arguments, char**) {
  test_nested_calls_run_one_after_the_other();
  test_errors_reach_the_caller();
#if !defined(__SANITIZE_THREAD__)  // which cannot follow a forked process
  test_a_fork_while_the_pool_is_in_use();
#endif
  if (n_arguments == 1) test_fewer_threads_than_asked_for();
  std::puts("passed");
  return 0;
}
