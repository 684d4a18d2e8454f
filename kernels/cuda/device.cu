// Choosing the device, its memory, copies, and errors.
//
// All work is queued in one stream. Uploads go through two pinned buffers in turn, so that the caller's memory is free
// at once and the host waits only when both are still on their way. A download waits for the stream.

#include <pthread.h>

#include <algorithm>
#include <cstring>
#include <mutex>

#include "cublas.h"
#include "device.h"
#include "launch.h"

namespace inseq {
namespace {

constexpr int64_t OLDEST_CAPABILITY = 80;
constexpr int64_t STAGE = 4 << 20;  // bytes of a pinned buffer

Device chosen;
std::string where;  // " (cuda:0, NVIDIA H100)", for messages
bool forked = false;

struct Stage {
  char* memory = nullptr;
  cudaEvent_t arrived = nullptr;
};
Stage stages[2];
int nextStage = 0;
std::mutex stageLock;

void* allocateOnDevice(int64_t bytes) {
  void* memory = nullptr;
  if (cudaMalloc(&memory, static_cast<size_t>(bytes)) == cudaSuccess) return memory;
  cudaGetLastError();  // being full is no error of later calls
  return nullptr;
}
void releaseOnDevice(void* memory, int64_t) { cudaFree(memory); }

int openStages() {
  for (Stage& stage : stages) {
    void* memory = nullptr;
    TRY(checked("open", cudaMallocHost(&memory, STAGE)));
    stage.memory = static_cast<char*>(memory);
    TRY(checked("open", cudaEventCreateWithFlags(&stage.arrived, cudaEventDisableTiming)));
    TRY(checked("open", cudaEventRecord(stage.arrived, chosen.stream)));
  }
  return INSEQ_OK;
}

/** A device address as the caller gives it. */
void* at(int64_t address) { return reinterpret_cast<void*>(address); }

int checkBytes(const char* op, int64_t address, int64_t bytes) {
  CHECK(bytes >= 0, "%s: expected bytes that are not negative, received %lld", op, (long long)bytes);
  if (bytes == 0) return INSEQ_OK;
  const int64_t there = memory().bytesFrom(at(address));
  CHECK(there >= bytes, "%s: expected %lld bytes of device memory, received an address with %lld%s", op,
        (long long)bytes, (long long)there, there == 0 ? ", which was freed or never given out" : "");
  return INSEQ_OK;
}

}  // namespace

const Device& device() { return chosen; }
const char* whereText() { return where.c_str(); }

CachingAllocator& memory() {
  // Never destroyed: when the process ends, packed matrices give their memory back after all else is gone.
  static CachingAllocator& allocator = *new CachingAllocator({allocateOnDevice, releaseOnDevice, MEMORY_MARKED});
  return allocator;
}

DeviceBytes deviceBytes() {
  size_t free = 0, total = 0;
  cudaMemGetInfo(&free, &total);
  return {static_cast<int64_t>(total), static_cast<int64_t>(free)};
}

int ready(const char* op) {
  CHECK(chosen.index >= 0, "%s: expected a device that was chosen, received none; call inseq_open first", op);
  CHECK(!forked, "%s: expected the process that opened the device, received a fork of it; start a new process instead",
        op);
  // To CUDA every thread has a device of its own.
  thread_local bool chosenHere = false;
  if (!chosenHere) TRY(checked(op, cudaSetDevice(static_cast<int>(chosen.index))));
  chosenHere = true;
  return INSEQ_OK;
}

int checked(const char* op, cudaError_t error) {
  if (error == cudaSuccess) return INSEQ_OK;
  cudaGetLastError();
  const int status = error == cudaErrorMemoryAllocation ? INSEQ_OUT_OF_MEMORY : INSEQ_DEVICE_ERROR;
  return fail(status, "%s: expected the device to go on, received the error \"%s\"", op, cudaGetErrorString(error));
}

int checkTensor(const char* op, const char* name, const void* pointer, int64_t count, int64_t width) {
  TRY(ready(op));
  if (count <= 0) return INSEQ_OK;
  CHECK(pointer != nullptr, "%s: expected %s to have %lld numbers, received none", op, name, (long long)count);
  CHECK(reinterpret_cast<int64_t>(pointer) % width == 0,
        "%s: expected %s at an address that is a multiple of %lld, received %p", op, name, (long long)width, pointer);
  const int64_t there = memory().bytesFrom(pointer) / width;
  CHECK(there >= count, "%s: expected %s to have %lld numbers in device memory, received an address with %lld%s", op,
        name, (long long)count, (long long)there, there == 0 ? ", which was freed or never given out" : "");
  return INSEQ_OK;
}

Scratch::~Scratch() {
  if (memory_ != nullptr) memory().free(memory_);
}
int Scratch::allocate(const char* op, int64_t numbers) {
  if (numbers == 0) return INSEQ_OK;
  memory_ = memory().allocate(numbers * 4);
  return memory_ == nullptr ? outOfMemory(op, numbers * 4) : INSEQ_OK;
}

}  // namespace inseq

