// Every kernel against plain loops in double precision (attribution.cc has the rest). Letters and formulas as in the kernels and src/ops.

#include "cases.h"
#include "support.h"

namespace {

constexpr double LINEAR_TOLERANCE = 2e-6;  // sums of up to 1023 products in float32, relative to the largest result
constexpr double SMOOTH_TOLERANCE = 2e-6;

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double gelu(double x) { return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0))); }
double geluNew(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}
double phi(int kind, double x) {
  switch (kind) {
    case INSEQ_LINEAR: return x;
    case INSEQ_RELU: return x > 0 ? x : 0;
    case INSEQ_TANH: return std::tanh(x);
    case INSEQ_SIGMOID: return sigmoid(x);
    case INSEQ_SILU: return x * sigmoid(x);
    case INSEQ_QUICK_GELU: return x * sigmoid(1.702f * x);
    case INSEQ_GELU: return gelu(x);
    case INSEQ_RELU_SQUARED: return x > 0 ? x * x : 0;
    default: return geluNew(x);
  }
}
/** By central differences: in double precision good to 1e-9. */
double slope(int kind, double x) { return (phi(kind, x + 1e-5) - phi(kind, x - 1e-5)) / 2e-5; }

void testMatmul() {
  const int64_t sizesMNK[][3] = {{1, 1, 1},  {1, 17, 33},  {7, 5, 3},     {13, 33, 17},  {14, 32, 64},
                                 {15, 31, 1}, {29, 65, 97}, {43, 101, 1023}, {3, 1023, 17}, {0, 4, 4}, {4, 0, 4}, {4, 4, 0}};
  for (const auto& size : sizesMNK) {
    const int64_t M = size[0], N = size[1], K = size[2];
    for (int flags = 0; flags < 4; flags++) {
      for (int64_t B : {1, 3, 7}) {
        const bool ta = flags & 1, tb = flags & 2;
        const bool shared = B == 3;
        const Floats a = random(B * M * K), b = random((shared ? 1 : B) * K * N);
        const std::string name = sizes("matmul", {B, M, N, K, ta, tb});
        const Floats c = withThreads(name, B * M * N, [&](float* out) {
          return inseq_matmul(on(a), on(b), B, M, N, K, M * K, shared ? 0 : K * N, ta, tb, out);
        });
        Doubles expected(static_cast<size_t>(B * M * N));
        for (int64_t i = 0; i < B; i++)
          for (int64_t m = 0; m < M; m++)
            for (int64_t n = 0; n < N; n++) {
              double sum = 0;
              for (int64_t k = 0; k < K; k++) {
                const double left = a[i * M * K + (ta ? k * M + m : m * K + k)];
                const double right = b[(shared ? 0 : i * K * N) + (tb ? n * K + k : k * N + n)];
                sum += left * right;
              }
              expected[(i * M + m) * N + n] = sum;
            }
        expectClose(name, c, expected, LINEAR_TOLERANCE);
      }
    }
  }
}

/**
 * A product with so large a transpose that it is turned around in parts: each row has the bits that it has alone. Numbers are
 * too large for tiles.
 */
void testTurned() {
  const int64_t M = 337, I = 2051, O = 2069;
  Floats x = random(M * I);
  for (float& value : x) value *= 1e20f;
  const Floats w = random(I * O), bias = random(O);
  int64_t handle = 0;
  expectOk("turned", inseq_pack(on(w), O, I, &handle));
  const auto product = [&](int64_t from, int64_t rows) {
    return once("turned", rows * O, [&](float* out) {
      return inseq_linear(x.data() + from * I, nullptr, handle, bias.data(), rows, I, O, 1, 0, INSEQ_LINEAR, nullptr, out);
    });
  };
  const Floats y = product(0, M);
  for (const int64_t m : {int64_t{0}, M / 2, M - 1}) {
    comparisons++;
    const Floats row = product(m, 1);
    if (std::memcmp(y.data() + m * O, row.data(), row.size() * sizeof(float)) != 0) report("turned", "a row alone differs");
  }
  expectOk("turned", inseq_unpack(handle));
}

