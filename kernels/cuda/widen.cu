// Numbers of 16 bits, as checkpoints store them, to float32, which holds every one of them exactly.

#include "launch.h"
#include "widen.h"

namespace inseq {
namespace {

__global__ void widenKernel(const uint16_t* x, int32_t type, int64_t size, float* y) {
  EACH(i, size) y[i] = __uint_as_float(type == INSEQ_BFLOAT16 ? bitsOfBfloat16(x[i]) : bitsOfFloat16(x[i]));
}

}  // namespace
}  // namespace inseq

extern "C" int inseq_widen(const uint16_t* x, int32_t type, int64_t size, float* y) {
  using namespace inseq;
  CHECK(size >= 0 && (type == INSEQ_BFLOAT16 || type == INSEQ_FLOAT16),
        "widen: expected size >= 0 and a known type, received %lld and %d", (long long)size, type);
  TENSOR("widen", x, size);
  TENSOR("widen", y, size);
  if (size == 0) return INSEQ_OK;
  return launch("widen", widenKernel, blocksFor(size), THREADS, 0, x, type, size, y);
}
