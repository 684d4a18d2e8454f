#include "machine.h"

#include <sys/mman.h>
#include <ucontext.h>

#include <algorithm>
#include <csetjmp>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <numeric>
#include <random>
#include <vector>

#include "accesses.h"

namespace cudaShim {

Current current;

namespace {

constexpr size_t STACK = 256 << 10;  // mapped, not used, unless a kernel needs it
constexpr int CONFIGURATION_ERROR = 9, LAUNCH_ERROR = 700;

enum class State { waitsForStart, runnable, atBarrier, atExchange, done };

struct Fiber {
  ucontext_t start;
  jmp_buf context;
  bool started = false;
};

struct Warp {
  uint64_t values[2][WARP];  // of this exchange and the next one, which fast lanes may already have reached
  unsigned arrived = 0;
};

/** One block at a time. */
struct Machine {
  void (*kernel)(const void*);
  const void* call;
  jmp_buf scheduler;
  std::vector<Fiber> fibers;
  std::vector<State> states;
  std::vector<unsigned> exchanges;  // of each thread, so far
  std::vector<Warp> warps;
  std::vector<int> order;
  int threads = 0, running = 0;
  int orNow = 0, orBefore = 0;
  alignas(512) char shared[MOST_SHARED];
  size_t sharedUsed = 0, dynamicBytes = 0;
  std::map<const void*, size_t> sites;
  char failure[400];
  bool failed = false;
};
Machine machine;
std::mutex oneLaunch;
uint64_t launches = [] {
  const char* seed = std::getenv("INSEQ_SHIM_SEED");
  return seed ? std::strtoull(seed, nullptr, 10) : 0;
}();

void leave() {
  if (_setjmp(machine.fibers[machine.running].context) == 0) _longjmp(machine.scheduler, 1);
}

/** A fiber runs one thread after the other that has its number, block after block. */
void fiberMain() {
  for (;;) {
    machine.kernel(machine.call);
    machine.states[machine.running] = State::done;
    leave();
  }
}

void prepareFibers(int threads) {
  for (int i = static_cast<int>(machine.fibers.size()); i < threads; i++) machine.fibers.emplace_back();
  static char* stacks = static_cast<char*>(
      mmap(nullptr, STACK * MOST_THREADS, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  for (int i = 0; i < threads; i++) {
    Fiber& fiber = machine.fibers[i];
    if (fiber.started) continue;
    getcontext(&fiber.start);
    fiber.start.uc_stack.ss_sp = stacks + STACK * i;
    fiber.start.uc_stack.ss_size = STACK;
    fiber.start.uc_link = nullptr;
    makecontext(&fiber.start, fiberMain, 0);
  }
}

void enter(int thread) {
  machine.running = thread;
  const Index& size = current.blockSize;
  current.thread = {thread % size.x, thread / size.x % size.y, thread / (size.x * size.y)};
  machine.states[thread] = State::runnable;
  Fiber& fiber = machine.fibers[thread];
  if (_setjmp(machine.scheduler) != 0) return;
  if (fiber.started) _longjmp(fiber.context, 1);
  fiber.started = true;
  setcontext(&fiber.start);
}

int count(State state) { return static_cast<int>(std::count(machine.states.begin(), machine.states.end(), state)); }

void fail(const char* text) {
  machine.failed = true;
  std::snprintf(machine.failure, sizeof machine.failure, "%s", text);
}

/** Some shared memory for the block that runs. It starts as NaN, so that what nobody wrote is seen. */
size_t takeShared(size_t bytes) {
  const size_t at = machine.sharedUsed;
  machine.sharedUsed += (bytes + 511) / 512 * 512;
  if (machine.sharedUsed > sizeof machine.shared) giveUp("a block shares more than %d bytes", MOST_SHARED);
  std::memset(machine.shared + at, 0xff, bytes);
  accesses::sharedBelongs(machine.shared + at, bytes);
  return at;
}

/** All threads of one block, until they are done. */
void runBlock() {
  std::fill(machine.states.begin(), machine.states.end(), State::waitsForStart);
  for (Warp& warp : machine.warps) warp.arrived = 0;
  machine.sites.clear();
  machine.sharedUsed = 0;
  machine.orNow = machine.orBefore = 0;
  accesses::blockStarts();
  takeShared(machine.dynamicBytes);
  for (;;) {
    bool progress = false;
    for (const int thread : machine.order) {
      if (machine.states[thread] != State::runnable && machine.states[thread] != State::waitsForStart) continue;
      enter(thread);
      if (machine.failed) return;
      progress = true;
    }
    if (progress) continue;
    const int done = count(State::done), atBarrier = count(State::atBarrier);
    if (done == machine.threads) return;
    if (atBarrier != machine.threads) {
      char text[200];
      std::snprintf(
          text, sizeof text,
          "block (%u, %u, %u) cannot go on: of %d threads %d have ended, %d wait at a barrier, %d for their warp",
          current.block.x, current.block.y, current.block.z, machine.threads, done, atBarrier,
          count(State::atExchange));
      return fail(text);
    }
    machine.orBefore = machine.orNow;
    machine.orNow = 0;
    std::fill(machine.states.begin(), machine.states.end(), State::runnable);
    accesses::blockBarrier();
  }
}

/** Gives `value` to the warp and returns what all its lanes gave. */
const uint64_t* exchange(unsigned mask, uint64_t value) {
  const int thread = machine.running, first = thread / WARP * WARP;
  if (mask != ALL_LANES || first + WARP > machine.threads) {
    giveUp("an exchange expected all %d lanes of a whole warp, received the mask %x in a block of %d threads", WARP,
           mask, machine.threads);
  }
  Warp& warp = machine.warps[thread / WARP];
  uint64_t* values = warp.values[machine.exchanges[thread]++ % 2];
  values[thread % WARP] = value;
  warp.arrived |= 1u << thread % WARP;
  if (warp.arrived == ALL_LANES) {
    warp.arrived = 0;
    for (int i = first; i < first + WARP; i++) machine.states[i] = State::runnable;
    accesses::warpMeets(thread / WARP);
  } else {
    machine.states[thread] = State::atExchange;
    leave();
  }
  return values;
}

}  // namespace

int launch(Index gridSize, Index blockSize, size_t dynamicBytes, void (*kernel)(const void*), const void* call) {
  std::lock_guard<std::mutex> lock(oneLaunch);
  const uint64_t threads = uint64_t(blockSize.x) * blockSize.y * blockSize.z;
  const uint64_t blocks = uint64_t(gridSize.x) * gridSize.y * gridSize.z;
  const bool fits = threads > 0 && threads <= MOST_THREADS && blockSize.z <= 64 && gridSize.x <= 0x7fffffffu &&
                    gridSize.y <= 65535 && gridSize.z <= 65535 && blocks > 0 && dynamicBytes <= size_t(MOST_SHARED);
  if (!fits) {
    std::snprintf(machine.failure, sizeof machine.failure,
                  "grid (%u, %u, %u), block (%u, %u, %u) and %zu bytes of shared memory are no launch configuration",
                  gridSize.x, gridSize.y, gridSize.z, blockSize.x, blockSize.y, blockSize.z, dynamicBytes);
    return CONFIGURATION_ERROR;
  }
  machine.kernel = kernel;
  machine.call = call;
  machine.failed = false;
  machine.threads = static_cast<int>(threads);
  machine.states.resize(threads);
  machine.exchanges.assign(threads, 0);
  machine.warps.resize((threads + WARP - 1) / WARP);
  machine.order.resize(threads);
  std::iota(machine.order.begin(), machine.order.end(), 0);
  std::mt19937_64 chance(launches++);
  std::shuffle(machine.order.begin(), machine.order.end(), chance);
  prepareFibers(machine.threads);
  current.gridSize = gridSize;
  current.blockSize = blockSize;
  machine.dynamicBytes = dynamicBytes;
  accesses::arenaIs(machine.shared, sizeof machine.shared);
  accesses::launchStarts();
  // Blocks in an order that visits each once: steps of a number that has no factor in common with theirs.
  uint64_t step = chance() % blocks;
  while (std::gcd(step, blocks) != 1) step++;
  uint64_t block = chance() % blocks;
  for (uint64_t i = 0; i < blocks && !machine.failed; i++, block = (block + step) % blocks) {
    current.block = {static_cast<unsigned>(block % gridSize.x), static_cast<unsigned>(block / gridSize.x % gridSize.y),
                     static_cast<unsigned>(block / (uint64_t(gridSize.x) * gridSize.y))};
    runBlock();
  }
  accesses::launchEnds();
  if (!machine.failed) return 0;
  // Threads that were stopped in the middle never end: the fibers start anew.
  for (Fiber& fiber : machine.fibers) fiber.started = false;
  return LAUNCH_ERROR;
}

const char* launchFailure() { return machine.failure; }

void giveUp(const char* format, ...) {
  char text[400];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  fail(text);
  _longjmp(machine.scheduler, 1);
}

void expectAligned(const void* memory, size_t bytes) {
  if (reinterpret_cast<uintptr_t>(memory) % bytes != 0)
    giveUp("misaligned: a vector of %zu bytes at %p", bytes, memory);
}

void barrier() {
  machine.states[machine.running] = State::atBarrier;
  leave();
}

int barrierOr(int predicate) {
  machine.orNow |= predicate != 0;
  barrier();
  return machine.orBefore;
}

int lane() { return machine.running % WARP; }

uint64_t shuffle(unsigned mask, uint64_t value, int from) { return exchange(mask, value)[from]; }

unsigned ballot(unsigned mask, int predicate) {
  const uint64_t* lanes = exchange(mask, predicate != 0);
  unsigned set = 0;
  for (int i = 0; i < WARP; i++) set |= lanes[i] ? 1u << i : 0;
  return set;
}

void* sharedAt(const void* site, size_t bytes) {
  const auto known = machine.sites.find(site);
  if (known != machine.sites.end()) return machine.shared + known->second;
  const size_t at = takeShared(bytes);
  machine.sites[site] = at;
  return machine.shared + at;
}

void* dynamicShared() { return machine.shared; }

unsigned long long atomicMinimum(unsigned long long* address, unsigned long long value) {
  const unsigned long long before = *address;
  if (value < before) *address = value;
  return before;
}

unsigned bitsOf(float x) {
  unsigned bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

}  // namespace cudaShim
