// The CPU library itself: instruction set and threads.

#include "bfloat16.h"
#include "status.h"
#include "threads.h"

namespace inseq {
const char* whereText() { return ""; }
}  // namespace inseq

extern "C" {

const char* inseq_instruction_set(void) {
#if defined(__AVX512F__)
  return "avx512";
#elif defined(__AVX2__)
  return "avx2";
#else
  return "portable";
#endif
}

const char* inseq_best_instruction_set(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    return "avx512";
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "avx2";
#endif
  return "portable";
}

int inseq_set_threads(int64_t count) {
  CHECK(count >= 1 && count <= 256, "threads: expected 1 to 256, received %lld", static_cast<long long>(count));
  inseq::setThreadCount(count);
  return INSEQ_OK;
}
int64_t inseq_threads(void) { return inseq::threadCount(); }

int inseq_set_precision(int32_t precision) {
  CHECK(precision == INSEQ_FLOAT32_PRECISION || precision == INSEQ_HIGH_PRECISION,
        "setPrecision: expected a known precision, received %d", precision);
  inseq::setRoundsProducts(precision == INSEQ_HIGH_PRECISION && inseq::hasBfloat16());
  return INSEQ_OK;
}
int32_t inseq_precision(void) { return inseq::roundsProducts() ? INSEQ_HIGH_PRECISION : INSEQ_FLOAT32_PRECISION; }
}
