// The device of this process: its stream, its limits, and how a call on it fails.

#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <string>

#include "memory.h"
#include "status.h"

namespace inseq {

struct Device {
  int64_t index = -1;
  cudaStream_t stream = nullptr;
  std::string name;
  int64_t capability = 0;  // 90 for 9.0
  int64_t processors = 0;  // streaming multiprocessors
};

/** The device that inseq_open chose. */
const Device& device();

/** The status of a call of the runtime, with its message; INSEQ_OK if it succeeded. */
int checked(const char* op, cudaError_t error);

/** INSEQ_OK if `pointer` is the start of `count` numbers of `width` bytes in device memory. */
int checkTensor(const char* op, const char* name, const void* pointer, int64_t count, int64_t width);

/** Device memory for one call; what was queued before may still use it after its end. */
class Scratch {
 public:
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  ~Scratch();
  int allocate(const char* op, int64_t numbers);
  float* floats() const { return static_cast<float*>(memory_); }

 private:
  void* memory_ = nullptr;
};

/**
 * Checks, on the device, that 0 <= ids[m] < N. As the host does not wait, the next download or synchronisation fails
 * with the place and the value. Kernels must leave out ids that are not in the table.
 */
int checkIds(const char* op, const int32_t* ids, int64_t M, int64_t N);
/** What those checks found since the last call; after the stream was waited for. */
int foundFaults();
/** Makes room for what they find; once, when the device is opened. */
int openFaults();

}  // namespace inseq

/** Leaves the function with a status that is not INSEQ_OK. */
#define TRY(call) \
  if (const int status_ = (call)) return status_
/** TENSOR("op", x, numbers): x must lie in device memory. */
#define TENSOR(op, pointer, count) TRY(inseq::checkTensor(op, #pointer, pointer, count, sizeof *(pointer)))