void testLinear() {
  const int64_t sizesMIO[][3] = {{1, 1, 1}, {1, 7, 33}, {8, 33, 17}, {17, 1023, 65}, {32, 1601, 31}, {61, 17, 129}, {701, 33, 65}};
  for (const auto& size : sizesMIO) {
    const int64_t M = size[0], I = size[1], O = size[2];
    for (int flags = 0; flags < 8; flags++) {
      const bool transposed = flags & 1, withBias = flags & 2, skip = flags & 4;
      Floats x = random(M * I);
      if (skip) std::fill(x.begin() + M / 2 * I, x.end(), 0.0f);
      const Floats w = random(I * O), bias = random(O);
      const std::string name = sizes("linear", {M, I, O, transposed, withBias, skip});
      const auto run = [&](int64_t packed) {
        return withThreads(name, M * O, [&](float* y) {
          return inseq_linear(on(x), on(w, packed == 0), packed, on(bias, withBias), M, I, O,
                              transposed, skip, INSEQ_LINEAR, nullptr, y);
        });
      };
      const Floats y = run(0);
      int64_t handle = 0;
      const int64_t packedRows = transposed ? O : I, columns = transposed ? I : O;
      expectOk(name, inseq_pack(on(w), packedRows, columns, &handle));
      const Floats packed = run(handle);
      if (std::memcmp(y.data(), packed.data(), y.size() * sizeof(float)) != 0) report(name, "packed gives other bits");
      // One row alone gives the same bits as among few, one of many as among nearly as many; cuBLAS does not promise that.
      const int64_t others = M <= FEW ? 1 : M - 1;
      const Floats rows = once(name, others * O, [&](float* out) {
        return inseq_linear(on(x), nullptr, handle, on(bias, withBias), others, I, O, transposed, skip, INSEQ_LINEAR, nullptr,
                            out);
      });
      if (!onGpu() && std::memcmp(y.data(), rows.data(), rows.size() * sizeof(float)) != 0)
        report(name, "a row among others differs");
      expectClose(name + " read back", withThreads(name + " read back", I * O, [&](float* out) {
                    return inseq_read_packed(handle, packedRows, columns, out);
                  }), Doubles(w.begin(), w.end()), 0);
      expectError(name, inseq_read_packed(handle, packedRows + 1, columns, nullptr), "which is none");
      expectError(name, inseq_linear(on(x), nullptr, handle, nullptr, M, I + 1, O, 0, 0, INSEQ_LINEAR, nullptr, nullptr), "expected a packed");
      expectOk(name, inseq_unpack(handle));
      expectError(name, inseq_linear(on(x), nullptr, handle, nullptr, M, I, O, 0, 0, INSEQ_LINEAR, nullptr, nullptr), "released");
      expectError(name, inseq_unpack(handle), "which is none");
      Doubles expected(static_cast<size_t>(M * O));
      for (int64_t m = 0; m < M; m++)
        for (int64_t o = 0; o < O; o++) {
          double sum = withBias ? bias[o] : 0;
          for (int64_t i = 0; i < I; i++) sum += double(x[m * I + i]) * w[transposed ? o * I + i : i * O + o];
          expected[m * O + o] = sum;
        }
      expectClose(name, y, expected, LINEAR_TOLERANCE);
    }
  }
  if (onHost()) testTurned();
  if (inseq_packed_bytes() != 0) report("pack", "bytes are left after all handles were released");
  float one = 1;
  int64_t handle = 0;
  expectError("linear", inseq_linear(&one, nullptr, 0, nullptr, 1, 1, 1, 0, 0, INSEQ_LINEAR, nullptr, &one), "expected a kernel");
  expectError("pack", inseq_pack(&one, 0, 1, &handle), "I=0");
}

/** Calls test(times, blocks per saved tensor) for plain and repeated activations. */
void withCopies(const std::function<void(int64_t)>& test) {
  for (int64_t times : {1, 3}) test(times);
}

