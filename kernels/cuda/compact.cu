// Products with a matrix in fewer bits (src/ops/compactLinear.ts): y = x Ŵ + b, dx = dy Ŵᵀ. The float32 matrix is made for
// the time of the product; memory on the device is that of the words and of one such matrix.

#include "compact.h"
#include "launch.h"

namespace inseq {
namespace {

__global__ void decodeKernel(Compact w, float* matrix) {
  EACH(i, w.I * w.O) matrix[i] = w.at(i / w.O, i % w.O);
}

}  // namespace
}  // namespace inseq

extern "C" int inseq_compact_linear(const float* x, const int32_t* words, const float* scales, int32_t format,
                                    const float* bias, int64_t M, int64_t I, int64_t O, int32_t transpose_kernel,
                                    int32_t skip_zero_rows, int32_t activation, float* before, float* y) {
  using namespace inseq;
  CHECK(M >= 0 && I >= 0 && O >= 0 && isCompactFormat(format),
        "compactLinear: expected sizes that are not negative and a known format, received M=%lld, I=%lld, O=%lld, %d",
        (long long)M, (long long)I, (long long)O, format);
  const Compact matrix{reinterpret_cast<const uint8_t*>(words), scales, format, I, O};
  TENSOR("compactLinear", words, matrix.words());
  if (matrix.scaleCount() > 0) TENSOR("compactLinear", scales, matrix.scaleCount());
  Scratch decoded;
  TRY(decoded.allocate("compactLinear", I * O));
  if (I * O > 0) {
    TRY(launch("compactLinear", decodeKernel, blocksFor(I * O), THREADS, 0, matrix, decoded.floats()));
  }
  const int64_t K = transpose_kernel ? O : I, N = transpose_kernel ? I : O;
  return inseq_linear(x, decoded.floats(), 0, bias, M, K, N, transpose_kernel, skip_zero_rows, activation, before, y);
}
