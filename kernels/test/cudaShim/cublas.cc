// Stands in for cuBLAS, as a library of its own, so that finding and opening one is tested, too: plain loops over
// matrices stored by columns. Factors are rounded as the type of computation says: to 10 bits of mantissa for TF32, 7
// for bfloat16.

#include <cstdint>
#include <cstdlib>
#include <cstring>

#define API extern "C" __attribute__((visibility("default")))

namespace {

constexpr int SUCCESS = 0, INVALID_VALUE = 7, NOT_SUPPORTED = 15;
constexpr int FLOAT32 = 0, BFLOAT16 = 14;
constexpr int COMPUTE_FLOAT32 = 68, COMPUTE_FAST_BFLOAT16 = 75, COMPUTE_FAST_TF32 = 77;

struct Context {};
Context context;

float fromBits(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

/** The nearest number with `dropped` bits of mantissa less, halves to the even one. */
float rounded(float x, int dropped) {
  if (dropped == 0) return x;
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return fromBits((bits + (1u << (dropped - 1)) - 1 + (bits >> dropped & 1)) >> dropped << dropped);
}

/** A matrix stored by columns, op(matrix) of which is read. */
struct Matrix {
  const void* data;
  int type, dropped;
  bool transposed;
  int64_t leading;

  float at(int64_t row, int64_t column) const {
    const int64_t i = transposed ? column + row * leading : row + column * leading;
    if (type == BFLOAT16) return fromBits(static_cast<uint32_t>(static_cast<const uint16_t*>(data)[i]) << 16);
    return rounded(static_cast<const float*>(data)[i], dropped);
  }
  Matrix next(int64_t stride) const {
    const auto* bytes = static_cast<const char*>(data) + stride * (type == BFLOAT16 ? 2 : 4);
    return {bytes, type, dropped, transposed, leading};
  }
};

}  // namespace

/** INSEQ_SHIM_CUBLAS: the status of a library that does not start. */
API int cublasCreate_v2(Context** handle) {
  *handle = &context;
  const char* status = std::getenv("INSEQ_SHIM_CUBLAS");
  return status != nullptr ? std::atoi(status) : SUCCESS;
}
API int cublasSetStream_v2(Context*, void*) { return SUCCESS; }
API int cublasGetVersion_v2(Context*, int* version) {
  *version = 0;
  return SUCCESS;
}
API const char* cublasGetStatusString(int status) {
  return status == SUCCESS ? "success" : status == NOT_SUPPORTED ? "not supported" : "invalid value";
}

API int cublasGemmStridedBatchedEx(Context*, int opA, int opB, int m, int n, int k, const void* alpha, const void* a,
                                   int typeA, int lda, long long strideA, const void* b, int typeB, int ldb,
                                   long long strideB, const void* beta, void* c, int typeC, int ldc, long long strideC,
                                   int batches, int compute, int) {
  if (m < 0 || n < 0 || k < 0 || lda < (opA ? k : m) || ldb < (opB ? n : k) || ldc < m) return INVALID_VALUE;
  const bool known = compute == COMPUTE_FLOAT32 || compute == COMPUTE_FAST_TF32 || compute == COMPUTE_FAST_BFLOAT16;
  if (!known || typeA != typeB || (typeA != FLOAT32 && typeA != BFLOAT16) || typeC != FLOAT32) return NOT_SUPPORTED;
  const int dropped = compute == COMPUTE_FAST_TF32 ? 13 : compute == COMPUTE_FAST_BFLOAT16 ? 16 : 0;
  Matrix left{a, typeA, dropped, opA != 0, lda}, right{b, typeB, dropped, opB != 0, ldb};
  const float scale = *static_cast<const float*>(alpha), kept = *static_cast<const float*>(beta);
  for (int batch = 0; batch < batches; batch++, left = left.next(strideA), right = right.next(strideB)) {
    float* to = static_cast<float*>(c) + batch * strideC;
    for (int64_t j = 0; j < n; j++) {
      for (int64_t i = 0; i < m; i++) {
        float total = 0;
        for (int64_t l = 0; l < k; l++) total += left.at(i, l) * right.at(l, j);
        float& number = to[i + j * ldc];
        number = kept == 0 ? scale * total : scale * total + kept * number;
      }
    }
  }
  return SUCCESS;
}
API int cublasGemmEx(Context* handle, int opA, int opB, int m, int n, int k, const void* alpha, const void* a,
                     int typeA, int lda, const void* b, int typeB, int ldb, const void* beta, void* c, int typeC,
                     int ldc, int compute, int algorithm) {
  return cublasGemmStridedBatchedEx(handle, opA, opB, m, n, k, alpha, a, typeA, lda, 0, b, typeB, ldb, 0, beta, c,
                                    typeC, ldc, 0, 1, compute, algorithm);
}