using namespace inseq;

extern "C" {

int inseq_device_count(int64_t* count) {
  int found = 0;
  *count = 0;
  const cudaError_t error = cudaGetDeviceCount(&found);
  cudaGetLastError();
  CHECK(error == cudaSuccess && found > 0, "expected a CUDA device and its driver, received: %s%s",
        error == cudaSuccess ? "no device" : cudaGetErrorString(error),
        error == cudaErrorInsufficientDriver ? ", or there is no driver" : "");
  *count = found;
  return INSEQ_OK;
}

int inseq_open(int64_t index) {
  return guarded("open", [&] {
    int64_t count = 0;
    TRY(inseq_device_count(&count));
    CHECK(index >= 0 && index < count, "open: expected a device from 0 to %lld, received %lld", (long long)count - 1,
          (long long)index);
    if (chosen.index == index) return ready("open");
    CHECK(chosen.index < 0, "open: expected device %lld, which this process has opened, received %lld",
          (long long)chosen.index, (long long)index);
    const int number = static_cast<int>(index);
    TRY(checked("open", cudaSetDevice(number)));
    int major = 0, minor = 0, processors = 0;
    cudaDeviceProp properties;
    TRY(checked("open", cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, number)));
    TRY(checked("open", cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, number)));
    TRY(checked("open", cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, number)));
    TRY(checked("open", cudaGetDeviceProperties(&properties, number)));
    const int64_t capability = 10 * major + minor;
    CHECK(
        capability >= OLDEST_CAPABILITY,
        "open: expected a GPU of compute capability 8.0 (Ampere) or later, received %s of %d.%d; use --backend native",
        properties.name, major, minor);
    TRY(checked("open", cudaStreamCreateWithFlags(&chosen.stream, cudaStreamNonBlocking)));
    TRY(openStages());
    TRY(openFaults());
    TRY(openCublas(chosen.stream));
    chosen.name = properties.name;
    chosen.capability = capability;
    chosen.processors = processors;
    chosen.index = index;
    where = " (cuda:" + std::to_string(index) + ", " + chosen.name + ")";
    pthread_atfork(nullptr, nullptr, [] { forked = true; });
    return int{INSEQ_OK};
  });
}

const char* inseq_device_name(void) { return chosen.name.c_str(); }
int64_t inseq_compute_capability(void) { return chosen.capability; }
const char* inseq_instruction_set(void) { return INSTRUCTION_SET; }
const char* inseq_best_instruction_set(void) { return "cuda"; }
int64_t inseq_threads(void) { return 1; }
int inseq_set_threads(int64_t count) {
  CHECK(count == 1, "threads: expected 1, as the device computes, received %lld", (long long)count);
  return INSEQ_OK;
}

int inseq_upload(const void* host, int64_t address, int64_t bytes) {
  TRY(ready("upload"));
  TRY(checkBytes("upload", address, bytes));
  std::lock_guard<std::mutex> lock(stageLock);
  for (int64_t done = 0; done < bytes; done += STAGE) {
    Stage& stage = stages[nextStage++ % 2];
    const int64_t piece = std::min(STAGE, bytes - done);
    TRY(checked("upload", cudaEventSynchronize(stage.arrived)));
    std::memcpy(stage.memory, static_cast<const char*>(host) + done, static_cast<size_t>(piece));
    TRY(checked("upload", cudaMemcpyAsync(at(address + done), stage.memory, static_cast<size_t>(piece),
                                          cudaMemcpyHostToDevice, chosen.stream)));
    TRY(checked("upload", cudaEventRecord(stage.arrived, chosen.stream)));
  }
  return INSEQ_OK;
}

int inseq_download(int64_t address, void* host, int64_t bytes) {
  TRY(ready("download"));
  TRY(checkBytes("download", address, bytes));
  if (bytes > 0) {
    TRY(checked("download",
                cudaMemcpyAsync(host, at(address), static_cast<size_t>(bytes), cudaMemcpyDeviceToHost, chosen.stream)));
  }
  return inseq_synchronize();
}

int inseq_copy(int64_t from, int64_t to, int64_t bytes) {
  TRY(ready("copy"));
  TRY(checkBytes("copy", from, bytes));
  TRY(checkBytes("copy", to, bytes));
  if (bytes == 0) return INSEQ_OK;
  return checked(
      "copy", cudaMemcpyAsync(at(to), at(from), static_cast<size_t>(bytes), cudaMemcpyDeviceToDevice, chosen.stream));
}

int inseq_synchronize(void) {
  TRY(ready("synchronize"));
  TRY(checked("synchronize", cudaStreamSynchronize(chosen.stream)));
  return foundFaults();
}
}
