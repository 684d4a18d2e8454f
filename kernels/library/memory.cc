// The allocator's part of the interface, for both implementations; `inseq::memory()` is theirs.

#include "memory.h"

#include "status.h"

namespace inseq {

int outOfMemory(const char* op, int64_t bytes) {
  const MemoryStatistics now = memory().statistics();
  const DeviceBytes device = deviceBytes();
  return fail(INSEQ_OUT_OF_MEMORY,
              "%s: expected %lld bytes of memory, received none: %lld are in use, %lld reserved, the limit is %lld (0: "
              "none), and the device has %lld of %lld free; use a smaller batch or a smaller model",
              op, (long long)bytes, (long long)now.inUse, (long long)now.reserved, (long long)now.limit,
              (long long)device.free, (long long)device.total);
}

}  // namespace inseq

using inseq::memory;

extern "C" {

int inseq_allocate(int64_t bytes, int64_t* address) {
  *address = 0;
  CHECK(bytes >= 0, "allocate: expected bytes that are not negative, received %lld", (long long)bytes);
  if (const int status = inseq::ready("allocate")) return status;
  if (bytes == 0) return INSEQ_OK;
  return inseq::guarded("allocate", [&] {
    void* block = memory().allocate(bytes);
    if (block == nullptr) return inseq::outOfMemory("allocate", bytes);
    *address = reinterpret_cast<int64_t>(block);
    return int{INSEQ_OK};
  });
}

int inseq_free(int64_t address) {
  if (address == 0) return INSEQ_OK;
  if (const int status = inseq::ready("free")) return status;
  CHECK(memory().free(reinterpret_cast<void*>(address)),
        "free: expected the address of an allocated block, received %lld, which was freed or never given out",
        (long long)address);
  return INSEQ_OK;
}

int inseq_release_cache(void) {
  if (const int status = inseq::ready("releaseCache")) return status;
  memory().releaseCache();
  return INSEQ_OK;
}

int inseq_set_memory_limit(int64_t bytes) {
  CHECK(bytes >= 0, "setMemoryLimit: expected bytes that are not negative, received %lld", (long long)bytes);
  if (const int status = inseq::ready("setMemoryLimit")) return status;
  memory().setLimit(bytes);
  return INSEQ_OK;
}

int inseq_memory(int32_t what, int64_t* bytes) {
  if (const int status = inseq::ready("memory")) return status;
  const inseq::MemoryStatistics now = memory().statistics();
  switch (what) {
    case INSEQ_BYTES_IN_USE: *bytes = now.inUse; return INSEQ_OK;
    case INSEQ_BYTES_PEAK: *bytes = now.peak; return INSEQ_OK;
    case INSEQ_BYTES_RESERVED: *bytes = now.reserved; return INSEQ_OK;
    case INSEQ_BYTES_LIMIT: *bytes = now.limit; return INSEQ_OK;
    case INSEQ_BYTES_TOTAL: *bytes = inseq::deviceBytes().total; return INSEQ_OK;
    case INSEQ_BYTES_FREE: *bytes = inseq::deviceBytes().free; return INSEQ_OK;
    default: return inseq::fail(INSEQ_BAD_ARGUMENT, "memory: expected a known statistic, received %d", what);
  }
}

int inseq_reset_peak(void) {
  if (const int status = inseq::ready("resetPeak")) return status;
  memory().resetPeak();
  return INSEQ_OK;
}
}
