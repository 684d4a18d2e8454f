// TensorFlow.js's operations whose every number depends on few others: one definition for every implementation.
//
// What a result's number i is stands here as a function object, and so do the C functions with their checks. The file that
// includes this one (cpu/pointwise.cc, cuda/pointwise.cu) says how to run a function object for every i:
//
//   template <typename At> int forEach(const char* op, int64_t n, At at);
//
// A word is a number of four bytes of any type, which is only moved.

#pragma once

#include <cmath>
#include <cstdint>

#include "status.h"

#ifdef __CUDACC__
#define INSEQ_EVERYWHERE __host__ __device__
#else
#define INSEQ_EVERYWHERE
#endif

namespace inseq {

constexpr int MAX_POINTWISE_RANK = 6;

/** Where number i of a dense tensor of these sizes lies in one or two others that have strides of their own. */
struct Places {
  int rank;
  int64_t sizes[MAX_POINTWISE_RANK], a[MAX_POINTWISE_RANK], b[MAX_POINTWISE_RANK];

  INSEQ_EVERYWHERE void of(int64_t i, int64_t& inA, int64_t& inB) const {
    inA = inB = 0;
    for (int axis = rank - 1; axis >= 0; axis--) {
      // A division of 64 bits takes a device a hundred instructions.
      const bool small = (i | sizes[axis]) >> 32 == 0;
      const int64_t before = small ? static_cast<uint32_t>(i) / static_cast<uint32_t>(sizes[axis]) : i / sizes[axis];
      const int64_t at = i - before * sizes[axis];
      i = before;
      inA += at * a[axis];
      inB += at * b[axis];
    }
  }
};

/** Copies the caller's arrays; returns how many numbers there are. */
inline int64_t placesOf(int64_t rank, const int64_t* sizes, const int64_t* a, const int64_t* b, Places& places) {
  places.rank = static_cast<int>(rank);
  int64_t total = 1;
  for (int64_t axis = 0; axis < rank; axis++) {
    places.sizes[axis] = sizes[axis];
    places.a[axis] = a[axis];
    places.b[axis] = b[axis];
    total *= sizes[axis];
  }
  return total;
}

INSEQ_EVERYWHERE inline float unaryOf(int32_t operation, float x) {
  switch (operation) {
    case INSEQ_NEG: return -x;
    case INSEQ_ABS: return fabsf(x);
    case INSEQ_SIGN: return x > 0 ? 1.0f : x < 0 ? -1.0f : 0.0f;
    case INSEQ_STEP: return x != x ? x : x > 0 ? 1.0f : 0.0f;
    case INSEQ_FLOOR: return floorf(x);
    case INSEQ_CEIL: return ceilf(x);
    case INSEQ_ROUND: return rintf(x);
    case INSEQ_NATURAL_EXP: return expf(x);
    case INSEQ_EXPM1: return expm1f(x);
    case INSEQ_LOG: return logf(x);
    case INSEQ_LOG1P: return log1pf(x);
    case INSEQ_SQRT: return sqrtf(x);
    case INSEQ_RSQRT: return 1.0f / sqrtf(x);
    case INSEQ_SQUARE: return x * x;
    case INSEQ_RECIPROCAL: return 1.0f / x;
    case INSEQ_SIN: return sinf(x);
    case INSEQ_COS: return cosf(x);
    default: return erff(x);
  }
}

template <typename T>
INSEQ_EVERYWHERE int32_t compareOf(int32_t comparison, T a, T b) {
  switch (comparison) {
    case INSEQ_EQUAL: return a == b;
    case INSEQ_NOT_EQUAL: return a != b;
    case INSEQ_LESS: return a < b;
    case INSEQ_LESS_EQUAL: return a <= b;
    case INSEQ_GREATER: return a > b;
    default: return a >= b;
  }
}

/** Wraps around like JavaScript's int32 arithmetic. */
INSEQ_EVERYWHERE inline int32_t integerOf(int32_t operation, int32_t a, int32_t b) {
  switch (operation) {
    case INSEQ_ADD: return static_cast<int32_t>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b));
    case INSEQ_SUB: return static_cast<int32_t>(static_cast<uint32_t>(a) - static_cast<uint32_t>(b));
    case INSEQ_MUL: return static_cast<int32_t>(static_cast<uint32_t>(a) * static_cast<uint32_t>(b));
    case INSEQ_MAXIMUM: return a > b ? a : b;
    default: return a < b ? a : b;
  }
}

