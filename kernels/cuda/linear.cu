// Linear layers and matrix products (src/ops/linear.ts), through cuBLAS:
//
//   y = φ(x W + b)         x [M, I], W [I, O] (or [O, I] transposed), b [O]; φ an activation, or none
//   dx = dy Wᵀ             the same product with W the other way round and nothing after it
//   c[b] = a[b] b[b]
//
// Without an activation the bias is put into y first and the product added to it; otherwise one kernel behind the product
// adds the bias and computes the activation. A device multiplies rows of zeros like any others: with
// finite weights they give what skip_zero_rows asks for. With the bfloat16 precision packed weights are kept in
// bfloat16, and what is multiplied by them is rounded to it; sums are float32.

#include <map>
#include <memory>
#include <mutex>

#include "activation.h"
#include "cublas.h"
#include "launch.h"

namespace inseq {
namespace {

/** A packed matrix is a copy: cuBLAS reads either direction from one layout. */
struct Packed {
  Scratch matrix;
  int64_t I, O;
  bool bfloat16;

  int64_t bytes() const { return I * O * (bfloat16 ? 2 : 4); }
};

/** Rounds to the nearest bfloat16, halves to the even one; NaN stays NaN. */
__global__ void narrowKernel(const float* x, int64_t size, uint16_t* y) {
  EACH(i, size) {
    const uint32_t bits = __float_as_uint(x[i]);
    y[i] = static_cast<uint16_t>(x[i] != x[i] ? bits >> 16 | 64 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16);
  }
}

/** bfloat16 numbers in scratch memory for half as many numbers of 4 bytes. */
uint16_t* halves(const Scratch& scratch) { return reinterpret_cast<uint16_t*>(scratch.floats()); }

int narrow(const char* op, const float* x, int64_t size, Scratch& to) {
  TRY(to.allocate(op, (size + 1) / 2));
  return launch(op, narrowKernel, blocksFor(size), THREADS, 0, x, size, halves(to));
}

std::mutex tableLock;
std::map<int64_t, std::unique_ptr<Packed>> table;
int64_t lastHandle = 0;

const Packed* find(int64_t handle) {
  std::lock_guard<std::mutex> lock(tableLock);
  const auto found = table.find(handle);
  return found == table.end() ? nullptr : found->second.get();
}

/** y = x W + beta y */
int multiply(const float* x, const float* kernel, bool transposed, bool bfloat16, int64_t M, int64_t I, int64_t O,
             float beta, float* y) {
  if (!bfloat16) return gemm("linear", {x, false, 0}, {kernel, transposed, 0}, 1, M, O, I, beta, y);
  Scratch narrowed;
  TRY(narrow("linear", x, M * I, narrowed));
  return gemm("linear", {halves(narrowed), false, 0, true}, {kernel, transposed, 0, true}, 1, M, O, I, beta, y);
}

int64_t addressOf(const void* memory) { return reinterpret_cast<int64_t>(memory); }

}  // namespace
}  // namespace inseq

using namespace inseq;

