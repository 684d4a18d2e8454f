// How far the largest numbers of a matrix's columns stand out: see gemm.h. digits.h says what for.

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>

#include "gemm.h"
#include "threads.h"
#include "tiles.h"

namespace inseq {
namespace {

/** Of numbers that are not zero, by their largest magnitude, sum and number. */
float crest(float largest, float sum, float count) {
  if (count == 0) return 0;
  return holdsColumns(bits(V{} + largest)[0]) && !std::isnan(sum) ? largest * count / sum : std::numeric_limits<float>::infinity();
}

/** The largest of a panel's block [kc][NR]. */
float crestOfPanel(const float* block, int64_t kc) {
  float found = 0;
  for (int64_t half = 0; half < NR; half += W) {
    V largest{}, sum{};
    VI zeros{};
    for (int64_t k = 0; k < kc; k++) {
      const V x = vabs(load(block + k * NR + half));
      largest = vmax(largest, x);
      sum += x;
      zeros -= x == 0.0f;
    }
    for (int j = 0; j < W; j++) found = std::max(found, crest(largest[j], sum[j], static_cast<float>(kc - zeros[j])));
  }
  return found;
}

}  // namespace

float crestOf(const Columns& b, int64_t K, int64_t N) {
  float most = 0;
  std::mutex lock;
  parallelRanges(panelCount(N), 1, [&](int64_t from, int64_t to) {
    thread_local Scratch made;
    float found = 0;
    for (int64_t kb = 0; kb < blockCount(K); kb++) {
      const int64_t k0 = kb * KC, kc = std::min(KC, K - k0);
      for (int64_t panel = from; panel < to; panel++)
        found = std::max(found, crestOfPanel(findBlock(b, K, N, k0, kc, kc, panel, made.get(KC * NR)), kc));
    }
    const std::lock_guard<std::mutex> locked(lock);
    most = std::max(most, found);
  });
  return most;
}

}  // namespace inseq