/** Towards zero; NaN gives 0, and what does not fit the nearest number that does. */
INSEQ_EVERYWHERE inline int32_t truncated(float x) {
  if (x != x) return 0;
  if (x >= 2147483648.0f) return INT32_MAX;
  return x < -2147483648.0f ? INT32_MIN : static_cast<int32_t>(x);
}

struct UnaryAt {
  const float* x;
  int32_t operation;
  float* y;
  INSEQ_EVERYWHERE void operator()(int64_t i) const { y[i] = unaryOf(operation, x[i]); }
};

template <typename T>
struct CompareAt {
  const T *a, *b;
  int32_t comparison;
  Places places;
  int32_t* y;
  INSEQ_EVERYWHERE void operator()(int64_t i) const {
    int64_t inA, inB;
    places.of(i, inA, inB);
    y[i] = compareOf(comparison, a[inA], b[inB]);
  }
};

struct IntegerAt {
  const int32_t *a, *b;
  int32_t operation;
  Places places;
  int32_t* y;
  INSEQ_EVERYWHERE void operator()(int64_t i) const {
    int64_t inA, inB;
    places.of(i, inA, inB);
    y[i] = integerOf(operation, a[inA], b[inB]);
  }
};

struct WhereAt {
  const int32_t* condition;
  const uint32_t *a, *b;
  int64_t inner;
  uint32_t* y;
  INSEQ_EVERYWHERE void operator()(int64_t i) const { y[i] = (condition[i / inner] != 0 ? a : b)[i]; }
};

struct ToFloat {
  const int32_t* x;
  float* y;
  INSEQ_EVERYWHERE void operator()(int64_t i) const { y[i] = static_cast<float>(x[i]); }
};
struct ToInteger {
  const float* x;
  int32_t truth;
  int32_t* y;
  INSEQ_EVERYWHERE void operator()(int64_t i) const { y[i] = truth != 0 ? x[i] != 0.0f : truncated(x[i]); }
};

struct StridedCopyAt {
  const uint32_t* x;
  Places places;
  uint32_t* y;
  INSEQ_EVERYWHERE void operator()(int64_t i) const {
    int64_t from, to;
    places.of(i, from, to);
    y[to] = x[from];
  }
};

/** One running sum over N numbers, `inner` apart. */
struct CumsumAt {
  const float* x;
  int64_t N, inner;
  bool exclusive, reverse;
  float* y;
  INSEQ_EVERYWHERE void operator()(int64_t row) const {
    const int64_t start = row / inner * N * inner + row % inner;
    float total = 0.0f;
    for (int64_t n = 0; n < N; n++) {
      const int64_t at = start + (reverse ? N - 1 - n : n) * inner;
      const float before = total;
      total += x[at];
      y[at] = exclusive ? before : total;
    }
  }
};

inline int checkAxes(const char* op, int64_t rank, const int64_t* sizes) {
  CHECK(rank >= 0 && rank <= MAX_POINTWISE_RANK, "%s: expected a rank of at most %d, received %lld", op,
        MAX_POINTWISE_RANK, (long long)rank);
  for (int64_t axis = 0; axis < rank; axis++) {
    CHECK(sizes[axis] >= 0, "%s: expected sizes that are not negative, received %lld along axis %lld", op,
          (long long)sizes[axis], (long long)axis);
  }
  return INSEQ_OK;
}

}  // namespace inseq
