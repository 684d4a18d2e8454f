// Numbers of 16 bits, as checkpoints store them, to float32, which holds every one of them exactly.

#include "widen.h"

#include <cstring>

#include "status.h"
#include "threads.h"

extern "C" int inseq_widen(const uint16_t* x, int32_t type, int64_t size, float* y) {
  using namespace inseq;
  constexpr int64_t GRAIN = 65536;  // numbers worth a thread
  CHECK(size >= 0 && (type == INSEQ_BFLOAT16 || type == INSEQ_FLOAT16),
        "widen: expected size >= 0 and a known type, received %lld and %d", (long long)size, type);
  return guarded("widen", [&] {
    parallelRanges(size, GRAIN, [&](int64_t from, int64_t to) {
      for (int64_t i = from; i < to; i++) {
        const uint32_t bits = type == INSEQ_BFLOAT16 ? bitsOfBfloat16(x[i]) : bitsOfFloat16(x[i]);
        std::memcpy(y + i, &bits, sizeof bits);
      }
    });
  });
}