void testNorms() {
  for (const bool rms : {false, true}) {
    for (const int64_t D : {1, 2, 17, 33, 768, 1023}) {
      withCopies([&](int64_t times) {
        const int64_t R = 6, rowsPerBlock = 3, block = rowsPerBlock * D;
        const float epsilon = 1e-5f;
        Floats x = random(R * D);
        for (float& v : x) v = v * 3 + 1;
        const Floats scale = random(D), bias = random(D), dy = random(R * times * D);
        const std::string name = sizes(rms ? "rmsNorm" : "layerNorm", {R, D, times});
        const Floats y = withThreads(name, R * D, [&](float* out) {
          return rms ? inseq_rms_norm(on(x), on(scale), R, D, epsilon, out)
                     : inseq_layer_norm(on(x), on(scale), on(bias), R, D, epsilon, out);
        });
        const Floats dx = withThreads(name + " backward", R * times * D, [&](float* out) {
          return rms ? inseq_rms_norm_backward(on(dy), on(x), on(scale), R, D, epsilon, times, block, out)
                     : inseq_layer_norm_backward(on(dy), on(x), on(scale), R, D, epsilon, times, block, out);
        });
        // One number is its own mean: it has no gradient, not even a rounding error's.
        if (!rms && D == 1 && onHost()) expectClose(name + " of one number", dx, Doubles(dx.size()), 0);
        Doubles expected(static_cast<size_t>(R * D)), gradient(static_cast<size_t>(R * times * D));
        for (int64_t r = 0; r < R; r++) {
          const float* row = &x[r * D];
          double mean = 0, square = 0;
          if (!rms)
            for (int64_t i = 0; i < D; i++) mean += row[i] / double(D);
          for (int64_t i = 0; i < D; i++) square += (row[i] - mean) * (row[i] - mean) / double(D);
          const double inverse = 1 / std::sqrt(square + epsilon);
          for (int64_t i = 0; i < D; i++) {
            expected[r * D + i] = (row[i] - mean) * inverse * scale[i] + (rms ? 0 : bias[i]);
          }
          for (int64_t j = 0; j < times; j++) {
            const int64_t at = (r / rowsPerBlock * times + j) * block + r % rowsPerBlock * D;
            double meanG = 0, meanGx = 0;
            for (int64_t i = 0; i < D; i++) {
              const double g = double(dy[at + i]) * scale[i];
              meanG += rms ? 0 : g / double(D);
              meanGx += g * (row[i] - mean) * inverse / double(D);
            }
            for (int64_t i = 0; i < D; i++) {
              const double g = double(dy[at + i]) * scale[i];
              gradient[at + i] = (g - meanG - (row[i] - mean) * inverse * meanGx) * inverse;
            }
          }
        }
        // A layer norm over one number divides a rounding error by √ε: its gradient is zero up to that.
        const double tolerance = D <= 2 ? 1e-3 : 5e-6;
        expectClose(name, y, expected, tolerance);
        expectClose(name + " backward", dx, gradient, tolerance);
      });
    }
  }
}

void testActivations() {
  for (int kind = INSEQ_LINEAR; kind <= INSEQ_RELU_SQUARED; kind++) {
    for (const int64_t block : {1, 17, 1023, 2500}) {
      withCopies([&](int64_t times) {
        const int64_t size = 2 * block;
        Floats x = random(size), up = random(size);
        for (float& v : x) v *= 6;
        const Floats dy = random(size * times);
        const std::string name = sizes("activation", {kind, size, times});
        const Floats y =
            withThreads(name, size, [&](float* out) { return inseq_activation(on(x), size, kind, out); });
        const Floats dx = withThreads(name + " backward", size * times, [&](float* out) {
          return inseq_activation_backward(on(dy), on(x), size, kind, times, block, out);
        });
        const Floats gated = withThreads(name + " gated", size, [&](float* out) {
          return inseq_gated_unit(on(x), on(up), size, kind, out);
        });
        const Floats both = withThreads(name + " gated backward", 2 * size * times, [&](float* out) {
          return inseq_gated_unit_backward(on(dy), on(x), on(up), size, kind, times, block, out,
                                           out + size * times);
        });
        Doubles value, product, gradient(static_cast<size_t>(size * times)), pair(static_cast<size_t>(2 * size * times));
        for (int64_t i = 0; i < size; i++) {
          value.push_back(phi(kind, x[i]));
          product.push_back(phi(kind, x[i]) * up[i]);
          for (int64_t j = 0; j < times; j++) {
            const int64_t at = (i / block * times + j) * block + i % block;
            gradient[at] = dy[at] * slope(kind, x[i]);
            pair[at] = dy[at] * slope(kind, x[i]) * up[i];
            pair[at + size * times] = dy[at] * phi(kind, x[i]);
          }
        }
        // Values such as x (1 + tanh) are exact to the last place of x, not of what is left of it far below zero.
        expectClose(name, y, value, SMOOTH_TOLERANCE, 1);
        expectClose(name + " gated", gated, product, SMOOTH_TOLERANCE, 1);
        // Slopes such as 1 − tanh² are exact to the last place of 1, not of the difference.
        expectClose(name + " backward", dx, gradient, SMOOTH_TOLERANCE, 0.1);
        expectClose(name + " gated backward", both, pair, SMOOTH_TOLERANCE, 0.1);
      });
    }
  }
  expectError("activation", inseq_activation(nullptr, 0, 99, nullptr), "99");
}

/** Error in units of the last place of the correctly rounded result. */
double ulps(float actual, double expected) {
  const float rounded = static_cast<float>(expected);
  const double unit = std::max(double(std::nextafter(std::fabs(rounded), INFINITY)) - std::fabs(rounded), 1e-44);
  return std::fabs(actual - expected) / unit;
}

