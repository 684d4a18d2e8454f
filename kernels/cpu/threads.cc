// The thread pool: see threads.h. Threads start with the first work that is worth sharing, wait for more by spinning for some
// microseconds (the next kernel usually follows at once), then sleep. One caller at a time uses the pool; another caller
// at the same moment, or a kernel within a kernel, computes alone. After a fork the child starts a pool of its own.

#include "threads.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace inseq {
namespace {

constexpr int SPINS = 4000;  // some tens of microseconds

inline void pause() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

struct Pool {
  std::mutex busy;  // held by the caller whose work it is
  std::mutex sleep;
  std::condition_variable wake;
  std::atomic<uint64_t> round{0};
  std::atomic<int64_t> next{0};
  std::atomic<bool> open{false};  // whether threads may still join the current round
  std::atomic<int> wanted{0};     // how many more may
  std::atomic<int> active{0};     // threads that may be touching the current round
  int64_t n = 0;
  const std::function<void(int64_t)>* work = nullptr;
  std::mutex failing;
  std::exception_ptr failure;
  int started = 0;

  void take() {
    try {
      for (int64_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < n;) (*work)(i);
    } catch (...) {
      std::lock_guard<std::mutex> lock(failing);
      if (!failure) failure = std::current_exception();
      next.store(n);
    }
  }

  void serve(uint64_t seen) {
    for (;;) {
      for (int spin = 0; spin < SPINS && round.load(std::memory_order_acquire) == seen; spin++) pause();
      if (round.load(std::memory_order_acquire) == seen) {
        std::unique_lock<std::mutex> lock(sleep);
        wake.wait(lock, [&] { return round.load(std::memory_order_acquire) != seen; });
      }
      seen = round.load(std::memory_order_acquire);
      // First counted, then asking: the caller closes the round and then waits until nobody is counted.
      active.fetch_add(1);
      if (open.load() && wanted.fetch_sub(1) > 0) take();
      active.fetch_sub(1);
    }
  }

  /** With `busy` held. */
  void run(int threads, int64_t count, const std::function<void(int64_t)>& job) {
    try {
      for (; started < threads - 1; started++) std::thread(&Pool::serve, this, round.load()).detach();
    } catch (const std::system_error&) {
      // The system gives no more threads: those that there are do the work.
    }
    n = count;
    work = &job;
    failure = nullptr;
    next.store(0);
    wanted.store(threads - 1);
    open.store(true);
    {
      std::lock_guard<std::mutex> lock(sleep);
      round.fetch_add(1, std::memory_order_release);
    }
    wake.notify_all();
    take();
    open.store(false);
    for (int spin = 0; active.load() > 0; spin++) {
      if (spin < SPINS) {
        pause();
      } else {
        std::this_thread::yield();
      }
    }
    if (failure) std::rethrow_exception(failure);
  }
};

std::atomic<int64_t> threads{0};
std::atomic<Pool*> pool{nullptr};
thread_local bool inside = false;

/** Never freed: its threads live until the process ends. */
Pool& thePool() {
  Pool* found = pool.load();
  if (found == nullptr) {
    static std::once_flag once;
    std::call_once(once, [] { pthread_atfork(nullptr, nullptr, [] { pool.store(nullptr); }); });
    Pool* made = new Pool;
    if (pool.compare_exchange_strong(found, made)) {
      found = made;
    } else {
      delete made;
    }
  }
  return *found;
}

}  // namespace

int64_t threadCount() {
  const int64_t count = threads.load();
  return count > 0 ? count : std::max<int64_t>(1, std::thread::hardware_concurrency());
}

void setThreadCount(int64_t count) { threads.store(count); }

void parallelFor(int64_t n, const std::function<void(int64_t)>& work) {
  const int64_t count = std::min(threadCount(), n);
  if (count > 1 && !inside) {
    Pool& shared = thePool();
    std::unique_lock<std::mutex> lock(shared.busy, std::try_to_lock);
    if (lock.owns_lock()) {
      inside = true;
      struct Leave {
        ~Leave() { inside = false; }
      } leave;
      shared.run(static_cast<int>(count), n, work);
      return;
    }
  }
  for (int64_t i = 0; i < n; i++) work(i);
}

void parallelRanges(int64_t n, int64_t grain, const std::function<void(int64_t, int64_t)>& work) {
  if (n <= 0) return;
  // More ranges than threads, so that a thread that is held up does not hold up all.
  const int64_t ranges = std::max<int64_t>(1, std::min(n / std::max<int64_t>(1, grain), 4 * threadCount()));
  if (ranges == 1) return work(0, n);
  parallelFor(ranges, [&](int64_t i) { work(n * i / ranges, n * (i + 1) / ranges); });
}

}  // namespace inseq
