// How kernels are written and started: shared arrays, shapes of grids, vectors of four numbers.

#pragma once

#include "device.h"

// The tests' stand-in for CUDA (kernels/test/cudaShim) has its own.
#ifndef SHARED
/** SHARED(float, tile, [32][33]): an array of the block. */
#define SHARED(type, name, ...) __shared__ type name __VA_ARGS__
/** DYNAMIC_SHARED(float, memory): the block's memory whose size the launch gives. */
#define DYNAMIC_SHARED(type, name)                         \
  extern __shared__ __align__(16) unsigned char name##_[]; \
  type* name = reinterpret_cast<type*>(name##_)
/** Where vectors are moved; a GPU refuses others itself. */
#define EXPECT_ALIGNED(pointer, bytes)
#define MEMORY_MARKED nullptr
#define INSTRUCTION_SET "cuda"
#endif

namespace inseq {

constexpr int WARP = 32;
constexpr unsigned WHOLE_WARP = 0xffffffffu;
constexpr int64_t MOST_BLOCKS_Y = 65535;

template <typename T>
struct Same {
  using Type = T;
};

/** Queues a kernel. The arguments become what the kernel expects. */
template <typename... Formal>
int launch(const char* op, void (*kernel)(Formal...), dim3 grid, dim3 block, int64_t sharedBytes,
           typename Same<Formal>::Type... arguments) {
  constexpr int64_t UNASKED = 48 << 10;  // more shared memory must be asked for
  if (sharedBytes > UNASKED) {
    TRY(checked(
        op, cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(sharedBytes))));
  }
  void* pointers[] = {const_cast<void*>(static_cast<const void*>(&arguments))...};
  return checked(op,
                 cudaLaunchKernel(kernel, grid, block, pointers, static_cast<size_t>(sharedBytes), device().stream));
}

inline int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

constexpr int THREADS = 256;

/** Blocks of THREADS for `count` numbers, one for each thread; with many, a thread takes several (EACH). */
inline dim3 blocksFor(int64_t count) {
  const int64_t most = device().processors * 32;
  const int64_t blocks = ceilDiv(count, THREADS);
  return dim3(static_cast<unsigned>(blocks < 1 ? 1 : blocks < most ? blocks : most));
}
/** The numbers of a thread: EACH(i, count) { ... }. */
#define EACH(i, count)                                                                       \
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < (count); \
       i += static_cast<int64_t>(gridDim.x) * blockDim.x)

/** Whether all pointers (of float or int32_t) can be read four numbers at a time. */
template <typename... Pointers>
bool aligned(Pointers... pointers) {
  return ((reinterpret_cast<uintptr_t>(pointers) % 16 == 0) && ...);
}

/** WIDTH numbers, moved together: one or four. */
template <int WIDTH, typename T = float>
struct alignas(WIDTH * sizeof(T)) Vector {
  T at[WIDTH];
};
template <int WIDTH, typename T>
__device__ __forceinline__ Vector<WIDTH, T> load(const T* x) {
  EXPECT_ALIGNED(x, sizeof(Vector<WIDTH, T>));
  return *reinterpret_cast<const Vector<WIDTH, T>*>(x);
}
template <int WIDTH, typename T>
__device__ __forceinline__ void store(T* y, const Vector<WIDTH, T>& v) {
  EXPECT_ALIGNED(y, sizeof(Vector<WIDTH, T>));
  *reinterpret_cast<Vector<WIDTH, T>*>(y) = v;
}

/** n = quotient · d + rest, in 32 bits where they suffice: a division of 64 bits takes a hundred instructions. */
struct Division {
  int64_t quotient, rest;
};
__device__ __forceinline__ Division divide(int64_t n, int64_t d) {
  if ((n | d) >> 32 == 0) {
    const uint32_t quotient = static_cast<uint32_t>(n) / static_cast<uint32_t>(d);
    return {quotient, n - static_cast<int64_t>(quotient) * d};
  }
  return {n / d, n % d};
}

/** Where number `at` of dy [blocks, times, block] has its saved activation in x [blocks, block]. */
__device__ __forceinline__ int64_t savedPlace(int64_t at, int64_t times, int64_t block) {
  if (times == 1) return at;
  const Division inBlock = divide(at, block);
  return divide(inBlock.quotient, times).quotient * block + inBlock.rest;
}

}  // namespace inseq
