// What follows a linear layer: y = φ(x W + b) in one call has the bits of the layer and its activation in two, and so has what
// comes before the activation, for every way to multiply.

#include "cases.h"
#include "support.h"

namespace {

bool sameBits(const Floats& a, const Floats& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

/** cuBLAS adds the bias inside its product where no activation follows, so that a GPU may round it otherwise. */
void expectSame(const std::string& name, const Floats& actual, const Floats& expected) {
  if (onGpu()) return expectClose(name, actual, Doubles(expected.begin(), expected.end()), 2e-6, 1);
  comparisons++;
  if (!sameBits(actual, expected)) report(name, "other bits than in two calls");
}

void testFused(int64_t M, int64_t I, int64_t O, int32_t activation, int flags) {
  const bool transposed = flags & 1, withBias = flags & 2, skip = flags & 4, pack = (flags & 8) && I > 0;
  const std::string name = sizes("linear and activation", {M, I, O, activation, flags});
  Floats x = random(M * I);
  const Floats w = random(I * O), bias = random(O);
  // A number that tiles do not hold, and rows of zeros.
  if (I > 1 && M > 40) x[17 * I + 1] = 1e30f;
  if (skip) std::fill(x.begin() + M / 2 * I, x.end(), 0.0f);
  int64_t handle = 0;
  if (pack) expectOk(name, inseq_pack(on(w), transposed ? O : I, transposed ? I : O, &handle));
  const auto linear = [&](int32_t phi, float* before, float* y) {
    return inseq_linear(on(x), on(w, !pack), handle, on(bias, withBias), M, I, O, transposed, skip, phi, before, y);
  };
  const Floats z = once(name, M * O, [&](float* y) { return linear(INSEQ_LINEAR, nullptr, y); });
  const Floats expected = once(name, M * O, [&](float* y) { return inseq_activation(on(z), M * O, activation, y); });
  const Floats y = withThreads(name, M * O, [&](float* out) { return linear(activation, nullptr, out); });
  const Floats both = withThreads(name, 2 * M * O, [&](float* out) { return linear(activation, out, out + M * O); });
  expectSame(name, y, expected);
  expectSame(name + ", before", Floats(both.begin(), both.begin() + M * O), z);
  expectSame(name + ", after it", Floats(both.begin() + M * O, both.end()), expected);
  if (pack) expectOk(name, inseq_unpack(handle));
}

void testAll() {
  // One number; several blocks of K and panels; rows enough for tiles; no numbers to sum.
  const int64_t sizesMIO[][3] = {{1, 1, 1}, {17, 33, 65}, {5, 1601, 32}, {FEW + 20, 70, 33}, {3, 0, 7}};
  for (const auto& size : sizesMIO) {
    for (int32_t activation = INSEQ_LINEAR; activation <= INSEQ_RELU_SQUARED; activation++)
      for (int flags = activation; flags < 16; flags += 5) testFused(size[0], size[1], size[2], activation, flags);
  }
}

}  // namespace

void testEpilogue() {
  testAll();
  expectOk("high", inseq_set_precision(INSEQ_HIGH_PRECISION));
  testFused(29, 1023, 31, INSEQ_GELU_NEW, 2);
  testFused(FEW + 20, 70, 65, INSEQ_GELU_NEW, 14);
  if (!onHost()) {
    expectOk("bfloat16", inseq_set_precision(INSEQ_BFLOAT16_PRECISION));
    testFused(29, 123, 32, INSEQ_GELU_NEW, 10);
  }
  expectOk("float32", inseq_set_precision(INSEQ_FLOAT32_PRECISION));

  const Floats x = random(6), w = random(6);
  const auto refuse = [&](const char* text, int32_t activation, bool keep) {
    once("linear and activation", 4, [&](float* y) {
      const auto status = inseq_linear(on(x), on(w), 0, nullptr, 2, 3, 2, 0, 0, activation, keep ? y : nullptr, y);
      expectError("linear and activation", status, text);
      return inseq_fill(y, 4, 0.0f);
    });
  };
  refuse("expected a known activation, received 9", INSEQ_RELU_SQUARED + 1, false);
  refuse("expected a known activation, received -1", -1, false);
  refuse("received that of y", INSEQ_GELU, true);
  expectError("linear without room", inseq_linear(on(x), on(w), 0, nullptr, 2, 3, 2, 0, 0, INSEQ_GELU, nullptr, nullptr), "expected y");
  expectError("linear of nothing", inseq_linear(nullptr, on(w), 0, nullptr, 2, 3, 2, 0, 0, INSEQ_GELU, nullptr, nullptr), "expected x");
}
