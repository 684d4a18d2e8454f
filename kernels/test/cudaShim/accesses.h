// The check of memory accesses: what the machine tells it. Without the check (accessesOff.cc) nothing happens.

#pragma once

#include <cstddef>

namespace cudaShim::accesses {

void launchStarts();
void launchEnds();
/** Where the shared memory of blocks lies. */
void arenaIs(const void* memory, size_t bytes);
void blockStarts();
/** All threads of the block have met. */
void blockBarrier();
/** All lanes of a warp have met. */
void warpMeets(int warp);
/** These bytes are shared memory of the block; all others of the block's shared memory are not. */
void sharedBelongs(const void* memory, size_t bytes);
/** Bytes of device memory that may be used, or no longer. */
void deviceBelongs(const void* memory, size_t bytes, bool live);

}  // namespace cudaShim::accesses
