// The device's memory, on every implementation.

#include "cases.h"
#include "support.h"

namespace {

int64_t statistic(int32_t what) {
  int64_t bytes = -1;
  expectOk("memory", inseq_memory(what, &bytes));
  return bytes;
}

void expectEqual(const std::string& name, int64_t actual, int64_t expected) {
  comparisons++;
  if (actual != expected) {
    report(name, "expected " + std::to_string(expected) + ", received " + std::to_string(actual));
  }
}

int64_t allocated(int64_t bytes) {
  int64_t address = -1;
  expectOk("allocate", inseq_allocate(bytes, &address));
  return address;
}

/** Blocks of many sizes, freed in another order than they were made: none overlaps another, all come back. */
void testManyBlocks() {
  const int64_t before = statistic(INSEQ_BYTES_IN_USE);
  struct Block {
    int64_t address, numbers;
  };
  std::vector<Block> blocks;
  int64_t total = 0;
  uint64_t chance = 12345;
  for (int round = 0; round < 400; round++) {
    chance = chance * 6364136223846793005ull + 1442695040888963407ull;
    const int64_t numbers = 1 + static_cast<int64_t>(chance >> 33) % (round % 20 == 0 ? 600000 : 3000);
    if (blocks.size() > 40) {
      const size_t chosen = (chance >> 20) % blocks.size();
      const Block block = blocks[chosen];
      // The block still holds what was written when it was made: its own number, at both ends.
      float ends[2];
      expectOk("download", inseq_download(block.address, &ends[0], 4));
      expectOk("download", inseq_download(block.address + (block.numbers - 1) * 4, &ends[1], 4));
      const float mark = static_cast<float>(block.numbers);
      if (ends[0] != mark || ends[1] != mark) report("allocate", "a block was overwritten by another");
      expectOk("free", inseq_free(block.address));
      total -= block.numbers * 4;
      blocks.erase(blocks.begin() + static_cast<int64_t>(chosen));
    }
    const int64_t address = allocated(numbers * 4);
    if (address % 256 != 0) report("allocate", "expected an address that is a multiple of 256");
    expectOk("fill", inseq_fill(reinterpret_cast<float*>(address), numbers, static_cast<float>(numbers)));
    blocks.push_back({address, numbers});
    total += numbers * 4;
    if (round % 50 == 0) expectEqual("bytes in use", statistic(INSEQ_BYTES_IN_USE) - before, total);
  }
  for (const Block& block : blocks) expectOk("free", inseq_free(block.address));
  expectEqual("bytes in use at the end", statistic(INSEQ_BYTES_IN_USE), before);
}

void testStatistics() {
  expectOk("release cache", inseq_release_cache());
  const int64_t before = statistic(INSEQ_BYTES_IN_USE), reserved = statistic(INSEQ_BYTES_RESERVED);
  expectOk("reset peak", inseq_reset_peak());
  const int64_t large = allocated(40 << 20), small = allocated(100);
  expectEqual("in use", statistic(INSEQ_BYTES_IN_USE), before + (40 << 20) + 100);
  expectOk("free", inseq_free(large));
  expectEqual("in use after a free", statistic(INSEQ_BYTES_IN_USE), before + 100);
  expectEqual("peak", statistic(INSEQ_BYTES_PEAK), before + (40 << 20) + 100);
  if (statistic(INSEQ_BYTES_RESERVED) < reserved + (40 << 20)) report("reserved", "the cache is not counted");
  expectEqual("a block of the same size from the cache", allocated(40 << 20), large);
  expectOk("free", inseq_free(large));
  expectOk("free", inseq_free(small));
  expectOk("release cache", inseq_release_cache());
  expectEqual("reserved after release", statistic(INSEQ_BYTES_RESERVED), reserved);
  if (statistic(INSEQ_BYTES_TOTAL) <= 0 || statistic(INSEQ_BYTES_FREE) <= 0)
    report("memory", "expected a device's size");
  int64_t ignored;
  expectError("memory", inseq_memory(99, &ignored), "received 99");
}

void testLimit() {
  const int64_t before = statistic(INSEQ_BYTES_IN_USE);
  expectOk("limit", inseq_set_memory_limit(before + 1000));
  const int64_t block = allocated(800);
  int64_t address = -1;
  expectError("allocate", inseq_allocate(201, &address), "expected 201 bytes");
  expectEqual("the status of a full memory", inseq_allocate(201, &address), INSEQ_OUT_OF_MEMORY);
  expectEqual("the address of nothing", address, 0);
  expectOk("free", inseq_free(allocated(200)));
  expectOk("limit", inseq_set_memory_limit(0));
  expectOk("free", inseq_free(allocated(2000)));
  expectOk("free", inseq_free(block));
  expectError("free", inseq_free(block), "freed or never given out");
  expectError("allocate", inseq_allocate(-1, &address), "received -1");
  expectError("limit", inseq_set_memory_limit(-1), "received -1");
  // More than any device has.
  expectEqual("a petabyte", inseq_allocate(int64_t(1) << 50, &address), INSEQ_OUT_OF_MEMORY);
  expectEqual("zero bytes", allocated(0), 0);
  expectOk("free", inseq_free(0));
}

void testCopies() {
  const int64_t numbers = 3000000;  // more than fits into the buffers of an upload
  const Floats x = random(numbers);
  const int64_t first = allocated(numbers * 4), second = allocated(numbers * 4);
  expectOk("upload", inseq_upload(x.data(), first, numbers * 4));
  expectOk("copy", inseq_copy(first + 400, second, (numbers - 100) * 4));
  expectOk("copy", inseq_copy(first, second + (numbers - 100) * 4, 400));
  Floats rotated = x;
  std::rotate(rotated.begin(), rotated.begin() + 100, rotated.end());
  Floats received(x.size());
  expectOk("download", inseq_download(second, received.data(), numbers * 4));
  comparisons++;
  if (received != rotated) report("copies", "expected the same numbers back");
  expectOk("upload of nothing", inseq_upload(x.data(), 0, 0));
  expectError("upload", inseq_upload(x.data(), first, -4), "received -4");
  expectError("download", inseq_download(first, received.data(), -4), "received -4");
  expectOk("free", inseq_free(first));
  expectOk("free", inseq_free(second));
}

}  // namespace

void testMemory() {
  testManyBlocks();
  testStatistics();
  testLimit();
  testCopies();
}
