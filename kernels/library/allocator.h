// A caching allocator over some source of memory (cudaMalloc, which is slow and waits for the device; or the host's).
//
// Memory is taken from the source in segments. A segment is a row of blocks; a freed block is joined with free neighbours
// and kept for the next request of at most its size (best fit). With a device that computes in one stream, a block can be
// given out again at once: what still reads it was queued earlier. Small and large requests have segments of their own,
// so that small tensors do not break up the large pieces.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>

namespace inseq {

/** Where segments come from. */
struct MemorySource {
  /** nullptr if there is no memory left. */
  void* (*allocate)(int64_t bytes);
  void (*release)(void* memory, int64_t bytes);
  /** Told which bytes a caller may touch from now on (or no longer); may be null. The tests' memory check listens. */
  void (*marked)(void* memory, int64_t bytes, bool live);
};

struct MemoryStatistics {
  int64_t inUse = 0, peak = 0, reserved = 0, limit = 0;
};

class CachingAllocator {
 public:
  explicit CachingAllocator(MemorySource source) : source_(source) {}
  CachingAllocator(const CachingAllocator&) = delete;

  /** Aligned to ALIGNMENT; nullptr if the limit or the source's memory is exceeded. */
  void* allocate(int64_t bytes);
  /** False if `memory` is not the start of a block in use. */
  bool free(void* memory);
  /** Bytes that lie in use from `memory` on: 0 if it is not inside a block in use. */
  int64_t bytesFrom(const void* memory) const;
  /** Gives segments without a block in use back to the source. */
  void releaseCache();

  MemoryStatistics statistics() const;
  void resetPeak();
  /** Bytes that may be in use; 0: as many as there are. */
  void setLimit(int64_t bytes);

  static constexpr int64_t ALIGNMENT = 512;

 private:
  struct Block {
    char* memory;
    int64_t size;   // a multiple of ALIGNMENT
    int64_t asked;  // what the caller may touch
    bool small;
    Block *before, *after;  // neighbours in the segment
  };
  struct BySize {
    bool operator()(const Block* a, const Block* b) const {
      return a->size != b->size ? a->size < b->size : a->memory < b->memory;
    }
  };
  using FreeBlocks = std::set<Block*, BySize>;

  Block* takeFree(int64_t size, bool small);
  Block* newSegment(int64_t size, bool small);
  void releaseFreeSegments();

  MemorySource source_;
  mutable std::mutex lock_;
  MemoryStatistics statistics_;
  std::map<const char*, std::unique_ptr<Block>> used_;  // by address
  std::map<const Block*, std::unique_ptr<Block>> owned_;  // the free ones
  FreeBlocks free_[2];                                    // large, small
};

}  // namespace inseq
