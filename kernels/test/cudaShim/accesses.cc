// The check of memory accesses. The compiler's thread sanitizer puts a call before every load and store of the kernels;
// here these calls do not go to its own library, but to a model of what CUDA promises:
//
//   bounds  An access lies inside a live block of device memory (to the byte that was asked for), the block's own
//   shared
//           memory, or the thread's own variables.
//   races   Two threads use the same word, one of them writes, and nothing orders them: they are of one block with no
//           barrier between (or of one warp with no exchange), or they are of two blocks.
//
// Of those who read a word the last two are remembered, and the first block: two different readers are never both the
// writer, so a race with one of many readers is seen, if perhaps under another's name. What cannot be seen: races
// through atomics, and whether a device would be allowed to reorder what is ordered here.

#include "accesses.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "machine.h"

extern "C" {
// The ends of this program or library, by the linker.
extern char __ehdr_start[] __attribute__((visibility("hidden")));
extern char _end[] __attribute__((visibility("hidden")));
}

namespace cudaShim::accesses {
namespace {

/** Marks what is known of a number of two bytes, at twice its address. */
constexpr uintptr_t HALVES = uintptr_t(1) << 62;

/** Who used a word, and when: in which launch, after how many barriers and exchanges of its warp. */
struct Use {
  uint64_t launch = 0;
  uint32_t block = 0, barriers = 0, exchanges = 0;
  int32_t thread = -1;
};
struct Word {
  Use write, read, otherRead;
  uint32_t firstReader = 0;  // block
};

struct Range {
  uintptr_t from = 0, to = 0;
  bool contains(uintptr_t first, uintptr_t end) const { return first >= from && end <= to; }
};
std::map<uintptr_t, uintptr_t> device;  // live blocks: from, to
Range arena;                            // of shared memory
std::vector<Range> shared;              // what of it belongs to the block

uint64_t launchNumber = 0;
uint32_t barriers = 0;
uint32_t exchanges[MOST_THREADS / WARP];
bool inLaunch = false;

/** What is known of a word, page by page. */
Word& wordAt(uintptr_t address) {
  constexpr uintptr_t PAGE = 4096;
  static std::unordered_map<uintptr_t, std::unique_ptr<Word[]>> pages;
  static uintptr_t lastPage = 0;
  static Word* lastWords = nullptr;
  if (const uintptr_t page = address / PAGE; page != lastPage || lastWords == nullptr) {
    auto& words = pages[page];
    if (!words) words = std::make_unique<Word[]>(PAGE / 4);
    lastPage = page;
    lastWords = words.get();
  }
  return lastWords[address % PAGE / 4];
}

int threadNumber() {
  const Index &t = current.thread, &size = current.blockSize;
  return static_cast<int>(t.x + size.x * (t.y + size.y * t.z));
}
uint32_t blockNumber() {
  const Index &b = current.block, &size = current.gridSize;
  return b.x + size.x * (b.y + size.y * b.z);
}

/** Whether the other use may happen at the same time as this one; the shared memory of two blocks is never the same. */
bool unordered(const Use& other, const Use& now, bool isShared) {
  if (other.launch != now.launch || (other.block == now.block && other.thread == now.thread)) return false;
  if (other.block != now.block) return !isShared;
  if (other.barriers != now.barriers) return false;
  return other.thread / WARP != now.thread / WARP || other.exchanges == now.exchanges;
}

void race(const char* what, const char* before, uintptr_t address, const Use& other) {
  if (address & HALVES) address = (address & ~HALVES) / 2;
  giveUp("race: thread %d of block %u %s the word at %zx, which thread %d of block %u %s, and nothing orders them",
         threadNumber(), blockNumber(), what, address, other.thread, other.block, before);
}

void useWord(uintptr_t address, bool isWrite, bool isShared) {
  Word& word = wordAt(address);
  const int thread = threadNumber();
  const Use now{launchNumber, blockNumber(), barriers, exchanges[thread / WARP], thread};
  if (unordered(word.write, now, isShared)) race(isWrite ? "writes" : "reads", "wrote", address, word.write);
  if (!isWrite) {
    if (word.read.launch != now.launch) word.firstReader = now.block;
    if (word.read.thread != now.thread || word.read.block != now.block) word.otherRead = word.read;
    word.read = now;
    return;
  }
  for (const Use& read : {word.read, word.otherRead})
    if (unordered(read, now, isShared)) race("writes", "read", address, read);
  if (!isShared && word.read.launch == now.launch && word.firstReader != now.block) {
    race("writes", "read", address, word.read);
  }
  word.write = now;
}

void use(const void* memory, size_t bytes, bool isWrite) {
  if (!inLaunch) return;
  constexpr uintptr_t STACK = 256 << 10;
  const auto from = reinterpret_cast<uintptr_t>(memory), to = from + bytes;
  // The thread's own variables are near this function's.
  const auto here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  if (from + STACK > here && from < here + STACK) return;
  const bool isShared = arena.contains(from, to);
  bool belongs;
  if (isShared) {
    belongs = std::any_of(shared.begin(), shared.end(), [&](Range range) { return range.contains(from, to); });
  } else {
    const auto next = device.upper_bound(from);
    belongs = next != device.begin() && to <= std::prev(next)->second;
    // Built-in variables and constants are the program's own.
    const Range program{reinterpret_cast<uintptr_t>(__ehdr_start), reinterpret_cast<uintptr_t>(_end)};
    if (!belongs && program.contains(from, to) && !isWrite) return;
  }
  if (!belongs) {
    giveUp("out of bounds: thread %d of block %u %s %zu bytes at %zx, which belong to no tensor and no shared array",
           threadNumber(), blockNumber(), isWrite ? "writes" : "reads", bytes, from);
  }
  // Numbers of two bytes are apart from their neighbours, and from the words that hold two of them.
  if (bytes == 2) return useWord(HALVES | from * 2, isWrite, isShared);
  for (uintptr_t word = from / 4 * 4; word < to; word += 4) useWord(word, isWrite, isShared);
}

}  // namespace

void launchStarts() {
  launchNumber++;
  inLaunch = true;
}
void launchEnds() { inLaunch = false; }
void arenaIs(const void* memory, size_t bytes) {
  arena.from = reinterpret_cast<uintptr_t>(memory);
  arena.to = arena.from + bytes;
}
void blockStarts() {
  barriers = 0;
  std::fill(std::begin(exchanges), std::end(exchanges), 0);
  shared.clear();
}
void blockBarrier() { barriers++; }
void warpMeets(int warp) { exchanges[warp]++; }
void sharedBelongs(const void* memory, size_t bytes) {
  const auto from = reinterpret_cast<uintptr_t>(memory);
  shared.push_back({from, from + bytes});
}
void deviceBelongs(const void* memory, size_t bytes, bool live) {
  const auto from = reinterpret_cast<uintptr_t>(memory);
  if (live) {
    device[from] = from + bytes;
  } else {
    device.erase(from);
  }
}

}  // namespace cudaShim::accesses

// What the compiler calls.

using cudaShim::accesses::use;

#define ACCESS(bytes)                                                            \
  void __tsan_read##bytes(void* memory) { use(memory, bytes, false); }           \
  void __tsan_write##bytes(void* memory) { use(memory, bytes, true); }           \
  void __tsan_unaligned_read##bytes(void* memory) { use(memory, bytes, false); } \
  void __tsan_unaligned_write##bytes(void* memory) { use(memory, bytes, true); }

extern "C" {
ACCESS(1)
ACCESS(2)
ACCESS(4)
ACCESS(8)
ACCESS(16)
void __tsan_read_range(void* memory, size_t bytes) { use(memory, bytes, false); }
void __tsan_write_range(void* memory, size_t bytes) { use(memory, bytes, true); }
void __tsan_vptr_update(void**, void*) {}
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
/** Whether a static variable of the host's code has been made. */
uint8_t __tsan_atomic8_load(const volatile uint8_t* memory, int order) { return __atomic_load_n(memory, order); }
}