void testFunctions() {
  struct Bound {
    const char* name;
    double (*exact)(double);
    float from, to;
    double ulp;
  };
  const Bound bounds[] = {{"exp", [](double x) { return std::exp(x); }, -87, 88.7f, 2},
                          {"tanh", [](double x) { return std::tanh(x); }, -10, 10, 3},
                          {"erf", [](double x) { return std::erf(x); }, -5, 5, 3}};
  for (int f = INSEQ_EXP; f <= INSEQ_ERF; f++) {
    const Bound& bound = bounds[f];
    Floats x;
    const int64_t count = 200003;
    for (int64_t i = 0; i < count; i++) x.push_back(bound.from + (bound.to - bound.from) * float(i) / float(count - 1));
    for (float small = 1e-30f; small < 1; small *= 1.37f) x.insert(x.end(), {small, -small});
    const int64_t size = static_cast<int64_t>(x.size());
    const Floats y = once(bound.name, size, [&](float* out) { return inseq_function(on(x), size, f, out); });
    double worst = 0;
    float where = 0;
    for (size_t i = 0; i < x.size(); i++) {
      const double error = ulps(y[i], bound.exact(x[i]));
      if (!(error <= worst)) worst = error, where = x[i];
    }
    if (!(worst <= bound.ulp)) {
      report(bound.name, "error of " + std::to_string(worst) + " ulp at " + std::to_string(where));
    }
    const Floats odd = {NAN, INFINITY, -INFINITY, 0.0f, -0.0f, 1000, -1000};
    const Floats out = once(bound.name, 7, [&](float* y) { return inseq_function(on(odd), 7, f, y); });
    Doubles expected;
    for (float v : odd) expected.push_back(bound.exact(v));
    for (double& e : expected)
      if (e > 1e38) e = INFINITY;
    expectClose(std::string(bound.name) + " of NaN, infinity, zero", out, expected, 1e-7);
  }
}

