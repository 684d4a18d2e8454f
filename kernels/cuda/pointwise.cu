// TensorFlow.js's element-wise operations, comparisons and strided copies on a device (library/pointwise.h): a thread for
// each number, neighbours side by side. They are bound by memory, and small beside the fused operations of a pass.

#include "launch.h"
#include "pointwise.h"

namespace inseq {
namespace {

template <typename At>
__global__ void eachKernel(int64_t n, At at) {
  EACH(i, n) at(i);
}

template <typename At>
int forEach(const char* op, int64_t n, At at) {
  if (n == 0) return INSEQ_OK;
  return launch(op, eachKernel<At>, blocksFor(n), dim3(THREADS), 0, n, at);
}

int holds(const char* op, const char* name, const void* numbers, int64_t count) {
  return count == 0 ? INSEQ_OK : checkTensor(op, name, numbers, count, 4);
}

}  // namespace
}  // namespace inseq

#include "pointwiseEntries.h"
