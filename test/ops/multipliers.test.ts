/**
 * Multipliers: for every operation, under a random cotangent c, Σ m ⊙ Δx = Σ c ⊙ Δy, and where the points coincide m is the
 * gradient.
 */

import { expect, test } from "vitest";
import { activate, activationNames, gatedUnit } from "../../src/ops/activation.ts";
import { attention } from "../../src/ops/attention.ts";
import { attentionProbabilities } from "../../src/ops/attentionProbabilities.ts";
import { layerNorm } from "../../src/ops/layerNorm.ts";
import { linear } from "../../src/ops/linear.ts";
import { multipliers } from "../../src/ops/multipliers.ts";
import { inseqRule, rescaleRule } from "../../src/ops/rescale.ts";
import { rmsNorm } from "../../src/ops/rmsNorm.ts";
import { select } from "../../src/ops/select.ts";
import { Random } from "../../src/random.ts";
import {
  add,
  argMax,
  cast,
  div,
  exp,
  grads,
  int32,
  log,
  logSoftmax,
  matMul,
  maximum,
  memory,
  minimum,
  mul,
  relu,
  rsqrt,
  scalar,
  sigmoid,
  softmax,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  tanh,
  tensor,
  tidy,
} from "../../src/tensor.ts";
import { describeOnBackends } from "../support/backends.ts";
import { floats } from "../support/models.ts";

/** Normal numbers. */
function draw(shape: readonly number[], seed: number, factor = 1): Tensor {
  const random = new Random(seed);
  const size = shape.reduce((product, length) => product * length, 1);
  return tensor(
    Float32Array.from({ length: size }, () => factor * random.normal()),
    shape,
  );
}

interface Case {
  readonly shapes: readonly (readonly number[])[];
  readonly f: (...xs: Tensor[]) => Tensor;
  /** Where the inputs have to be positive. */
  readonly positive?: boolean;
}

const norm = { shapes: [[2, 3, 5]] };
const queries = [
  [1, 4, 3, 5],
  [1, 2, 3, 5],
  [1, 2, 3, 5],
];
const cases: Record<string, Case> = {
  ...Object.fromEntries(
    Object.values(activationNames).map((name): [string, Case] => [
      `activation ${name}`,
      { shapes: [[3, 7]], f: (x) => activate(x, name) },
    ]),
  ),
  ...Object.fromEntries(
    (["silu", "relu", "gelu_new"] as const).map((name): [string, Case] => [
      `gated unit ${name}`,
      {
        shapes: [
          [3, 7],
          [3, 7],
        ],
        f: (gate, up) => gatedUnit(gate, up, name),
      },
    ]),
  ),
  "linear and its activation": {
    shapes: [[3, 7]],
    f: (x) => linear(x, draw([7, 5], 1), draw([5], 2), { activation: "relu" }),
  },
  layerNorm: { ...norm, f: (x) => layerNorm(x, draw([5], 1), draw([5], 2), 1e-5) },
  rmsNorm: { ...norm, f: (x) => rmsNorm(x, draw([5], 1), 1e-6) },
  softmax: { shapes: [[3, 7]], f: (x) => softmax(x, -1) },
  logSoftmax: { shapes: [[3, 7]], f: (x) => logSoftmax(x, -1) },
  "softmax of far apart scores": { shapes: [[3, 7]], f: (x) => softmax(mul(x, scalar(25)), -1) },
  attention: { shapes: queries, f: (q, k, v) => attention(q, k, v, { scale: 0.7, causal: true }) },
  "attention with padding": {
    shapes: queries,
    f: (q, k, v) => attention(q, k, v, { scale: 0.7, causal: false, mask_BS: int32([0, 1, 1], [1, 3]) }),
  },
  "attention, nothing visible": {
    shapes: queries,
    f: (q, k, v) => attention(q, k, v, { scale: 0.7, causal: false, mask_BS: int32([0, 0, 0], [1, 3]) }),
  },
  "attention with a soft cap and a bias": {
    shapes: queries,
    f: (q, k, v) => attention(q, k, v, { scale: 1, causal: true, softCap: 1.5, bias: draw([1, 4, 3, 3], 5) }),
  },
  "attention probabilities": {
    shapes: queries.slice(0, 2),
    f: (q, k) => attentionProbabilities(q, k, { scale: 1, causal: true, window: { before: 1, after: 0 } }),
  },
  product: {
    shapes: [
      [3, 1],
      [3, 4],
    ],
    f: (a, b) => mul(a, b),
  },
  quotient: {
    shapes: [
      [3, 4],
      [3, 1],
    ],
    f: (a, b) => div(a, b),
    positive: true,
  },
  matMul: {
    shapes: [
      [3, 4],
      [4, 2],
    ],
    f: (a, b) => matMul(a, b),
  },
  "an input used twice": { shapes: [[4]], f: (x) => add(square(x), mul(x, tanh(x))) },
  "exp, sigmoid, relu, clip": {
    shapes: [[4]],
    f: (x) => add(add(exp(x), sigmoid(x)), add(relu(x), minimum(maximum(x, scalar(-0.5)), scalar(0.5)))),
  },
  "log, sqrt, rsqrt": { shapes: [[4]], f: (x) => add(log(x), add(sqrt(x), rsqrt(x))), positive: true },
  select: { shapes: [[2, 5]], f: (x) => select(softmax(x, -1), int32([3, 0])) },
};

