#include "allocator.h"

#include <algorithm>

namespace inseq {
namespace {

constexpr int64_t MiB = 1 << 20;
constexpr int64_t LARGEST_SMALL = MiB;
constexpr int64_t SMALL_SEGMENT = 2 * MiB;
constexpr int64_t LARGE_SEGMENT = 16 * MiB;  // shared by requests of up to half of it
constexpr int64_t SEGMENT_STEP = 2 * MiB;    // larger requests get their own, rounded up to this

int64_t roundUp(int64_t bytes, int64_t step) { return (bytes + step - 1) / step * step; }

}  // namespace

void* CachingAllocator::allocate(int64_t bytes) {
  std::lock_guard<std::mutex> lock(lock_);
  if (statistics_.limit > 0 && statistics_.inUse + bytes > statistics_.limit) return nullptr;
  const int64_t size = roundUp(std::max<int64_t>(bytes, 1), ALIGNMENT);
  const bool small = size <= LARGEST_SMALL;
  Block* block = takeFree(size, small);
  if (block == nullptr) block = newSegment(size, small);
  if (block == nullptr) return nullptr;

  // The rest of the block stays free, unless it is too small to serve another request of its kind.
  if (block->size - size >= (small ? ALIGNMENT : LARGEST_SMALL)) {
    auto rest = std::make_unique<Block>(Block{block->memory + size, block->size - size, 0, small, block, block->after});
    if (rest->after) rest->after->before = rest.get();
    block->after = rest.get();
    block->size = size;
    free_[small].insert(rest.get());
    owned_[rest.get()] = std::move(rest);
  }
  block->asked = bytes;
  const auto owner = owned_.find(block);
  used_[block->memory] = std::move(owner->second);
  owned_.erase(owner);
  statistics_.inUse += bytes;
  statistics_.peak = std::max(statistics_.peak, statistics_.inUse);
  if (source_.marked) source_.marked(block->memory, bytes, true);
  return block->memory;
}

/** The smallest free block that is large enough, taken out of the free ones. */
CachingAllocator::Block* CachingAllocator::takeFree(int64_t size, bool small) {
  Block wanted{nullptr, size, 0, small, nullptr, nullptr};
  const auto found = free_[small].lower_bound(&wanted);
  if (found == free_[small].end()) return nullptr;
  Block* block = *found;
  free_[small].erase(found);
  return block;
}

CachingAllocator::Block* CachingAllocator::newSegment(int64_t size, bool small) {
  int64_t segment = small ? SMALL_SEGMENT : size <= LARGE_SEGMENT / 2 ? LARGE_SEGMENT : roundUp(size, SEGMENT_STEP);
  void* memory = source_.allocate(segment);
  if (memory == nullptr) {
    releaseFreeSegments();
    memory = source_.allocate(segment);
  }
  if (memory == nullptr && segment > size) {
    segment = size;
    memory = source_.allocate(segment);
  }
  if (memory == nullptr) return nullptr;
  statistics_.reserved += segment;
  auto block = std::make_unique<Block>(Block{static_cast<char*>(memory), segment, 0, small, nullptr, nullptr});
  Block* made = block.get();
  owned_[made] = std::move(block);
  return made;
}

bool CachingAllocator::free(void* memory) {
  std::lock_guard<std::mutex> lock(lock_);
  const auto found = used_.find(static_cast<char*>(memory));
  if (found == used_.end()) return false;
  std::unique_ptr<Block> owner = std::move(found->second);
  used_.erase(found);
  Block* block = owner.get();
  owned_[block] = std::move(owner);
  statistics_.inUse -= block->asked;
  if (source_.marked) source_.marked(block->memory, block->asked, false);
  block->asked = 0;

  const auto isFree = [&](const Block* other) { return other != nullptr && owned_.count(other) > 0; };
  if (Block* after = block->after; isFree(after)) {
    free_[after->small].erase(after);
    block->size += after->size;
    block->after = after->after;
    if (block->after) block->after->before = block;
    owned_.erase(after);
  }
  if (Block* before = block->before; isFree(before)) {
    free_[before->small].erase(before);
    before->size += block->size;
    before->after = block->after;
    if (before->after) before->after->before = before;
    owned_.erase(block);
    block = before;
  }
  free_[block->small].insert(block);
  return true;
}

int64_t CachingAllocator::bytesFrom(const void* memory) const {
  std::lock_guard<std::mutex> lock(lock_);
  const char* at = static_cast<const char*>(memory);
  auto next = used_.upper_bound(at);
  if (next == used_.begin()) return 0;
  const Block& block = *std::prev(next)->second;
  return std::max<int64_t>(0, block.memory + block.asked - at);
}

void CachingAllocator::releaseCache() {
  std::lock_guard<std::mutex> lock(lock_);
  releaseFreeSegments();
}

void CachingAllocator::releaseFreeSegments() {
  for (FreeBlocks& blocks : free_) {
    for (auto it = blocks.begin(); it != blocks.end();) {
      Block* block = *it;
      if (block->before != nullptr || block->after != nullptr) {
        ++it;
        continue;
      }
      it = blocks.erase(it);
      statistics_.reserved -= block->size;
      source_.release(block->memory, block->size);
      owned_.erase(block);
    }
  }
}

MemoryStatistics CachingAllocator::statistics() const {
  std::lock_guard<std::mutex> lock(lock_);
  return statistics_;
}

void CachingAllocator::resetPeak() {
  std::lock_guard<std::mutex> lock(lock_);
  statistics_.peak = statistics_.inUse;
}

void CachingAllocator::setLimit(int64_t bytes) {
  std::lock_guard<std::mutex> lock(lock_);
  statistics_.limit = bytes;
}

}  // namespace inseq