void testAttention() {
  struct Case {
    int64_t B, H, G, T, S, K;
    bool causal, mask;
    int bias;  // 0: none, 1: [1, H, T, S], 2: [B, 1, 1, S]
    int64_t times;
    int64_t before = 5000, after = 5000;
    float softCap = 0;
  };
  const Case cases[] = {{1, 1, 1, 1, 1, 1, false, false, 0, 1},    {2, 4, 2, 5, 5, 8, true, false, 0, 1},
                        {1, 3, 3, 7, 11, 17, true, true, 1, 1},    {2, 6, 1, 61, 61, 33, true, true, 2, 1},
                        {1, 2, 2, 65, 97, 64, false, true, 1, 1},  {1, 2, 1, 9, 4, 5, true, false, 0, 1},
                        {3, 2, 2, 13, 13, 16, true, false, 0, 4},  {1, 2, 1, 59, 1023, 31, true, true, 0, 2},
                        {2, 2, 2, 3, 17, 7, false, false, 1, 3},   {2, 1, 1, 1, 33, 64, true, true, 0, 1},
                        {1, 2, 2, 65, 65, 16, true, false, 0, 2, 17}, {2, 2, 1, 9, 13, 5, false, true, 2, 1, 2, 3},
                        {1, 2, 1, 9, 4, 5, true, false, 1, 2, 1, 0, 0.7f}, {2, 4, 2, 61, 97, 33, true, true, 1, 3, 40, 0, 0.3f},
                        {2, 1, 1, 5, 5, 1, true, false, 0, 1, 0, 0},  {1, 3, 3, 13, 13, 8, false, false, 0, 3, 4, 0, 0.2f}};
  for (const Case& c : cases) {
    const int64_t B = c.B, H = c.H, G = c.G, T = c.T, S = c.S, K = c.K, times = c.times;
    const bool causal = c.causal, withMask = c.mask;
    const int biasKind = c.bias;
    const std::string name = sizes("attention", {B, H, G, T, S, K, causal, withMask, biasKind, times,
                                                c.before, c.after, c.softCap > 0});
    const float scale = 0.37f, softCap = c.softCap;
    const int64_t before = c.before, after = causal ? 0 : c.after;
    const Floats q = random(B * H * T * K), k = random(B * G * S * K), v = random(B * G * S * K);
    Floats dy = random(B * times * H * T * K);
    if (times > 1) std::fill(dy.begin() + T / 2 * K, dy.begin() + T * K, 0.0f);
    const int64_t biasB = biasKind == 2 ? S : 0, biasH = biasKind == 1 ? T * S : 0, biasT = biasKind == 1 ? S : 0;
    const int64_t biasSize = biasKind == 1 ? H * T * S : B * S;
    const Floats bias = random(biasSize);
    Ints mask(static_cast<size_t>(B * S), 1);
    for (int64_t i = 0; i < B * S; i++) mask[i] = i % 3 != 0 || i == 3;
    if (withMask) std::fill(mask.begin(), mask.begin() + S, 0);  // the first sequence sees nothing
    const auto biasData = on(bias, biasKind != 0);
    const auto maskData = on(mask, withMask);

    std::vector<bool> sees;
    Doubles slopes, logSumExp;
    Doubles p(static_cast<size_t>(B * H * T * S)), o(static_cast<size_t>(B * H * T * K));
    for (int64_t b = 0; b < B; b++)
      for (int64_t h = 0; h < H; h++)
        for (int64_t t = 0; t < T; t++) {
          const int64_t row = (b * H + h) * T + t, g = b * G + h / (H / G);
          double* pr = &p[row * S];
          double highest = -INFINITY, sum = 0;
          for (int64_t s = 0; s < S; s++) {
            pr[s] = 0;
            for (int64_t i = 0; i < K; i++) pr[s] += double(q[row * K + i]) * k[(g * S + s) * K + i];
            pr[s] *= scale;
            if (softCap > 0) pr[s] = softCap * std::tanh(pr[s] / softCap);
            slopes.push_back(softCap > 0 ? 1 - pr[s] * pr[s] / (double(softCap) * softCap) : 1);
            if (biasKind) pr[s] += bias[b * biasB + h * biasH + t * biasT + s];
            if (s - (t + S - T) > after || t + S - T - s > before || (withMask && mask[b * S + s] == 0)) pr[s] = -1e30;
            highest = std::max(highest, pr[s]);
          }
          sees.push_back(highest > -1e30);
          for (int64_t s = 0; s < S; s++) sum += pr[s] = std::exp(pr[s] - highest);
          logSumExp.push_back(sees.back() ? highest + std::log(sum) : -INFINITY);
          for (int64_t s = 0; s < S; s++) pr[s] /= sum;
          for (int64_t s = 0; s < S; s++)
            for (int64_t i = 0; i < K; i++) o[row * K + i] += pr[s] * v[(g * S + s) * K + i];
        }
    const int64_t nO = B * H * T * K;
    const Floats output = withThreads(name, nO + B * H * T, [&](float* out) {
      return inseq_attention(on(q), on(k), on(v), biasData, maskData, B, H, G, T, S, K, biasB, biasH, biasT,
                             scale, softCap, before, after, out, out + nO);
    });
    expectClose(name, Floats(output.begin(), output.begin() + nO), o, 2e-6);
    const Floats known(output.begin() + nO, output.end());
    expectClose(name + " log-sum-exp", known, logSumExp, 2e-6);
    const Floats probabilities = withThreads(name + " probabilities", B * H * T * S, [&](float* out) {
      return inseq_attention_probabilities(on(q), on(k), biasData, maskData, B, H, G, T, S, K, biasB, biasH,
                                           biasT, scale, softCap, before, after, out);
    });
    expectClose(name + " probabilities", probabilities, p, 2e-6);

    const int64_t nq = B * times * H * T * K, nk = B * times * G * S * K;
    const bool wantsBias = biasKind != 0 && (times == 1 || biasB == 0);
    const int64_t nb = wantsBias ? biasSize : 0;
    const Floats gradients = withThreads(name + " backward", nq + 2 * nk + nb, [&](float* out) {
      return inseq_attention_backward(on(dy), on(q), on(k), on(v), biasData, maskData, on(known), B, H, G,
                                      T, S, K, biasB, biasH, biasT, scale, softCap, before, after, times, out, out + nq,
                                      out + nq + nk + nb, wantsBias ? out + nq + nk : nullptr);
    });
    Floats dP = random(B * times * H * T * S);
    if (times > 1) std::fill(dP.begin() + T / 2 * S, dP.begin() + T * S, 0.0f);
    const Floats ofP = withThreads(name + " probabilities backward", nq + nk + nb, [&](float* out) {
      return inseq_attention_probabilities_backward(on(dP), on(q), on(k), biasData, maskData, B, H, G, T, S, K,
                                                    biasB, biasH, biasT, scale, softCap, before, after, times, out,
                                                    out + nq, wantsBias ? out + nq + nk : nullptr);
    });
    // d_query, d_key, d_bias, d_value from dP of one row.
    Doubles expected(gradients.size()), expectedOfP(ofP.size());
    const auto fromScores = [&](int64_t b, int64_t j, int64_t h, int64_t t, const Doubles& dProbability, Doubles& to) {
      const int64_t row = (b * H + h) * T + t, g = b * G + h / (H / G), copy = b * times + j;
      const int64_t dRow = (copy * H + h) * T + t, dGroup = copy * G + h / (H / G);
      double dot = 0;
      for (int64_t s = 0; s < S; s++) dot += dProbability[s] * p[row * S + s];
      for (int64_t s = 0; s < S; s++) {
        const double dA = sees[row] ? p[row * S + s] * (dProbability[s] - dot) : 0, dx = scale * dA * slopes[row * S + s];
        for (int64_t i = 0; i < K; i++) {
          to[dRow * K + i] += dx * k[(g * S + s) * K + i];
          to[nq + (dGroup * S + s) * K + i] += dx * q[row * K + i];
        }
        if (wantsBias) to[nq + nk + b * biasB + h * biasH + t * biasT + s] += dA;
      }
    };
    for (int64_t b = 0; b < B; b++)
      for (int64_t j = 0; j < times; j++)
        for (int64_t h = 0; h < H; h++)
          for (int64_t t = 0; t < T; t++) {
            const int64_t row = (b * H + h) * T + t, g = b * G + h / (H / G), copy = b * times + j;
            const int64_t dRow = (copy * H + h) * T + t, dGroup = copy * G + h / (H / G);
            Doubles ofValues(static_cast<size_t>(S)), given(static_cast<size_t>(S));
            for (int64_t s = 0; s < S; s++) {
              given[s] = dP[dRow * S + s];
              for (int64_t i = 0; i < K; i++) {
                ofValues[s] += double(dy[dRow * K + i]) * v[(g * S + s) * K + i];
                expected[nq + nk + nb + (dGroup * S + s) * K + i] += p[row * S + s] * dy[dRow * K + i];
              }
            }
            fromScores(b, j, h, t, ofValues, expected);
            fromScores(b, j, h, t, given, expectedOfP);
          }
    expectClose(name + " backward", gradients, expected, 4e-6);
    expectClose(name + " probabilities backward", ofP, expectedOfP, 4e-6);
  }
  float x = 0;
  const auto call = [&](int64_t H, int64_t before, float softCap) {
    return inseq_attention(&x, &x, &x, nullptr, nullptr, 1, H, 2, 1, 1, 1, 0, 0, 0, 1, softCap, before, 0, &x, &x);
  };
  expectError("attention", call(3, 0, 0), "H a multiple of G");
  expectError("attention", call(2, -1, 0), "received -1 before");
  expectError("attention", call(2, 0, -1), "soft cap -1");
}