describeOnBackends("multipliers by the rescale rule", () => {
  test.each(Object.entries(cases))("%s: add up to the difference", (_, { shapes, f, positive = false }) => {
    for (const distance of [1, 1e-2, 0]) {
      const points = shapes.map((shape, i) => {
        const [x, step] = [draw(shape, 10 + i), draw(shape, 20 + i, distance)];
        return positive ? [add(square(x), scalar(0.5)), add(square(add(x, step)), scalar(0.5))] : [x, add(x, step)];
      }) as [Tensor, Tensor][];
      const [xs, others] = [points.map(([x]) => x), points.map(([, other]) => other)];
      const cotangent = draw(f(...xs).shape, 30);
      const scored = (...inputs: Tensor[]): Tensor => sum(mul(f(...inputs), cotangent));
      const before = memory().numTensors;
      const found = multipliers(scored, xs, others, rescaleRule);
      expect(memory().numTensors - before).toBe(xs.length);
      if (distance === 0) {
        const expected = grads(scored)(xs);
        for (const [i, m] of found.entries()) {
          const gradient = floats(expected[i] as Tensor);
          const largest = Math.max(1e-3, ...gradient.map(Math.abs));
          for (const [j, value] of floats(m).entries()) {
            expect(Math.abs(value - (gradient[j] ?? Number.NaN))).toBeLessThan(2e-5 * largest);
          }
        }
        continue;
      }
      const total = found.reduce((all, m, i) => all + dot(m, sub(xs[i] as Tensor, others[i] as Tensor)), 0);
      const change = floats(tidy(() => sub(scored(...xs), scored(...others))))[0] ?? Number.NaN;
      const size = floats(tidy(() => sum(square(cotangent))))[0] ?? 0;
      // Sums of a few dozen float32 products of size one, some of them quotients of differences of 1e-3.
      expect(Math.abs(total - change)).toBeLessThan(4e-6 * (1 + Math.sqrt(size)) + 1e-4 * Math.abs(change) * distance);
    }
  });

  test("of ReLU across its kink are those of the secant", () => {
    const m = multipliers((x) => sum(relu(x)), [tensor([3, -1, 2], [3])], [tensor([-1, -2, 1], [3])], rescaleRule);
    expect([...floats(m[0] as Tensor)]).toEqual([0.75, 0, 1]);
  });

  test("by Inseq's rule are gradients but for ReLU, tanh and sigmoid", () => {
    const [x, other] = [tensor([3, -1], [2]), tensor([-1, -2], [2])];
    const of = (name: "relu" | "silu") =>
      floats(multipliers((input) => sum(activate(input, name)), [x], [other], inseqRule)[0] as Tensor);
    expect([...of("relu")]).toEqual([0.75, 0]);
    const gradient = floats(grads((input) => sum(activate(input, "silu")))([x])[0] as Tensor);
    expect([...of("silu")]).toEqual([...gradient]);
  });

  test("are refused where there is no rule, and where the function takes different ways; nothing is left behind", () => {
    const [x, other] = [tensor([3, -1], [1, 2]), tensor([-1, 2], [1, 2])];
    const before = memory().numTensors;
    const picked = (input: Tensor): Tensor => sum(mul(input, cast(argMax(input, 1), "float32")));
    expect(() =>
      multipliers(
        (input) => sum(exp(sub(input, picked(input)))),
        [x],
        [other],
        () => undefined,
      ),
    ).toThrow("there is no rule for the operation Sum");
    const ways = (input: Tensor): Tensor => ((input.dataSync()[0] ?? 0) > 0 ? sum(exp(input)) : sum(input));
    expect(() => multipliers(ways, [x], [other], rescaleRule)).toThrow("to take the same way");
    expect(memory().numTensors).toBe(before);
  });
});

function dot(a: Tensor, b: Tensor): number {
  return floats(tidy(() => sum(mul(a, b))))[0] ?? Number.NaN;
}
