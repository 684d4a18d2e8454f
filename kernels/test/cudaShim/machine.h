// A GPU made of fibers: each thread of a block has a stack of its own and runs until it meets a barrier or an exchange
// with its warp, in an order that changes from launch to launch.

#pragma once

#include <cstddef>
#include <cstdint>

/** Code of the shim itself, which the check of memory accesses leaves alone. */
#define NOT_CHECKED __attribute__((no_sanitize("thread"), noinline))

namespace cudaShim {

constexpr int WARP = 32;
constexpr unsigned ALL_LANES = 0xffffffffu;
constexpr int MOST_THREADS = 1024;
/** What a block may share on the smallest device that we compile for (compute capability 8.9). */
constexpr int MOST_SHARED = 99 * 1024;
constexpr int MOST_SHARED_UNASKED = 48 * 1024;

struct Index {
  unsigned x, y, z;
};

/** The thread that runs now. */
struct Current {
  Index thread, block, blockSize, gridSize;
};
extern Current current;

/** Runs kernel(call) for every thread; returns a cudaError_t. */
int launch(Index gridSize, Index blockSize, size_t dynamicBytes, void (*kernel)(const void*), const void* call);
/** What went wrong in the last launch that failed. */
const char* launchFailure();

void barrier();
int barrierOr(int predicate);
/** What lane `from` of the warp gives. */
uint64_t shuffle(unsigned mask, uint64_t value, int from);
/** The lanes of the warp whose predicate is not 0. */
unsigned ballot(unsigned mask, int predicate);
int lane();

/** Shared memory that belongs to one place in the source, the same for all threads of a block. */
void* sharedAt(const void* site, size_t bytes);
void* dynamicShared();

unsigned long long atomicMinimum(unsigned long long* address, unsigned long long value);
unsigned bitsOf(float x);

/** Called by the allocator: these bytes of device memory may be used from now on, or no longer. */
void markMemory(void* memory, int64_t bytes, bool live);

/** Gives up the launch if a vector of so many bytes cannot be moved from or to there. */
void expectAligned(const void* memory, size_t bytes);

/** Gives up the launch that runs, from inside a thread. */
[[noreturn]] void giveUp(const char* format, ...) __attribute__((format(printf, 1, 2)));

}  // namespace cudaShim
