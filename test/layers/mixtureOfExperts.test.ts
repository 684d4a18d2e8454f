/** Mixtures of experts: what they compute, whatever the weights; golden models and variants have PyTorch's numbers. */

import { beforeAll, describe, expect, test } from "vitest";
import { FeedForward } from "../../src/layers/feedForward.ts";
import { Linear } from "../../src/layers/linear.ts";
import { MixtureOfExperts } from "../../src/layers/mixtureOfExperts.ts";
import { randomWeights } from "../../src/layers/weights.ts";
import { add, grads, mul, sigmoid, softmax, sum, type Tensor, tensor } from "../../src/tensor.ts";
import { useCpu } from "../support/backend.ts";
import { expectTensor, ROUNDING } from "../support/compare.ts";

beforeAll(useCpu);

const [D, N, E] = [6, 7, 5];
const sizes = { width: D, feedForwardWidth: 9, activation: "silu" } as const;
const weights = randomWeights(3, 0.6);
const mixture = (changes: Partial<ConstructorParameters<typeof MixtureOfExperts>[0]> = {}) =>
  new MixtureOfExperts({
    name: "mlp",
    ...sizes,
    experts: E,
    expertsPerToken: 2,
    normalized: true,
    weights,
    ...changes,
  });

const values = Float32Array.from({ length: N * D }, (_, i) => Math.sin(i * 1.3 + 1));
const cotangent = Float32Array.from({ length: N * D }, (_, i) => Math.cos(i * 0.7));
const rows = (from: number, to: number) => tensor(values.slice(from * D, to * D), [to - from, D]);
const numbers = (x: Tensor) => ({ shape: x.shape, values: x.dataSync() });

/** Experts and router of the same names, and so of the same weights. */
const expert = (e: number | "shared", F: number = sizes.feedForwardWidth) =>
  new FeedForward({
    name: e === "shared" ? "mlp.shared" : `mlp.experts.${e}`,
    ...sizes,
    feedForwardWidth: F,
    gated: true,
    bias: false,
    weights,
  });
const linear = (of: string, outputs: number) =>
  new Linear({ name: `mlp.${of}`, inputs: D, outputs, bias: false, weights });

/** p of every expert, [N, E], on the host. */
const probabilities = () => softmax(linear("router", E).call(rows(0, N))).dataSync();

describe("a mixture of experts", () => {
  test("with all of them is the sum of their outputs by the router's probabilities, and so is its gradient", () => {
    const dense = (x: Tensor): Tensor => {
      const p_NE = softmax(linear("router", E).call(x));
      const parts = Array.from({ length: E }, (_, e) => {
        const onlyThis = tensor(
          Array.from({ length: E }, (_, other) => Number(other === e)),
          [1, E],
        );
        return mul(expert(e).call(x), sum(mul(p_NE, onlyThis), 1, true));
      });
      return parts.reduce((a, b) => add(a, b));
    };
    const layer = mixture({ expertsPerToken: E, normalized: false });
    expectTensor(layer.call(rows(0, N)), numbers(dense(rows(0, N))), { ratio: 32 * ROUNDING });
    const gradient = (f: (x: Tensor) => Tensor) => grads(f)([rows(0, N)], tensor(cotangent, [N, D]))[0] as Tensor;
    expectTensor(
      gradient((x) => layer.call(x)),
      numbers(gradient(dense)),
      { ratio: 64 * ROUNDING },
    );
  });

  test.each([true, false])("sends each token to its most probable ones (weights that sum to one: %s)", (normalized) => {
    const p = probabilities();
    const outputs = Array.from({ length: E }, (_, e) => expert(e).call(rows(0, N)).dataSync());
    const expected = Float32Array.from({ length: N * D }, (_, i) => {
      const [n, d] = [Math.floor(i / D), i % D];
      const row = Array.from(p.subarray(n * E, (n + 1) * E));
      const best = [...row.keys()].sort((a, b) => (row[b] ?? 0) - (row[a] ?? 0)).slice(0, 2);
      const total = normalized ? best.reduce((total, e) => total + (row[e] ?? 0), 0) : 1;
      return best.reduce((y, e) => y + ((row[e] ?? 0) / total) * (outputs[e]?.[n * D + d] ?? 0), 0);
    });
    expectTensor(
      mixture({ normalized }).call(rows(0, N)),
      { shape: [N, D], values: expected },
      { ratio: 32 * ROUNDING },
    );
  });

  test("computes each token as it does alone", () => {
    const layer = mixture();
    const together = layer.call(rows(0, N)).dataSync();
    for (let n = 0; n < N; n++) {
      const alone = layer.call(rows(n, n + 1)).dataSync();
      expect([...alone]).toEqual([...together.subarray(n * D, (n + 1) * D)]);
    }
  });

  test("adds a shared expert, as much of it as its gate lets through", () => {
    const shared = mul(sigmoid(linear("sharedGate", 1).call(rows(0, N))), expert("shared", 4).call(rows(0, N)));
    const expected = add(mixture().call(rows(0, N)), shared);
    expectTensor(mixture({ sharedWidth: 4 }).call(rows(0, N)), numbers(expected), { ratio: 8 * ROUNDING });
  });
});
