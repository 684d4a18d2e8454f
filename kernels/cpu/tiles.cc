// Products on tiles: see tiles.h.

#include "tiles.h"

#include <atomic>

#include "digits.h"
#include "parts.h"

namespace inseq {
namespace {

std::atomic<int64_t> products{0}, ofDigits{0};

}  // namespace

int64_t tileProducts() { return products.load(); }
int64_t digitProducts() { return ofDigits.load(); }

#if HAS_BFLOAT16

namespace {

/** CPUID leaf 7: AMX-TILE, AMX-BF16 and AMX-INT8; Linux gives a process the tiles' registers when it asks. */
bool findTiles() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned TILE = 1u << 24, BF16 = 1u << 22, INT8 = 1u << 25, ALL = TILE | BF16 | INT8;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & ALL) != ALL) return false;
  constexpr long REQUEST_PERMISSION = 0x1023, TILE_DATA = 18;
  return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}

}  // namespace

bool hasTiles() {
  static const bool found = findTiles();
  return found;
}

std::vector<int64_t> multiplyDigits(const ManyRows& product) {
  std::vector<int64_t> left = multiplyOnTiles<Digits>(product).rows;
  if (static_cast<int64_t>(left.size()) < product.M) products.fetch_add(1), ofDigits.fetch_add(1);
  return left;
}

std::vector<int64_t> multiplyParts(const ManyRows& product) {
  Left left = multiplyOnTiles<Parts<3>>(product);
  if (!holdsColumns(left.largestOfColumns)) {
    left.rows.clear();
    for (int64_t m = 0; m < product.M; m++) left.rows.push_back(product.rows ? product.rows[m] : m);
  }
  if (static_cast<int64_t>(left.rows.size()) < product.M) products.fetch_add(1);
  return left.rows;
}

void multiplyRounded(const ManyRows& product) { multiplyOnTiles<Parts<1>>(product); }

#else

// The others are never called where this is false.
bool hasTiles() { return false; }
std::vector<int64_t> multiplyDigits(const ManyRows&) { return {}; }
std::vector<int64_t> multiplyParts(const ManyRows&) { return {}; }
void multiplyRounded(const ManyRows&) {}

#endif

}  // namespace inseq