void testRotary() {
  for (const int64_t K : {2, 6, 34, 64}) {
    for (const int64_t stride : {int64_t(0), 5 * K / 2}) {
      const int64_t B = 2, H = 3, T = 5, C = K / 2;
      const Floats x = random(B * H * T * K), cos = random(B * T * C), sin = random(B * T * C);
      for (const int inverse : {0, 1}) {
        const std::string name = sizes("rotary", {K, stride, inverse});
        const Floats y = withThreads(name, B * H * T * K, [&](float* out) {
          return inseq_rotary(on(x), on(cos), on(sin), B, H, T, K, stride, inverse, out);
        });
        Doubles expected(y.size());
        for (int64_t r = 0; r < B * H * T; r++)
          for (int64_t i = 0; i < C; i++) {
            const double c = cos[r / (H * T) * stride + r % T * C + i];
            const double s = (inverse ? -1.0 : 1.0) * sin[r / (H * T) * stride + r % T * C + i];
            const double x1 = x[r * K + i], x2 = x[r * K + C + i];
            expected[r * K + i] = x1 * c - x2 * s;
            expected[r * K + C + i] = x2 * c + x1 * s;
          }
        expectClose(name, y, expected, 1e-6);
      }
    }
  }
  expectError("rotary", inseq_rotary(nullptr, nullptr, nullptr, 1, 1, 1, 3, 0, 0, nullptr), "even K");
}

