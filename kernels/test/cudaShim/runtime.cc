// The runtime's functions. Device memory is the host's; work is done when a call returns. What device there is, the
// environment says: INSEQ_SHIM_DEVICES (0: no driver), INSEQ_SHIM_CAPABILITY (such as 75), INSEQ_SHIM_MEMORY (bytes).

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>

#include "accesses.h"
#include "cuda_runtime.h"

namespace {

long long setting(const char* name, long long otherwise) {
  const char* text = std::getenv(name);
  return text ? std::atoll(text) : otherwise;
}

std::mutex lock;
std::map<char*, size_t> allocations;
size_t allocated = 0;
thread_local cudaError_t lastError = cudaSuccess;

size_t total() { return static_cast<size_t>(setting("INSEQ_SHIM_MEMORY", 2ll << 30)); }

cudaError_t failed(cudaError_t error) { return lastError = error; }

/** Whether the bytes lie inside one allocation. */
bool onDevice(const void* memory, size_t bytes) {
  std::lock_guard<std::mutex> guard(lock);
  char* at = const_cast<char*>(static_cast<const char*>(memory));
  auto next = allocations.upper_bound(at);
  if (next == allocations.begin()) return false;
  const auto& [start, size] = *std::prev(next);
  return at + bytes <= start + size;
}

}  // namespace

namespace cudaShim {

void markMemory(void* memory, int64_t bytes, bool live) {
  std::memset(memory, 0xff, static_cast<size_t>(bytes));  // NaN: nobody may count on what was there
  accesses::deviceBelongs(memory, static_cast<size_t>(bytes), live);
}

}  // namespace cudaShim

cudaError_t cudaGetDeviceCount(int* count) {
  *count = static_cast<int>(setting("INSEQ_SHIM_DEVICES", 1));
  return *count == 0 ? failed(cudaErrorNoDevice) : cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  int count;
  cudaGetDeviceCount(&count);
  return device < 0 || device >= count ? failed(cudaErrorInvalidDevice) : cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
  const int capability = static_cast<int>(setting("INSEQ_SHIM_CAPABILITY", 89));
  switch (attribute) {
    case cudaDevAttrMultiProcessorCount: *value = 4; return cudaSuccess;
    case cudaDevAttrComputeCapabilityMajor: *value = capability / 10; return cudaSuccess;
    case cudaDevAttrComputeCapabilityMinor: *value = capability % 10; return cudaSuccess;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = cudaShim::MOST_SHARED; return cudaSuccess;
  }
  return failed(cudaErrorInvalidValue);
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  std::snprintf(properties->name, sizeof properties->name, "emulated device");
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(size_t* free, size_t* all) {
  std::lock_guard<std::mutex> guard(lock);
  *all = total();
  *free = *all - allocated;
  return cudaSuccess;
}

cudaError_t cudaMalloc(void** memory, size_t bytes) {
  std::lock_guard<std::mutex> guard(lock);
  if (allocated + bytes > total()) return failed(cudaErrorMemoryAllocation);
  void* mapped = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) return failed(cudaErrorMemoryAllocation);
  *memory = mapped;
  allocations[static_cast<char*>(mapped)] = bytes;
  allocated += bytes;
  return cudaSuccess;
}
cudaError_t cudaFree(void* memory) {
  std::lock_guard<std::mutex> guard(lock);
  const auto found = allocations.find(static_cast<char*>(memory));
  if (found == allocations.end()) return failed(cudaErrorInvalidValue);
  munmap(memory, found->second);
  allocated -= found->second;
  allocations.erase(found);
  return cudaSuccess;
}
cudaError_t cudaMallocHost(void** memory, size_t bytes) {
  *memory = std::malloc(bytes);
  return *memory ? cudaSuccess : failed(cudaErrorMemoryAllocation);
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t) {
  const bool fits = (kind == cudaMemcpyHostToDevice || onDevice(from, bytes)) &&
                    (kind == cudaMemcpyDeviceToHost || onDevice(to, bytes));
  if (!fits) return failed(cudaErrorInvalidValue);
  std::memmove(to, from, bytes);
  return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void* memory, int byte, size_t bytes, cudaStream_t) {
  if (!onDevice(memory, bytes)) return failed(cudaErrorInvalidValue);
  std::memset(memory, byte, bytes);
  return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  static char one;
  *stream = reinterpret_cast<cudaStream_t>(&one);
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t) { return cudaSuccess; }
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  static char one;
  *event = reinterpret_cast<cudaEvent_t>(&one);
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t) { return cudaSuccess; }
cudaError_t cudaEventSynchronize(cudaEvent_t) { return cudaSuccess; }

cudaError_t cudaGetLastError() {
  const cudaError_t last = lastError;
  lastError = cudaSuccess;
  return last;
}
const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess: return "no error";
    case cudaErrorMemoryAllocation: return "out of memory";
    case cudaErrorNoDevice: return "no CUDA-capable device is detected";
    case cudaErrorInvalidDevice: return "invalid device ordinal";
    case cudaErrorInvalidConfiguration:
    case cudaErrorIllegalAddress: return cudaShim::launchFailure();
    default: return "invalid argument";
  }
}
