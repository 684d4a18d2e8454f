// Sums and maxima over the numbers of a row by a group of threads: one warp, or a whole block.
//
// A block is GROUP threads wide (threadIdx.x). Short rows, or very many, are best served by a warp each, four to a
// block, which needs no barrier; long or few rows by 256 threads, and those of a vocabulary by 1024. The order of a sum
// is fixed by the shape of the group, which follows from the sizes and the device.

#pragma once

#include "launch.h"

namespace inseq {

constexpr int NARROW_ROWS = 4;
constexpr int WIDE_GROUP = 256;
constexpr int WIDEST_GROUP = 1024;

/** Threads of a block of such groups, for __launch_bounds__. */
template <int GROUP>
constexpr int groupThreads = GROUP == WARP ? WARP* NARROW_ROWS : GROUP;

struct SumRule {
  static constexpr float START = 0.0f;
  static __device__ __forceinline__ float join(float a, float b) { return a + b; }
};
/** NaN wins. */
struct MaxRule {
  static constexpr float START = -__builtin_inff();
  static __device__ __forceinline__ float join(float a, float b) { return a > b || a != a ? a : b; }
};
struct MinRule {
  static constexpr float START = __builtin_inff();
  static __device__ __forceinline__ float join(float a, float b) { return a < b || a != a ? a : b; }
};

template <typename Rule>
__device__ __forceinline__ float overWarp(float v) {
  for (int other = WARP / 2; other > 0; other /= 2) v = Rule::join(v, __shfl_xor_sync(WHOLE_WARP, v, other));
  return v;
}

/** Joined over the GROUP threads of a row; every one of them gets the result. All threads of a block take part. */
template <typename Rule, int GROUP>
__device__ __forceinline__ float overGroup(float v) {
  v = overWarp<Rule>(v);
  if (GROUP == WARP) return v;
  SHARED(float, warps, [GROUP / WARP]);
  __syncthreads();  // the last result has been read
  if (threadIdx.x % WARP == 0) warps[threadIdx.x / WARP] = v;
  __syncthreads();
  float all = warps[0];
  for (int i = 1; i < GROUP / WARP; i++) all = Rule::join(all, warps[i]);
  return all;
}

/** The row of a thread's group; a block of narrow groups has several. */
__device__ __forceinline__ int64_t groupRow() { return static_cast<int64_t>(blockIdx.x) * blockDim.y + threadIdx.y; }

/** ROW(i, width): the numbers of a row that this thread of the group reads, WIDTH at a time. */
#define ROW(i, D, GROUP, WIDTH) for (int64_t i = threadIdx.x * (WIDTH); i < (D); i += (GROUP) * (WIDTH))

/** Calls work with a group of threads for `rows` rows of D numbers: run(GROUP as a constant, grid, block). */
template <typename Run>
int withGroups(int64_t rows, int64_t D, Run run) {
  constexpr int64_t VOCABULARY = 8192;
  if (D >= VOCABULARY) {
    return run(std::integral_constant<int, WIDEST_GROUP>{}, dim3(static_cast<unsigned>(rows)), dim3(WIDEST_GROUP));
  }
  const bool wide = D > 1024 || rows < device().processors * NARROW_ROWS;
  if (wide && D > WARP) {
    return run(std::integral_constant<int, WIDE_GROUP>{}, dim3(static_cast<unsigned>(rows)), dim3(WIDE_GROUP));
  }
  return run(std::integral_constant<int, WARP>{}, dim3(static_cast<unsigned>(ceilDiv(rows, NARROW_ROWS))),
             dim3(WARP, NARROW_ROWS));
}

}  // namespace inseq
