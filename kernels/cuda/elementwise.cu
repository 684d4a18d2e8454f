// y = a + b, a − b, a · b, a / b, … with broadcasting: an operand has stride 0 along an axis that it shares.
//
// A thread makes four neighbours of y where the inner axis allows it, each operand either contiguous or shared along
// it, and one number otherwise. All of it is bound by memory: an operand that is shared comes from the caches.

#include "axes.h"
#include "launch.h"

namespace inseq {
namespace {

struct Add {
  static __device__ float of(float a, float b) { return a + b; }
};
struct Sub {
  static __device__ float of(float a, float b) { return a - b; }
};
struct Mul {
  static __device__ float of(float a, float b) { return a * b; }
};
struct Div {
  static __device__ float of(float a, float b) { return a / b; }
};
/** NaN wins. */
struct Maximum {
  static __device__ float of(float a, float b) { return a > b || a != a ? a : b; }
};
struct Minimum {
  static __device__ float of(float a, float b) { return a < b || a != a ? a : b; }
};
struct Pow {
  static __device__ float of(float a, float b) { return powf(a, b); }
};
struct SquaredDifference {
  static __device__ float of(float a, float b) { return (a - b) * (a - b); }
};

/** WIDTH neighbours of an operand, or the one number that they share. */
template <int WIDTH>
__device__ __forceinline__ Vector<WIDTH> read(const float* x, int64_t offset, int64_t stride) {
  if (WIDTH > 1 && stride == 1) return load<WIDTH>(x + offset);
  Vector<WIDTH> v;
  for (int i = 0; i < WIDTH; i++) v.at[i] = x[offset];
  return v;
}

/** Where group i of WIDTH neighbours lies in each operand. */
template <int WIDTH, int OPERANDS>
__device__ __forceinline__ void locate(const Axes<OPERANDS>& axes, int64_t group, int64_t (&offset)[OPERANDS]) {
  int64_t rest = group * WIDTH;
  for (int o = 0; o < OPERANDS; o++) offset[o] = 0;
  for (int axis = axes.rank - 1; axis > 0; axis--) {
    const Division at = divide(rest, axes.size[axis]);
    rest = at.quotient;
    for (int o = 0; o < OPERANDS; o++) offset[o] += at.rest * axes.stride[o][axis];
  }
  for (int o = 0; o < OPERANDS; o++) offset[o] += rest * axes.stride[o][0];
}

template <int WIDTH, typename Op>
__global__ void binaryKernel(const float* a, const float* b, const __grid_constant__ Axes<2> axes, int64_t groups,
                             float* y) {
  EACH(i, groups) {
    int64_t offset[2];
    locate<WIDTH>(axes, i, offset);
    const Vector<WIDTH> left = read<WIDTH>(a, offset[0], axes.stride[0][axes.rank - 1]);
    const Vector<WIDTH> right = read<WIDTH>(b, offset[1], axes.stride[1][axes.rank - 1]);
    Vector<WIDTH> result;
    for (int k = 0; k < WIDTH; k++) result.at[k] = Op::of(left.at[k], right.at[k]);
    store<WIDTH>(y + i * WIDTH, result);
  }
}

/** Whether four neighbours of y are four neighbours, or one number, in every operand. */
template <int OPERANDS>
bool fourAtATime(const Axes<OPERANDS>& axes) {
  if (axes.inner() % 4 != 0) return false;
  for (int o = 0; o < OPERANDS; o++) {
    const int64_t inner = axes.innerStride(o);
    if (inner != 0 && inner != 1) return false;
    for (int i = 0; i < axes.rank - 1 && inner == 1; i++)
      if (axes.stride[o][i] % 4 != 0) return false;
  }
  return true;
}

template <typename Op>
int binary(const float* a, const float* b, const Axes<2>& axes, float* y) {
  const int64_t numbers = axes.numbers();
  if (fourAtATime(axes) && aligned(a, b, y)) {
    return launch("binary", binaryKernel<4, Op>, blocksFor(numbers / 4), THREADS, 0, a, b, axes, numbers / 4, y);
  }
  return launch("binary", binaryKernel<1, Op>, blocksFor(numbers), THREADS, 0, a, b, axes, numbers, y);
}

}  // namespace
}  // namespace inseq

extern "C" int inseq_binary(const float* a, const float* b, int32_t operation, int64_t rank, const int64_t* sizes,
                            const int64_t* a_strides, const int64_t* b_strides, float* y) {
  using namespace inseq;
  CHECK(rank >= 0 && rank <= MAX_RANK, "binary: expected a rank of at most %d, received %lld", MAX_RANK,
        (long long)rank);
  CHECK(operation >= INSEQ_ADD && operation <= INSEQ_SQUARED_DIFFERENCE,
        "binary: expected a known operation, received %d", operation);
  int64_t numbers = 1;
  for (int64_t i = 0; i < rank; i++) {
    CHECK(sizes[i] >= 0 && a_strides[i] >= 0 && b_strides[i] >= 0,
          "binary: expected sizes and strides that are not negative, received %lld, %lld and %lld along axis %lld",
          (long long)sizes[i], (long long)a_strides[i], (long long)b_strides[i], (long long)i);
    numbers *= sizes[i];
  }
  TENSOR("binary", a, reach(rank, sizes, a_strides));
  TENSOR("binary", b, reach(rank, sizes, b_strides));
  TENSOR("binary", y, numbers);
  if (numbers == 0) return INSEQ_OK;
  const int64_t* const strides[] = {a_strides, b_strides};
  const Axes<2> axes = merged(rank, sizes, strides);
  switch (operation) {
    case INSEQ_ADD: return binary<Add>(a, b, axes, y);
    case INSEQ_SUB: return binary<Sub>(a, b, axes, y);
    case INSEQ_MUL: return binary<Mul>(a, b, axes, y);
    case INSEQ_DIV: return binary<Div>(a, b, axes, y);
    case INSEQ_MAXIMUM: return binary<Maximum>(a, b, axes, y);
    case INSEQ_MINIMUM: return binary<Minimum>(a, b, axes, y);
    case INSEQ_POW: return binary<Pow>(a, b, axes, y);
    default: return binary<SquaredDifference>(a, b, axes, y);
  }
}
