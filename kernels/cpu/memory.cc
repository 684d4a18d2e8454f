// Device and memory of the CPU library: the host's. Copies and fills are done when the call returns.

#include "memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "status.h"
#include "threads.h"

namespace inseq {
namespace {

constexpr int64_t GRAIN = 1 << 16;  // numbers worth a thread

/** Mapped from the system, so that a cache that is released goes back at once. */
void* map(int64_t bytes) {
  void* memory = mmap(nullptr, static_cast<size_t>(bytes), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}
void unmap(void* memory, int64_t bytes) { munmap(memory, static_cast<size_t>(bytes)); }

}  // namespace

CachingAllocator& memory() {
  static CachingAllocator allocator({map, unmap, nullptr});
  return allocator;
}

int ready(const char*) { return INSEQ_OK; }

DeviceBytes deviceBytes() {
  const int64_t page = sysconf(_SC_PAGESIZE);
  return {sysconf(_SC_PHYS_PAGES) * page, sysconf(_SC_AVPHYS_PAGES) * page};
}

}  // namespace inseq

extern "C" {

int inseq_device_count(int64_t* count) {
  *count = 1;
  return INSEQ_OK;
}
int inseq_open(int64_t device) {
  CHECK(device == 0, "open: expected device 0, the only one of the CPU library, received %lld", (long long)device);
  return INSEQ_OK;
}
const char* inseq_device_name(void) { return "cpu"; }
int64_t inseq_compute_capability(void) { return 0; }
const char* inseq_matmul_library(void) { return "built in"; }

int inseq_upload(const void* host, int64_t address, int64_t bytes) {
  CHECK(bytes >= 0, "upload: expected bytes that are not negative, received %lld", (long long)bytes);
  if (bytes > 0) std::memcpy(reinterpret_cast<void*>(address), host, static_cast<size_t>(bytes));
  return INSEQ_OK;
}
int inseq_download(int64_t address, void* host, int64_t bytes) {
  CHECK(bytes >= 0, "download: expected bytes that are not negative, received %lld", (long long)bytes);
  if (bytes > 0) std::memcpy(host, reinterpret_cast<const void*>(address), static_cast<size_t>(bytes));
  return INSEQ_OK;
}
int inseq_copy(int64_t from, int64_t to, int64_t bytes) {
  CHECK(bytes >= 0, "copy: expected bytes that are not negative, received %lld", (long long)bytes);
  if (bytes > 0) std::memcpy(reinterpret_cast<void*>(to), reinterpret_cast<const void*>(from), static_cast<size_t>(bytes));
  return INSEQ_OK;
}
int inseq_synchronize(void) { return INSEQ_OK; }

int inseq_fill(float* y, int64_t size, float value) {
  CHECK(size >= 0, "fill: expected a size that is not negative, received %lld", (long long)size);
  using namespace inseq;
  return guarded("fill", [&] {
    parallelRanges(size, GRAIN, [&](int64_t from, int64_t to) { std::fill(y + from, y + to, value); });
  });
}
}
