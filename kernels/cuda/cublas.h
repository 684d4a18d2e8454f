// cuBLAS, found and opened at run time, so that neither its headers nor its library are needed to build.

#pragma once

#include "device.h"

namespace inseq {

/** Opens cuBLAS for work in `stream`; the message of a failure says where it was looked for. */
int openCublas(cudaStream_t stream);

/** How products multiply now: one of INSEQ_FLOAT32_PRECISION, … */
int32_t precision();

/** A matrix, or a row of them `stride` numbers apart: of float32, or of bfloat16. */
struct Operand {
  const void* data;
  bool transposed;
  int64_t stride;
  bool bfloat16 = false;
};

/**
 * c[b] = a[b] b[b] + beta c[b], row-major: a [M, K] (or [K, M], transposed), b [K, N] (or [N, K]), c [M, N] in float32.
 * Sizes above 0; a and b of the same type.
 */
int gemm(const char* op, Operand a, Operand b, int64_t B, int64_t M, int64_t N, int64_t K, float beta, float* c);

}  // namespace inseq