void testEntries() {
  const int64_t V = 17, D = 33, M = 7;
  const Floats table = random(V * D);
  const Ints ids = {0, 16, 3, 3, 1, 9, 16};
  Doubles rows;
  for (const int32_t id : ids)
    for (int64_t i = 0; i < D; i++) rows.push_back(table[id * D + i]);
  expectClose("embedding", withThreads("embedding", M * D, [&](float* y) {
                return inseq_embedding(on(table), on(ids), M, V, D, y);
              }), rows, 0);
  const Floats dRows = random(M * D);
  Doubles dTable(static_cast<size_t>(V * D));
  for (int64_t m = 0; m < M; m++)
    for (int64_t i = 0; i < D; i++) dTable[ids[m] * D + i] += dRows[m * D + i];
  expectClose("embedding backward", withThreads("embedding backward", V * D, [&](float* out) {
                return inseq_embedding_backward(on(dRows), on(ids), M, V, D, out);
              }), dTable, 1e-6);
  const Ints bad = {0, 17};
  const auto out = on(table);  // only written to by mistake
  float* anywhere = const_cast<float*>(static_cast<const float*>(out));
  expectError("embedding", atLast(inseq_embedding(on(table), on(bad), 2, V, D, anywhere)), "received 17 at place 1");
  expectError("embedding", atLast(inseq_embedding_backward(on(table), on(bad), 2, V, D, anywhere)),
              "received 17 at place 1");

  const int64_t N = 5, times = 3;
  const Floats x = random(2 * N * D), dy = random(6 * D);
  const Ints index = {0, 4, 2, 1, 1, 3};
  Doubles chosen, scattered(static_cast<size_t>(6 * N * D));
  for (int64_t b = 0; b < 6; b++)
    for (int64_t i = 0; i < D; i++) {
      chosen.push_back(x[(b / times * N + index[b]) * D + i]);
      scattered[(b * N + index[b]) * D + i] = dy[b * D + i];
    }
  expectClose("select", withThreads("select", 6 * D, [&](float* y) {
                return inseq_select(on(x), on(index), 6, N, D, times, y);
              }), chosen, 0);
  expectClose("select backward", withThreads("select backward", 6 * N * D, [&](float* dx) {
                return inseq_select_backward(on(dy), on(index), 6, N, D, dx);
              }), scattered, 0);
  expectError("select", atLast(inseq_select(on(x), on(ids), 2, N, D, 1, anywhere)), "received 16");
}

void testSoftmax() {
  for (const int64_t V : {1, 17, 1023, 5003}) {
    for (const int logarithm : {0, 1}) {
      const int64_t R = 5;
      Floats x = random(R * V);
      for (float& v : x) v *= 40;
      if (V > 1) x[1] = -INFINITY;
      if (V > 1) x[2 * V] = NAN;
      const std::string name = sizes("softmax", {V, logarithm});
      const Floats y =
          withThreads(name, R * V, [&](float* out) { return inseq_softmax(on(x), R, V, logarithm, out); });
      Doubles expected(y.size());
      for (int64_t r = 0; r < R; r++) {
        double sum = 0, highest = -INFINITY;
        for (int64_t i = 0; i < V; i++) highest = std::max<double>(highest, x[r * V + i]);
        for (int64_t i = 0; i < V; i++) sum += std::exp(x[r * V + i] - highest);
        for (int64_t i = 0; i < V; i++) {
          expected[r * V + i] = logarithm ? x[r * V + i] - highest - std::log(sum) : std::exp(x[r * V + i] - highest) / sum;
        }
      }
      expectClose(name, y, expected, 2e-6);
    }
  }
}

void testElementwise() {
  const int64_t rank = 4;
  const int64_t shapes[][4] = {{2, 3, 5, 17}, {1, 1, 1, 40000}, {7, 1, 33, 3}};
  for (const auto& shape : shapes) {
    for (int axesA = 0; axesA < 16; axesA += 3) {
      for (int axesB = 0; axesB < 16; axesB += 5) {
        int64_t strides[2][4], total = 1, count[2] = {1, 1};
        for (int64_t i = rank - 1; i >= 0; i--) {
          total *= shape[i];
          for (int operand = 0; operand < 2; operand++) {
            const bool shared = (operand ? axesB : axesA) >> i & 1;
            strides[operand][i] = shared ? 0 : count[operand];
            if (!shared) count[operand] *= shape[i];
          }
        }
        const Floats a = random(count[0]), b = random(count[1]);
        for (int op = INSEQ_ADD; op <= INSEQ_DIV; op++) {
          const std::string name = sizes("binary", {op, shape[0], shape[3], axesA, axesB});
          const Floats y = withThreads(name, total, [&](float* out) {
            return inseq_binary(on(a), on(b), op, rank, shape, strides[0], strides[1], out);
          });
          bool same = true;
          for (int64_t i = 0; i < total; i++) {
            int64_t rest = i, at[2] = {0, 0};
            for (int64_t axis = rank - 1; axis >= 0; axis--) {
              for (int operand = 0; operand < 2; operand++) at[operand] += rest % shape[axis] * strides[operand][axis];
              rest /= shape[axis];
            }
            const float l = a[at[0]], r = b[at[1]];
            const float e = op == INSEQ_ADD ? l + r : op == INSEQ_SUB ? l - r : op == INSEQ_MUL ? l * r : l / r;
            same = same && (y[i] == e || (std::isnan(y[i]) && std::isnan(e)));
          }
          if (!same) report(name, "differs from the scalar operation");
        }
      }
    }
  }
  expectError("binary", inseq_binary(nullptr, nullptr, 0, 7, nullptr, nullptr, nullptr, nullptr), "rank");
}

