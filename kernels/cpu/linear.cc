// Linear layers and matrix products (src/ops/linear.ts).
//
//   y = φ(x W + b)         x [M, I], W [I, O] (or [O, I] transposed), b [O]; φ an activation, or none
//   dx = dy Wᵀ             the same product with W the other way round and nothing after it
//   c[b] = a[b] b[b]
//
// A frozen W is packed once, for x W; a product with Wᵀ turns the panels around, a block at a time, when it uses them. The
// packed copies live in a table of handles, so that a handle used after its release is an error message. Rows of x that are
// all zero (a cotangent after its target's position) need no product. Bias and activation are the product's epilogue
// (gemm.h): a piece of y is finished before it leaves the first-level cache.

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "activation.h"
#include "bfloat16.h"
#include "gemm.h"
#include "status.h"
#include "threads.h"
#include "tiles.h"

namespace inseq {
namespace {

struct Packed {
  int64_t I, O;
  Scratch panels;

  /** W, or Wᵀ, for a product of so many rows. */
  Columns columns(bool transposed, int64_t rows) {
    const float* w = panels.get(0);
    Columns b = transposed ? Columns{nullptr, w} : Columns{w};
    // Found once, by the first product that asks.
    const int64_t K = transposed ? O : I, N = transposed ? I : O;
    if (asksCrest(rows, K)) {
      std::call_once(asked[transposed], [&] { crest[transposed] = crestOf(b, K, N); });
      b.crest = crest[transposed];
    }
    return b;
  }

 private:
  std::once_flag asked[2];
  float crest[2];
};

std::mutex tableLock;
std::map<int64_t, std::shared_ptr<Packed>> table;
int64_t lastHandle = 0;
int64_t packedBytes = 0;

std::shared_ptr<Packed> find(int64_t handle) {
  std::lock_guard<std::mutex> lock(tableLock);
  const auto found = table.find(handle);
  return found == table.end() ? nullptr : found->second;
}

int64_t bytesOf(const Packed& packed) {
  return packedSize(packed.I, packed.O) * static_cast<int64_t>(sizeof(float));
}

bool isZero(const float* x, int64_t n) {
  int64_t i = 0;
  for (; i + W <= n; i += W) {
    const VI set = bits(load(x + i)) & 0x7fffffff;
    int32_t any = 0;
    for (int lane = 0; lane < W; lane++) any |= set[lane];
    if (any != 0) return false;
  }
  for (; i < n; i++)
    if (!(x[i] == 0.0f)) return false;
  return true;
}

/** The rows of x that hold anything but zeros; the others of c are filled and finished here. */
std::vector<int64_t> rowsToDo(const float* x, const Epilogue& epilogue, int64_t M, int64_t I, int64_t O, float* c) {
  std::vector<char> zero(static_cast<size_t>(M));
  parallelRanges(M, std::max<int64_t>(1, 65536 / std::max<int64_t>(I, 1)), [&](int64_t from, int64_t to) {
    for (int64_t m = from; m < to; m++) {
      zero[m] = isZero(x + m * I, I);
      if (!zero[m]) continue;
      float* row = c + m * O;
      if (epilogue.bias) {
        std::copy_n(epilogue.bias, O, row);
      } else {
        std::fill_n(row, O, 0.0f);
      }
      epilogue.finish(&row, 1, O);
    }
  });
  std::vector<int64_t> rows;
  for (int64_t m = 0; m < M; m++)
    if (!zero[m]) rows.push_back(m);
  return rows;
}

/** Where a layer's sums are made: where they are to stay. And what becomes of them. */
struct Ending {
  float* sums;
  Epilogue epilogue;

