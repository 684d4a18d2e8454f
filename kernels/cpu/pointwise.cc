// TensorFlow.js's element-wise operations, comparisons and strided copies on the CPU (library/pointwise.h).

#include "threads.h"
#include "pointwise.h"

namespace inseq {
namespace {

constexpr int64_t GRAIN = 16384;  // numbers worth a thread

template <typename At>
int forEach(const char* op, int64_t n, At at) {
  return guarded(op, [&] {
    parallelRanges(n, GRAIN, [&](int64_t from, int64_t to) {
      for (int64_t i = from; i < to; i++) at(i);
    });
  });
}

/** Any memory of the process may be a tensor. */
int holds(const char*, const char*, const void*, int64_t) { return INSEQ_OK; }

}  // namespace
}  // namespace inseq

#include "pointwiseEntries.h"