void testReduce() {
  for (const int64_t N : {1, 17, 1023}) {
    for (const int64_t inner : {1, 3, 33, 2050}) {
      for (int kind = INSEQ_SUM; kind <= INSEQ_MAX; kind++) {
        const int64_t outer = 3;
        Floats x = random(outer * N * inner);
        if (N > 1) x[inner] = NAN;
        const std::string name = sizes("reduce", {kind, N, inner});
        const Floats y = withThreads(name, outer * inner, [&](float* out) {
          return inseq_reduce(on(x), kind, outer, N, inner, out);
        });
        Doubles expected(y.size());
        for (int64_t o = 0; o < outer; o++)
          for (int64_t i = 0; i < inner; i++) {
            double total = kind == INSEQ_MAX ? -INFINITY : 0;
            for (int64_t n = 0; n < N; n++) {
              const double v = x[(o * N + n) * inner + i];
              const bool larger = v > total || std::isnan(v);
            total = kind != INSEQ_MAX ? total + v : larger && !std::isnan(total) ? v : total;
            }
            expected[o * inner + i] = kind == INSEQ_MEAN ? total / double(N) : total;
          }
        expectClose(name, y, expected, 4e-6);
      }
    }
  }
}

void testMoves() {
  const int64_t shape[] = {3, 5, 7, 17}, permutations[][4] = {{0, 2, 1, 3}, {0, 1, 3, 2}, {3, 2, 1, 0}, {0, 1, 2, 3}};
  const Floats x = random(3 * 5 * 7 * 17);
  for (const auto& order : permutations) {
    const Floats y = withThreads("transpose", 3 * 5 * 7 * 17,
                                 [&](float* out) { return inseq_transpose(on(x), 4, shape, order, out); });
    const int64_t strides[] = {5 * 7 * 17, 7 * 17, 17, 1};
    Doubles expected;
    for (int64_t i = 0; i < shape[order[0]]; i++)
      for (int64_t j = 0; j < shape[order[1]]; j++)
        for (int64_t k = 0; k < shape[order[2]]; k++)
          for (int64_t l = 0; l < shape[order[3]]; l++) {
            expected.push_back(
                x[i * strides[order[0]] + j * strides[order[1]] + k * strides[order[2]] + l * strides[order[3]]]);
          }
    expectClose("transpose", y, expected, 0);
  }
  const int64_t twice[] = {0, 0, 1, 2};
  expectError("transpose", inseq_transpose(on(x), 4, shape, twice, nullptr), "permutation");

  const Floats copied = withThreads("copy rows", 35 * 9, [&](float* y) {
    expectOk("fill", inseq_fill(y, 35 * 9, 0.0f));
    return inseq_copy_rows(on(x) + 2, 35, 6, 51, 9, y + 1);
  });
  Doubles rows(35 * 9);
  for (int64_t r = 0; r < 35; r++)
    for (int64_t i = 0; i < 6; i++) rows[r * 9 + 1 + i] = x[r * 51 + 2 + i];
  expectClose("copy rows", copied, rows, 0);

  Doubles repeated;
  for (int64_t k = 0; k < 5; k++)
    for (int64_t j = 0; j < 4; j++)
      for (int64_t i = 0; i < 33; i++) repeated.push_back(x[k * 33 + i]);
  expectClose("repeat", withThreads("repeat", 5 * 4 * 33, [&](float* y) {
                return inseq_repeat(on(x), 5, 4, 33, y);
              }), repeated, 0);
}

}  // namespace

int main() {
  if (inseq_open(0) != INSEQ_OK) {
    std::printf("%s\n", inseq_message());
    return 1;
  }
  if (inseq_interface_version() != INSEQ_INTERFACE_VERSION) report("version", "library and header differ");
  expectError("threads", inseq_set_threads(0), "received 0");
  testFunctions();
  testMatmul();
  testLinear();
  testNorms();
  testActivations();
  testAttention();
  testRotary();
  testEntries();
  testSoftmax();
  testElementwise();
  testReduce();
  testMoves();
  testMemory();
  testAttribution();
  testProducts();
  testEpilogue();
  testCompact();
  testPrecision();
  testFaults();
  std::printf("%s: %d comparisons, %d failures\n", inseq_instruction_set(), comparisons, failures);
  return failures > 0;
}
