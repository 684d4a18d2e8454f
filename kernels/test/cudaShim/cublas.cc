// Stands in for cuBLAS, as a library of its own, so that finding and opening one is tested, too: plain loops over matrices
// stored by columns. With the TF32 math mode, factors are rounded to TF32's 10 bits of mantissa.

#include <cstdint>
#include <cstring>

#define API extern "C" __attribute__((visibility("default")))

namespace {

constexpr int SUCCESS = 0, INVALID_VALUE = 7, TF32_MATH = 3;

struct Context {
  bool tf32 = false;
};
Context context;

float rounded(float x) {
  if (!context.tf32) return x;
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  bits = (bits + 0x0fff + (bits >> 13 & 1)) & ~0x1fffu;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

/** c = alpha op(a) op(b) + beta c, c [m, n] by columns. */
void product(bool transposeA, bool transposeB, int m, int n, int k, float alpha, const float* a, int64_t lda,
             const float* b, int64_t ldb, float beta, float* c, int64_t ldc) {
  for (int64_t j = 0; j < n; j++) {
    for (int64_t i = 0; i < m; i++) {
      float total = 0;
      for (int64_t l = 0; l < k; l++) {
        total += rounded(a[transposeA ? l + i * lda : i + l * lda]) * rounded(b[transposeB ? j + l * ldb : l + j * ldb]);
      }
      float& number = c[i + j * ldc];
      number = beta == 0 ? alpha * total : alpha * total + beta * number;
    }
  }
}

}  // namespace

API int cublasCreate_v2(Context** handle) {
  *handle = &context;
  return SUCCESS;
}
API int cublasSetStream_v2(Context*, void*) { return SUCCESS; }
API int cublasSetMathMode(Context* handle, int mode) {
  handle->tf32 = mode == TF32_MATH;
  return SUCCESS;
}
API int cublasGetVersion_v2(Context*, int* version) {
  *version = 0;
  return SUCCESS;
}
API const char* cublasGetStatusString(int status) { return status == SUCCESS ? "success" : "invalid value"; }

API int cublasSgemmStridedBatched(Context*, int opA, int opB, int m, int n, int k, const float* alpha, const float* a,
                                  int lda, long long strideA, const float* b, int ldb, long long strideB,
                                  const float* beta, float* c, int ldc, long long strideC, int batches) {
  if (m < 0 || n < 0 || k < 0 || lda < (opA ? k : m) || ldb < (opB ? n : k) || ldc < m) return INVALID_VALUE;
  for (int i = 0; i < batches; i++) {
    product(opA != 0, opB != 0, m, n, k, *alpha, a + i * strideA, lda, b + i * strideB, ldb, *beta, c + i * strideC, ldc);
  }
  return SUCCESS;
}
API int cublasSgemm_v2(Context* handle, int opA, int opB, int m, int n, int k, const float* alpha, const float* a, int lda,
                       const float* b, int ldb, const float* beta, float* c, int ldc) {
  return cublasSgemmStridedBatched(handle, opA, opB, m, n, k, alpha, a, lda, 0, b, ldb, 0, beta, c, ldc, 0, 1);
}