extern "C" {

int inseq_linear(const float* x, const float* kernel, int64_t packed, const float* bias, int64_t M, int64_t I,
                 int64_t O, int32_t transpose_kernel, int32_t, int32_t activation, float* before, float* y) {
  CHECK(M >= 0 && I >= 0 && O >= 0, "linear: expected sizes that are not negative, received M=%lld, I=%lld, O=%lld",
        (long long)M, (long long)I, (long long)O);
  CHECK(packed != 0 || kernel != nullptr || I * O == 0, "linear: expected a kernel [I=%lld, O=%lld], received none",
        (long long)I, (long long)O);
  CHECK(isActivation(activation), "linear: expected a known activation, received %d", activation);
  CHECK(before == nullptr || before != y, "linear: expected room for what comes before the activation, received that of y");
  const bool transposed = transpose_kernel != 0;
  const Packed* found = nullptr;
  if (packed != 0) {
    const int64_t rows = transposed ? O : I, columns = transposed ? I : O;
    found = find(packed);
    CHECK(found != nullptr,
          "linear: expected a packed kernel, received the handle %lld, which was released or never made",
          (long long)packed);
    CHECK(found->I == rows && found->O == columns,
          "linear: expected a packed kernel [%lld, %lld], received [%lld, %lld]", (long long)rows, (long long)columns,
          (long long)found->I, (long long)found->O);
    kernel = found->matrix.floats();
  }
  TENSOR("linear", x, M * I);
  if (found == nullptr) TENSOR("linear", kernel, I * O);
  if (bias != nullptr) TENSOR("linear", bias, O);
  if (before != nullptr) TENSOR("linear", before, M * O);
  TENSOR("linear", y, M * O);
  if (M * O == 0) return INSEQ_OK;
  const bool bfloat16 = found != nullptr && found->bfloat16;
  if (activation == INSEQ_LINEAR && before == nullptr) {
    if (bias != nullptr) TRY(inseq_repeat(bias, 1, M, O, y));
    if (I == 0) return bias != nullptr ? INSEQ_OK : inseq_fill(y, M * O, 0.0f);
    return multiply(x, kernel, transposed, bfloat16, M, I, O, bias != nullptr ? 1.0f : 0.0f, y);
  }
  float* sums = before != nullptr ? before : y;
  TRY(I == 0 ? inseq_fill(sums, M * O, 0.0f) : multiply(x, kernel, transposed, bfloat16, M, I, O, 0.0f, sums));
  return finishRows("linear", sums, bias, M, O, activation, y);
}

int inseq_pack(const float* kernel, int64_t I, int64_t O, int64_t* handle) {
  CHECK(I > 0 && O > 0, "pack: expected sizes above zero, received I=%lld, O=%lld", (long long)I, (long long)O);
  TENSOR("pack", kernel, I * O);
  return guarded("pack", [&] {
    auto made = std::make_unique<Packed>();
    made->I = I;
    made->O = O;
    made->bfloat16 = precision() == INSEQ_BFLOAT16_PRECISION;
    if (made->bfloat16) {
      TRY(narrow("pack", kernel, I * O, made->matrix));
    } else {
      TRY(made->matrix.allocate("pack", I * O));
      TRY(inseq_copy(addressOf(kernel), addressOf(made->matrix.floats()), made->bytes()));
    }
    std::lock_guard<std::mutex> lock(tableLock);
    table[++lastHandle] = std::move(made);
    *handle = lastHandle;
    return int{INSEQ_OK};
  });
}

int inseq_read_packed(int64_t handle, int64_t I, int64_t O, float* kernel) {
  const Packed* found = find(handle);
  CHECK(found != nullptr && found->I == I && found->O == O,
        "readPacked: expected a packed kernel [%lld, %lld], received the handle %lld, which is none", (long long)I,
        (long long)O, (long long)handle);
  TENSOR("readPacked", kernel, I * O);
  if (found->bfloat16) return inseq_widen(halves(found->matrix), INSEQ_BFLOAT16, I * O, kernel);
  return inseq_copy(addressOf(found->matrix.floats()), addressOf(kernel), found->bytes());
}

int inseq_unpack(int64_t handle) {
  std::lock_guard<std::mutex> lock(tableLock);
  CHECK(table.erase(handle) == 1, "unpack: expected a packed kernel, received the handle %lld, which is none",
        (long long)handle);
  return INSEQ_OK;
}

// A device has other units for matrices, which cuBLAS chooses.
int64_t inseq_tile_products(void) { return 0; }
int64_t inseq_digit_products(void) { return 0; }

int64_t inseq_packed_bytes(void) {
  std::lock_guard<std::mutex> lock(tableLock);
  int64_t bytes = 0;
  for (const auto& [handle, packed] : table) bytes += packed->bytes();
  return bytes;
}

int inseq_matmul(const float* a, const float* b, int64_t B, int64_t M, int64_t N, int64_t K, int64_t a_batch_stride,
                 int64_t b_batch_stride, int32_t transpose_a, int32_t transpose_b, float* c) {
  CHECK(
      B >= 0 && M >= 0 && N >= 0 && K >= 0 && a_batch_stride >= 0 && b_batch_stride >= 0,
      "matmul: expected sizes and strides that are not negative, received B=%lld, M=%lld, N=%lld, K=%lld, strides %lld "
      "and %lld",
      (long long)B, (long long)M, (long long)N, (long long)K, (long long)a_batch_stride, (long long)b_batch_stride);
  const bool none = B * M * N * K == 0;
  TENSOR("matmul", a, none ? 0 : (B - 1) * a_batch_stride + M * K);
  TENSOR("matmul", b, none ? 0 : (B - 1) * b_batch_stride + K * N);
  TENSOR("matmul", c, B * M * N);
  if (B * M * N == 0) return INSEQ_OK;
  if (K == 0) return inseq_fill(c, B * M * N, 0.0f);
  return gemm("matmul", {a, transpose_a != 0, a_batch_stride}, {b, transpose_b != 0, b_batch_stride}, B, M, N, K, 0.0f,
              c);
}
}
