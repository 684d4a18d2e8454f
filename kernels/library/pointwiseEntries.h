// The C functions of pointwise.h, with their checks: included by each implementation behind its `forEach` and `holds`.
//
//   int holds(const char* op, const char* name, const void* numbers, int64_t count);
//
// gives INSEQ_OK where `count` words may be read or written at `numbers`; the CPU cannot know and says so always.

#pragma once

#include "pointwise.h"

/** Returns from the C function if a pointer does not hold so many numbers of four bytes. */
#define HOLDS(op, numbers, count)                                                             \
  do {                                                                                        \
    const int held = inseq::holds(op, #numbers, numbers, count);                              \
    if (held != INSEQ_OK) return held;                                                        \
  } while (0)

namespace inseq {

/** The largest place of a walk, plus one; strides are not negative here. */
inline int64_t reachOf(int64_t rank, const int64_t* sizes, const int64_t* strides) {
  int64_t last = 0;
  for (int64_t axis = 0; axis < rank; axis++) last += (sizes[axis] - 1) * strides[axis];
  return last + 1;
}

/** Checks and runs y[i] = at(a, b) with broadcasting. */
template <typename T, typename At>
int forPairs(const char* op, At at, int64_t rank, const int64_t* sizes, const int64_t* a_strides,
             const int64_t* b_strides) {
  const int checked = checkAxes(op, rank, sizes);
  if (checked != INSEQ_OK) return checked;
  for (int64_t axis = 0; axis < rank; axis++) {
    CHECK(a_strides[axis] >= 0 && b_strides[axis] >= 0,
          "%s: expected strides that are not negative, received %lld and %lld along axis %lld", op,
          (long long)a_strides[axis], (long long)b_strides[axis], (long long)axis);
  }
  const int64_t n = placesOf(rank, sizes, a_strides, b_strides, at.places);
  if (n == 0) return INSEQ_OK;
  const T *a = at.a, *b = at.b;
  int32_t* y = at.y;
  HOLDS(op, a, reachOf(rank, sizes, a_strides));
  HOLDS(op, b, reachOf(rank, sizes, b_strides));
  HOLDS(op, y, n);
  return forEach(op, n, at);
}

}  // namespace inseq

extern "C" {

int inseq_unary(const float* x, int64_t size, int32_t operation, float* y) {
  using namespace inseq;
  CHECK(size >= 0, "unary: expected a size that is not negative, received %lld", (long long)size);
  CHECK(operation >= INSEQ_NEG && operation <= INSEQ_ERROR_FUNCTION, "unary: expected a known operation, received %d",
        operation);
  HOLDS("unary", x, size);
  HOLDS("unary", y, size);
  return forEach("unary", size, UnaryAt{x, operation, y});
}

int inseq_to_float(const int32_t* x, int64_t size, float* y) {
  using namespace inseq;
  CHECK(size >= 0, "to_float: expected a size that is not negative, received %lld", (long long)size);
  HOLDS("to_float", x, size);
  HOLDS("to_float", y, size);
  return forEach("to_float", size, ToFloat{x, y});
}

int inseq_to_integer(const float* x, int64_t size, int32_t truth, int32_t* y) {
  using namespace inseq;
  CHECK(size >= 0, "to_integer: expected a size that is not negative, received %lld", (long long)size);
  HOLDS("to_integer", x, size);
  HOLDS("to_integer", y, size);
  return forEach("to_integer", size, ToInteger{x, truth, y});
}

int inseq_compare(const float* a, const float* b, int32_t comparison, int64_t rank, const int64_t* sizes,
                  const int64_t* a_strides, const int64_t* b_strides, int32_t* y) {
  using namespace inseq;
  CHECK(comparison >= INSEQ_EQUAL && comparison <= INSEQ_GREATER_EQUAL,
        "compare: expected a known comparison, received %d", comparison);
  return forPairs<float>("compare", CompareAt<float>{a, b, comparison, {}, y}, rank, sizes, a_strides, b_strides);
}

int inseq_compare_int32(const int32_t* a, const int32_t* b, int32_t comparison, int64_t rank, const int64_t* sizes,
                        const int64_t* a_strides, const int64_t* b_strides, int32_t* y) {
  using namespace inseq;
  CHECK(comparison >= INSEQ_EQUAL && comparison <= INSEQ_GREATER_EQUAL,
        "compare_int32: expected a known comparison, received %d", comparison);
  return forPairs<int32_t>("compare_int32", CompareAt<int32_t>{a, b, comparison, {}, y}, rank, sizes, a_strides,
                           b_strides);
}

int inseq_binary_int32(const int32_t* a, const int32_t* b, int32_t operation, int64_t rank, const int64_t* sizes,
                       const int64_t* a_strides, const int64_t* b_strides, int32_t* y) {
  using namespace inseq;
  CHECK(operation >= INSEQ_ADD && operation <= INSEQ_MINIMUM && operation != INSEQ_DIV,
        "binary_int32: expected add, sub, mul, maximum or minimum, received %d", operation);
  return forPairs<int32_t>("binary_int32", IntegerAt{a, b, operation, {}, y}, rank, sizes, a_strides, b_strides);
}

int inseq_where(const int32_t* condition, const uint32_t* a, const uint32_t* b, int64_t size, int64_t inner,
                uint32_t* y) {
  using namespace inseq;
  CHECK(size >= 0 && inner > 0, "where: expected a size of whole rows, received size=%lld, inner=%lld",
        (long long)size, (long long)inner);
  HOLDS("where", condition, (size + inner - 1) / inner);
  HOLDS("where", a, size);
  HOLDS("where", b, size);
  HOLDS("where", y, size);
  return forEach("where", size, WhereAt{condition, a, b, inner, y});
}

int inseq_strided_copy(const uint32_t* x, int64_t rank, const int64_t* sizes, const int64_t* x_strides,
                       const int64_t* y_strides, uint32_t* y) {
  using namespace inseq;
  const int checked = checkAxes("strided_copy", rank, sizes);
  if (checked != INSEQ_OK) return checked;
  StridedCopyAt at{x, {}, y};
  const int64_t n = placesOf(rank, sizes, x_strides, y_strides, at.places);
  if (n == 0) return INSEQ_OK;
  // A walk backwards begins behind its smallest place.
  int64_t back[2] = {0, 0}, ahead[2] = {1, 1};
  for (int64_t axis = 0; axis < rank; axis++) {
    const int64_t steps[2] = {(sizes[axis] - 1) * x_strides[axis], (sizes[axis] - 1) * y_strides[axis]};
    for (int k = 0; k < 2; k++) (steps[k] < 0 ? back : ahead)[k] += steps[k];
  }
  HOLDS("strided_copy", x + back[0], ahead[0] - back[0]);
  HOLDS("strided_copy", y + back[1], ahead[1] - back[1]);
  return forEach("strided_copy", n, at);
}

int inseq_cumsum(const float* x, int64_t outer, int64_t N, int64_t inner, int32_t exclusive, int32_t reverse,
                 float* y) {
  using namespace inseq;
  CHECK(outer >= 0 && N >= 0 && inner >= 0, "cumsum: expected sizes that are not negative, received %lld, %lld, %lld",
        (long long)outer, (long long)N, (long long)inner);
  HOLDS("cumsum", x, outer * N * inner);
  HOLDS("cumsum", y, outer * N * inner);
  return forEach("cumsum", outer * inner, CumsumAt{x, N, inner, exclusive != 0, reverse != 0, y});
}
}
