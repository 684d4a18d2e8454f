// What an implementation provides for the allocator's part of the interface (memory.cc).

#pragma once

#include "allocator.h"

namespace inseq {

/** The memory of the device in use; only after `ready`. */
CachingAllocator& memory();

/** INSEQ_OK if the device can be used, else the status of a message that says why not. */
int ready(const char* op);

struct DeviceBytes {
  int64_t total, free;
};
DeviceBytes deviceBytes();

/** The status and message of an allocation that failed. */
int outOfMemory(const char* op, int64_t bytes);

}  // namespace inseq
