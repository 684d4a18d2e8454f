// Stands in for CUDA's header, so that an ordinary C++ compiler builds kernels/cuda for the host: the words of the
// language, the built-in variables and functions, and the part of the runtime that our code uses. See README.md.

#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>

#include "machine.h"

// ---- the language ----

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __grid_constant__

/** Arrays that the threads of a block share (kernels/cuda/launch.h has them for CUDA itself). */
#define SHARED(type, name, ...)   \
  static const char name##Site{}; \
  auto& name = *reinterpret_cast<type(*) __VA_ARGS__>(cudaShim::sharedAt(&name##Site, sizeof(type __VA_ARGS__)))
#define DYNAMIC_SHARED(type, name) type* name = reinterpret_cast<type*>(cudaShim::dynamicShared())
#define EXPECT_ALIGNED(pointer, bytes) cudaShim::expectAligned(pointer, bytes)
#define MEMORY_MARKED cudaShim::markMemory
#define INSTRUCTION_SET "cuda emulated"

struct dim3 {
  unsigned x, y, z;
  dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
struct alignas(16) float4 {
  float x, y, z, w;
};
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

#define threadIdx (cudaShim::current.thread)
#define blockIdx (cudaShim::current.block)
#define blockDim (cudaShim::current.blockSize)
#define gridDim (cudaShim::current.gridSize)
constexpr int warpSize = cudaShim::WARP;

inline void __syncthreads() { cudaShim::barrier(); }
inline void __syncwarp(unsigned mask = cudaShim::ALL_LANES) { cudaShim::ballot(mask, 0); }

/** The number of another lane; lanes of one `width` exchange among themselves. */
template <typename Number>
inline Number cudaShimShuffle(unsigned mask, Number value, int chosen, int width) {
  static_assert(sizeof(Number) <= 8, "a shuffle moves at most 8 bytes");
  const int lane = cudaShim::lane(), start = lane / width * width;
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  bits = cudaShim::shuffle(mask, bits, chosen >= 0 && chosen < width ? start + chosen : lane);
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
template <typename Number>
inline Number __shfl_xor_sync(unsigned mask, Number value, int other, int width = cudaShim::WARP) {
  return cudaShimShuffle(mask, value, (cudaShim::lane() % width) ^ other, width);
}
template <typename Number>
inline Number __shfl_sync(unsigned mask, Number value, int from, int width = cudaShim::WARP) {
  return cudaShimShuffle(mask, value, from % width, width);
}
inline unsigned __ballot_sync(unsigned mask, int predicate) { return cudaShim::ballot(mask, predicate); }
inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
inline int __syncthreads_or(int predicate) { return cudaShim::barrierOr(predicate); }

inline unsigned long long atomicMin(unsigned long long* address, unsigned long long value) {
  return cudaShim::atomicMinimum(address, value);
}
inline float rsqrtf(float x) { return static_cast<float>(1.0 / std::sqrt(static_cast<double>(x))); }
inline unsigned __float_as_uint(float x) { return cudaShim::bitsOf(x); }
inline float __uint_as_float(unsigned x) {
  float f;
  std::memcpy(&f, &x, sizeof f);
  return f;
}

// ---- the runtime ----

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInvalidConfiguration = 9,
  cudaErrorInsufficientDriver = 35,
  cudaErrorNoDevice = 100,
  cudaErrorInvalidDevice = 101,
  cudaErrorIllegalAddress = 700
};
enum cudaMemcpyKind { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2, cudaMemcpyDeviceToDevice = 3 };
enum cudaDeviceAttr {
  cudaDevAttrMultiProcessorCount = 16,
  cudaDevAttrComputeCapabilityMajor = 75,
  cudaDevAttrComputeCapabilityMinor = 76,
  cudaDevAttrMaxSharedMemoryPerBlockOptin = 97
};
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize = 8 };
constexpr unsigned cudaStreamNonBlocking = 1, cudaEventDisableTiming = 2;
using cudaStream_t = struct CUstream_st*;
using cudaEvent_t = struct CUevent_st*;
struct cudaDeviceProp {
  char name[256];
};

cudaError_t cudaGetDeviceCount(int* count);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device);
cudaError_t cudaMemGetInfo(size_t* free, size_t* total);
cudaError_t cudaMalloc(void** memory, size_t bytes);
cudaError_t cudaFree(void* memory);
cudaError_t cudaMallocHost(void** memory, size_t bytes);
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream);
cudaError_t cudaMemsetAsync(void* memory, int byte, size_t bytes, cudaStream_t stream);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaGetLastError();
const char* cudaGetErrorString(cudaError_t error);

template <typename Kernel>
cudaError_t cudaFuncSetAttribute(Kernel*, cudaFuncAttribute, int bytes) {
  return bytes <= cudaShim::MOST_SHARED ? cudaSuccess : cudaErrorInvalidValue;
}

/** A kernel with its arguments, as a launch gets them: pointers to each. */
template <typename... Formal>
struct CudaShimCall {
  void (*kernel)(Formal...);
  void** arguments;

  template <size_t... I>
  NOT_CHECKED void with(std::index_sequence<I...>) const {
    kernel(*static_cast<Formal*>(arguments[I])...);
  }
  NOT_CHECKED static void run(const void* call) {
    static_cast<const CudaShimCall*>(call)->with(std::index_sequence_for<Formal...>{});
  }
};

/** Runs the kernel at once, all blocks one after the other. */
template <typename... Formal>
cudaError_t cudaLaunchKernel(void (*kernel)(Formal...), dim3 grid, dim3 block, void** arguments, size_t shared,
                             cudaStream_t) {
  const CudaShimCall<Formal...> call{kernel, arguments};
  return static_cast<cudaError_t>(cudaShim::launch({grid.x, grid.y, grid.z}, {block.x, block.y, block.z}, shared,
                                                   CudaShimCall<Formal...>::run, &call));
}
