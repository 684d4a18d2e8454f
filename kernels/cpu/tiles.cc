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

namespace {

/** All rows of a product, as places in a. */
std::vector<int64_t> allRows(const ManyRows& product) {
  std::vector<int64_t> rows(static_cast<size_t>(product.M));
  for (int64_t m = 0; m < product.M; m++) rows[m] = product.rows ? product.rows[m] : m;
  return rows;
}

std::vector<int64_t> multiplyParts(const ManyRows& product) {
  Left left = multiplyBlocks<Parts<3>>(product);
  return holdsColumns(left.largestOfColumns) ? left.rows : allRows(product);
}

}  // namespace

std::vector<int64_t> multiplyOnTiles(const ManyRows& product) {
  const bool digits = product.crest >= 0 && product.crest < mostCrest(product.K);
  std::vector<int64_t> left = digits ? multiplyBlocks<Digits>(product).rows : allRows(product);
  if (static_cast<int64_t>(left.size()) < product.M) ofDigits.fetch_add(1);
  if (!left.empty()) {
    ManyRows rest = product;
    rest.rows = left.data();
    rest.M = static_cast<int64_t>(left.size());
    left = multiplyParts(rest);
  }
  if (static_cast<int64_t>(left.size()) < product.M) products.fetch_add(1);
  return left;
}

void multiplyRounded(const ManyRows& product) { multiplyBlocks<Parts<1>>(product); }

#else

// The others are never called where this is false.
bool hasTiles() { return false; }
std::vector<int64_t> multiplyOnTiles(const ManyRows&) { return {}; }
void multiplyRounded(const ManyRows&) {}

#endif

}  // namespace inseq