  Ending(const float* bias, int32_t activation, float* before, float* y) : sums(before ? before : y) {
    const bool isPlain = activation == INSEQ_LINEAR && !before;
    epilogue = {bias, isPlain ? nullptr : activationFunction(activation), y - sums};
  }
};

/** Whether x [M, K] and y [M, N] are there, and an ending can be made. */
int checkRows(const char* op, const float* x, int64_t M, int64_t K, int64_t N, int32_t activation, const float* before,
              const float* y) {
  CHECK(isActivation(activation), "%s: expected a known activation, received %d", op, activation);
  CHECK(x != nullptr || M * K == 0, "%s: expected x [%lld, %lld], received none", op, (long long)M, (long long)K);
  CHECK(y != nullptr || M * N == 0, "%s: expected y [%lld, %lld], received none", op, (long long)M, (long long)N);
  CHECK(before == nullptr || before != y, "%s: expected room for what comes before the activation, received that of y", op);
  return INSEQ_OK;
}

/** c = x W and its epilogue; with `skipZeroRows` without the rows of x that are all zero. x is [M, K], c [M, N]. */
void multiplyRows(const float* x, const Columns& w, const Epilogue& epilogue, int64_t M, int64_t K, int64_t N,
                  bool skipZeroRows, float* c) {
  const Arithmetic arithmetic = roundsProducts() ? Arithmetic::ROUNDED : Arithmetic::TAKEN_APART;
  if (!skipZeroRows) return multiplyLarge(rowMajor(x, K), nullptr, w, epilogue, M, N, K, c, arithmetic);
  const std::vector<int64_t> rows = rowsToDo(x, epilogue, M, K, N, c);
  const int64_t some = static_cast<int64_t>(rows.size());
  multiplyLarge(rowMajor(x, K), some == M ? nullptr : rows.data(), w, epilogue, some, N, K, c, arithmetic);
}

}  // namespace
}  // namespace inseq

