// Kernels that are wrong on purpose: the emulated device must find what is wrong with each, and nothing wrong with the
// right ones beside them. One block of 64 threads, unless said otherwise, and a tensor of 64 numbers.

#include <cstdio>
#include <cstring>

#include "../../cuda/launch.h"

namespace inseq {
namespace {

constexpr int N = 64;

__global__ void right(float* x) { x[threadIdx.x] = 1; }
__global__ void writesBehind(float* x) { x[threadIdx.x + 1] = 1; }
__global__ void readsBefore(float* x) {
  if (threadIdx.x == 0) x[0] = x[-1];
}
__global__ void misaligned(float* x) {
  if (threadIdx.x == 0) store<4>(x + 1, Vector<4>{});
}
__global__ void usesNull(float*) { *reinterpret_cast<float*>(16) = 1; }

__global__ void rightReversal(float* x) {
  SHARED(float, tile, [N]);
  tile[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  x[threadIdx.x] = tile[N - 1 - threadIdx.x];
}
__global__ void missingBarrier(float* x) {
  SHARED(float, tile, [N]);
  tile[threadIdx.x] = x[threadIdx.x];
  x[threadIdx.x] = tile[N - 1 - threadIdx.x];
}
/** Lanes of one warp without an exchange between. */
__global__ void missingWarpBarrier(float* x) {
  SHARED(float, tile, [N]);
  tile[threadIdx.x] = x[threadIdx.x];
  x[threadIdx.x] = tile[threadIdx.x ^ 1];
}
__global__ void rightWarpBarrier(float* x) {
  SHARED(float, tile, [N]);
  tile[threadIdx.x] = x[threadIdx.x];
  __syncwarp();
  x[threadIdx.x] = tile[threadIdx.x ^ 1];
}
__global__ void outsideShared(float* x) {
  SHARED(float, tile, [N]);
  tile[threadIdx.x + 1] = 1;
  __syncthreads();
  x[threadIdx.x] = tile[threadIdx.x];
}
__global__ void outsideDynamicShared(float* x) {
  DYNAMIC_SHARED(float, tile);
  tile[threadIdx.x] = 1;
  x[threadIdx.x] = tile[threadIdx.x];
}
/** All threads write one number. */
__global__ void sameWord(float* x) { x[0] = static_cast<float>(threadIdx.x); }
/** Several blocks: the second reads what the first writes. */
__global__ void betweenBlocks(float* x) {
  if (threadIdx.x == 0) x[blockIdx.x] = x[1 - blockIdx.x];
}
/** One thread reads what all of another block write. */
__global__ void readsOthersBlock(float* x) {
  if (blockIdx.x == 0) {
    x[threadIdx.x] = 1;
  } else if (threadIdx.x == 5) {
    x[N - 1] = x[7];
  }
}
__global__ void divergentBarrier(float* x) {
  if (threadIdx.x < 40) __syncthreads();
  x[threadIdx.x] = 1;
}
__global__ void endsBeforeBarrier(float*) {
  if (threadIdx.x == 3) return;
  __syncthreads();
}
__global__ void divergentShuffle(float* x) {
  if (threadIdx.x % 2 == 0) x[threadIdx.x] = __shfl_xor_sync(WHOLE_WARP, 1.0f, 2);
}
__global__ void partialMask(float* x) { x[threadIdx.x] = __shfl_xor_sync(0xffff, 1.0f, 2); }

struct Case {
  void (*kernel)(float*);
  unsigned blocks, threads;
  int64_t shared;
  const char* message;  // null: nothing is wrong
};
const Case cases[] = {{right, 1, N, 0, nullptr},
                      {rightReversal, 1, N, 0, nullptr},
                      {rightWarpBarrier, 1, N, 0, nullptr},
                      {writesBehind, 1, N, 0, "out of bounds"},
                      {readsBefore, 1, N, 0, "out of bounds"},
                      {misaligned, 1, N, 0, "misaligned"},
                      {usesNull, 1, 1, 0, "out of bounds"},
                      {missingBarrier, 1, N, 0, "race"},
                      {missingWarpBarrier, 1, N, 0, "race"},
                      {outsideShared, 1, N, 0, "out of bounds"},
                      {outsideDynamicShared, 1, N, 4 * N - 4, "out of bounds"},
                      {outsideDynamicShared, 1, N, 4 * N, nullptr},
                      {sameWord, 1, N, 0, "race"},
                      {sameWord, 1, 1, 0, nullptr},
                      {betweenBlocks, 2, N, 0, "race"},
                      {readsOthersBlock, 2, N, 0, "race"},
                      {divergentBarrier, 1, N, 0, "cannot go on"},
                      {endsBeforeBarrier, 1, N, 0, "cannot go on"},
                      {divergentShuffle, 1, N, 0, "cannot go on"},
                      {partialMask, 1, N, 0, "all 32 lanes"},
                      {right, 1, 2000, 0, "launch configuration"},
                      {right, 0, N, 0, "launch configuration"},
                      {right, 1, N, 200000, ""}};

}  // namespace
}  // namespace inseq

int main() {
  using namespace inseq;
  int found = 0, missed = 0;
  if (inseq_open(0) != INSEQ_OK) {
    std::printf("%s\n", inseq_message());
    return 1;
  }
  for (const Case& c : cases) {
    // Every order of threads must find it.
    for (int round = 0; round < 8; round++) {
      int64_t address = 0, guard = 0;
      inseq_allocate(N * 4, &address);
      inseq_allocate(N * 4, &guard);
      float* x = reinterpret_cast<float*>(address);
      inseq_fill(x, N, 1.0f);
      const int status = launch("case", c.kernel, c.blocks, c.threads, c.shared, x);
      const bool asExpected = c.message == nullptr
                                  ? status == INSEQ_OK
                                  : status != INSEQ_OK && std::strstr(inseq_message(), c.message) != nullptr;
      if (!asExpected) {
        std::printf("case %d, round %d: expected \"%s\", received \"%s\"\n", static_cast<int>(&c - cases), round,
                    c.message ? c.message : "nothing", status == INSEQ_OK ? "nothing" : inseq_message());
        missed++;
      }
      inseq_free(address);
      inseq_free(guard);
    }
    if (c.message != nullptr) found++;
  }
  std::printf("%d wrong kernels found, %d missed\n", found, missed);
  return missed > 0;
}
