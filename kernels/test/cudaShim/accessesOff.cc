// The machine without the check of accesses: fast enough to run whole models.

#include "accesses.h"

namespace cudaShim::accesses {

void launchStarts() {}
void launchEnds() {}
void arenaIs(const void*, size_t) {}
void blockStarts() {}
void blockBarrier() {}
void warpMeets(int) {}
void sharedBelongs(const void*, size_t) {}
void deviceBelongs(const void*, size_t, bool) {}

}  // namespace cudaShim::accesses