extern "C" {

int inseq_linear(const float* x, const float* kernel, int64_t packed, const float* bias, int64_t M, int64_t I,
                 int64_t O, int32_t transpose_kernel, int32_t skip_zero_rows, int32_t activation, float* before,
                 float* y) {
  using namespace inseq;
  CHECK(M >= 0 && I >= 0 && O >= 0, "linear: expected sizes that are not negative, received M=%lld, I=%lld, O=%lld",
        (long long)M, (long long)I, (long long)O);
  CHECK(packed != 0 || kernel != nullptr || I * O == 0, "linear: expected a kernel [I=%lld, O=%lld], received none",
        (long long)I, (long long)O);
  std::shared_ptr<Packed> found;
  if (packed != 0) {
    found = find(packed);
    CHECK(found, "linear: expected a packed kernel, received the handle %lld, which was released or never made",
          (long long)packed);
    const int64_t rows = transpose_kernel ? O : I, columns = transpose_kernel ? I : O;
    CHECK(found->I == rows && found->O == columns, "linear: expected a packed kernel [%lld, %lld], received [%lld, %lld]",
          (long long)rows, (long long)columns, (long long)found->I, (long long)found->O);
  }
  if (const int status = checkRows("linear", x, M, I, O, activation, before, y)) return status;
  return guarded("linear", [&] {
    const View view = transpose_kernel ? transposed(kernel, I) : rowMajor(kernel, O);
    const Columns w = found ? found->columns(transpose_kernel, M) : Columns{nullptr, nullptr, view};
    const Ending ending(bias, activation, before, y);
    multiplyRows(x, w, ending.epilogue, M, I, O, skip_zero_rows, ending.sums);
  });
}

int inseq_compact_linear(const float* x, const int32_t* words, const float* scales, int32_t format, const float* bias,
                         int64_t M, int64_t I, int64_t O, int32_t transpose_kernel, int32_t skip_zero_rows,
                         int32_t activation, float* before, float* y) {
  using namespace inseq;
  CHECK(M >= 0 && I >= 0 && O >= 0 && isCompactFormat(format),
        "compactLinear: expected sizes that are not negative and a known format, received M=%lld, I=%lld, O=%lld, %d",
        (long long)M, (long long)I, (long long)O, format);
  const int64_t K = transpose_kernel ? O : I, N = transpose_kernel ? I : O;
  if (const int status = checkRows("compactLinear", x, M, K, N, activation, before, y)) return status;
  return guarded("compactLinear", [&] {
    const Compact matrix{reinterpret_cast<const uint8_t*>(words), scales, format, I, O};
    const Columns w{nullptr, nullptr, {}, &matrix, transpose_kernel != 0};
    const Ending ending(bias, activation, before, y);
    multiplyRows(x, w, ending.epilogue, M, K, N, skip_zero_rows, ending.sums);
  });
}

int inseq_pack(const float* kernel, int64_t I, int64_t O, int64_t* handle) {
  using namespace inseq;
  CHECK(I > 0 && O > 0, "pack: expected sizes above zero, received I=%lld, O=%lld", (long long)I, (long long)O);
  return guarded("pack", [&] {
    auto made = std::make_shared<Packed>();
    made->I = I;
    made->O = O;
    float* panels = made->panels.get(packedSize(I, O));
    const View w = rowMajor(kernel, O);
    parallelRanges(panelCount(O), 1, [&](int64_t from, int64_t to) { packPanels(w, I, O, from, to, panels); });
    std::lock_guard<std::mutex> lock(tableLock);
    packedBytes += bytesOf(*made);
    table[++lastHandle] = made;
    *handle = lastHandle;
  });
}

int inseq_read_packed(int64_t handle, int64_t I, int64_t O, float* kernel) {
  using namespace inseq;
  const std::shared_ptr<Packed> found = find(handle);
  CHECK(found && found->I == I && found->O == O,
        "readPacked: expected a packed kernel [%lld, %lld], received the handle %lld, which is none", (long long)I,
        (long long)O, (long long)handle);
  return guarded("readPacked", [&] { readPanels(found->panels.get(0), I, O, kernel); });
}

int inseq_unpack(int64_t handle) {
  using namespace inseq;
  std::lock_guard<std::mutex> lock(tableLock);
  const auto found = table.find(handle);
  CHECK(found != table.end(), "unpack: expected a packed kernel, received the handle %lld, which is none",
        (long long)handle);
  packedBytes -= bytesOf(*found->second);
  table.erase(found);
  return INSEQ_OK;
}

int64_t inseq_tile_products(void) { return inseq::tileProducts(); }

int64_t inseq_digit_products(void) { return inseq::digitProducts(); }

int64_t inseq_packed_bytes(void) {
  std::lock_guard<std::mutex> lock(inseq::tableLock);
  return inseq::packedBytes;
}

int inseq_matmul(const float* a, const float* b, int64_t B, int64_t M, int64_t N, int64_t K, int64_t a_batch_stride,
                 int64_t b_batch_stride, int32_t transpose_a, int32_t transpose_b, float* c) {
  using namespace inseq;
  CHECK(B >= 0 && M >= 0 && N >= 0 && K >= 0,
        "matmul: expected sizes that are not negative, received B=%lld, M=%lld, N=%lld, K=%lld", (long long)B,
        (long long)M, (long long)N, (long long)K);
  return guarded("matmul", [&] {
    const auto left = [&](int64_t i) {
      const float* data = a + i * a_batch_stride;
      return transpose_a ? transposed(data, M) : rowMajor(data, K);
    };
    const auto right = [&](int64_t i) {
      const float* data = b + i * b_batch_stride;
      return transpose_b ? transposed(data, K) : rowMajor(data, N);
    };
    if (B < threadCount()) {
      for (int64_t i = 0; i < B; i++) {
        multiplyLarge(left(i), nullptr, {nullptr, nullptr, right(i)}, {}, M, N, K, c + i * M * N);
      }
      return;
    }
    parallelRanges(B, std::max<int64_t>(1, (1 << 16) / std::max<int64_t>(1, M * N * K)), [&](int64_t from, int64_t to) {
      thread_local Scratch scratch;
      for (int64_t i = from; i < to; i++) {
        multiplySmall(left(i), right(i), M, N, K, c + i * M * N, N, false, scratch);
      }
    });
  });
}
}
