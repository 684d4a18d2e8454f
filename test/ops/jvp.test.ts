/**
 * Jacobian-vector products are the transpose of gradients: ⟨J v, u⟩ = ⟨v, Jᵀ u⟩ for random v and u, for every operation that
 * moves, on every backend; and they are what finite differences say.
 */

import { expect, test } from "vitest";
import { activate, activationNames, gatedUnit } from "../../src/ops/activation.ts";
import { attention } from "../../src/ops/attention.ts";
import { attentionProbabilities } from "../../src/ops/attentionProbabilities.ts";
import { attentionValues } from "../../src/ops/attentionValues.ts";
import { compactLinear, compactMatrix } from "../../src/ops/compactLinear.ts";
import { embedding } from "../../src/ops/embedding.ts";
import { gate } from "../../src/ops/gate.ts";
import { jvp } from "../../src/ops/jvp.ts";
import { layerNorm } from "../../src/ops/layerNorm.ts";
import { linear } from "../../src/ops/linear.ts";
import { permuteRows } from "../../src/ops/permuteRows.ts";
import { repeat } from "../../src/ops/repeat.ts";
import { rmsNorm } from "../../src/ops/rmsNorm.ts";
import { rotary } from "../../src/ops/rotary.ts";
import { select } from "../../src/ops/select.ts";
import { Random } from "../../src/random.ts";
import {
  abs,
  add,
  cast,
  clip,
  concat,
  cos,
  cumsum,
  dispose,
  div,
  erf,
  exp,
  gather,
  grads,
  greater,
  int32,
  keep,
  log,
  logSoftmax,
  logSumExp,
  matMul,
  max,
  maximum,
  mean,
  memory,
  min,
  minimum,
  mul,
  neg,
  pad,
  readFloatsNow,
  relu,
  reshape,
  rsqrt,
  scalar,
  sigmoid,
  sin,
  slice,
  softmax,
  split,
  sqrt,
  square,
  stack,
  step,
  sub,
  sum,
  type Tensor,
  tanh,
  tensor,
  tensorflow,
  tidy,
  tile,
  transpose,
  where,
} from "../../src/tensor.ts";
import { describeOnBackends } from "../support/backends.ts";

/** Normal numbers. */
function draw(shape: readonly number[], seed: number): Tensor {
  const random = new Random(seed);
  const size = shape.reduce((product, length) => product * length, 1);
  return tensor(
    Float32Array.from({ length: size }, () => random.normal()),
    shape,
  );
}

interface Case {
  readonly shapes: readonly (readonly number[])[];
  readonly f: (...xs: Tensor[]) => Tensor;
  /** Where the inputs have to be positive. */
  readonly positive?: boolean;
}

const one = (f: Case["f"], shape: readonly number[] = [3, 7]): Case => ({ shapes: [shape], f });
const pair = (f: Case["f"], a: readonly number[] = [3, 1], b: readonly number[] = [2, 3, 4]): Case => ({
  shapes: [a, b],
  f,
});
const heads: readonly (readonly number[])[] = [
  [2, 4, 3, 5],
  [2, 2, 3, 5],
  [2, 2, 3, 5],
];
const later = [[1, 4, 2, 5], ...heads.slice(1).map(([, ...rest]) => [1, ...rest])];

const cases: Record<string, Case> = {
  ...Object.fromEntries(
    [...new Set(Object.values(activationNames))].map((name) => [`activation ${name}`, one((x) => activate(x, name))]),
  ),
  ...Object.fromEntries(
    (["silu", "relu", "gelu_new"] as const).map((name) => [
      `gated unit ${name}`,
      pair((x, up) => gatedUnit(x, up, name), [3, 7], [3, 7]),
    ]),
  ),
  "gated unit, one side moves": one((x) => gatedUnit(x, draw([3, 7], 3), "gelu")),
  linear: one((x) => linear(x, draw([7, 5], 1), draw([5], 2))),
  "linear, its kernel too": pair((x, w) => linear(x, w, draw([5], 2)), [2, 3, 7], [7, 5]),
  "linear, transposed": one((x) => linear(x, draw([5, 7], 1), undefined, { transposeKernel: true })),
  "linear and its activation": pair((x, w) => linear(x, w, draw([5], 2), { activation: "gelu" }), [2, 3, 7], [7, 5]),
  compactLinear: one((x) => compactLinear(x, compactMatrix("int8", floatsOf(7 * 5), [7, 5]))),
  embedding: one((x) => embedding(x, int32([2, 0, 2]))),
  select: one((x) => select(x, int32([3, 0, 6]))),
  "select of several": one((x) => select(x, int32([1, 0, 3, 3], [2, 2])), [2, 4, 3]),
  permuteRows: one((x) => permuteRows(x, [2, 0, 1])),
  repeat: one((x) => repeat(x, 3)),
  rotary: one((x) => rotary(x, draw([1, 3, 2], 1), draw([1, 3, 2], 2)), [2, 2, 3, 5]),
  "rotary of neighbours": one(
    (x) => rotary(x, draw([1, 3, 2], 1), draw([1, 3, 2], 2), { interleaved: true }),
    [2, 2, 3, 4],
  ),
  gate: pair((x, g) => gate(x, g), [2, 2, 3, 4], [2, 2, 4]),
  layerNorm: one((x) => layerNorm(x, draw([7], 1), draw([7], 2), 1e-5)),
  rmsNorm: one((x) => rmsNorm(x, draw([7], 1), 1e-6)),
  attention: { shapes: heads, f: (q, k, v) => attention(q, k, v, { scale: 0.7, causal: true }) },
  "attention, not causal": { shapes: heads, f: (q, k, v) => attention(q, k, v, { scale: 0.7, causal: false }) },
  "attention after a cache": { shapes: later, f: (q, k, v) => attention(q, k, v, { scale: 0.7, causal: true }) },
  "attention in windows": {
    shapes: heads,
    f: (q, k, v) => attention(q, k, v, { scale: 0.7, causal: false, window: { before: 1, after: 1 } }),
  },
  "attention with padding": {
    shapes: heads,
    f: (q, k, v) => attention(q, k, v, { scale: 0.7, causal: true, mask_BS: int32([0, 1, 1, 1, 1, 1], [2, 3]) }),
  },
  "attention, nothing visible": {
    shapes: heads,
    f: (q, k, v) => attention(q, k, v, { scale: 0.7, causal: false, mask_BS: int32([0, 0, 0, 1, 0, 0], [2, 3]) }),
  },
  "attention with a soft cap and a bias": {
    shapes: [...heads, [1, 4, 3, 3]],
    f: (q, k, v, bias) => attention(q, k, v, { scale: 1, causal: true, softCap: 1.5, bias }),
  },
  "attention of one query, values move": one(
    (v) => attention(draw([1, 2, 1, 4], 1), draw([1, 2, 3, 4], 2), v, { scale: 1, causal: true }),
    [1, 2, 3, 4],
  ),
  "attention, keys move": one(
    (k) => attention(draw([1, 2, 3, 4], 1), k, draw([1, 2, 3, 4], 2), { scale: 1, causal: true }),
    [1, 2, 3, 4],
  ),
  "attention probabilities": {
    shapes: [...heads.slice(0, 2), [1, 1, 1, 3]],
    f: (q, k, bias) => attentionProbabilities(q, k, { scale: 1, causal: true, window: { before: 1, after: 0 }, bias }),
  },
  "attention values": pair((p, v) => attentionValues(p, v), [2, 4, 3, 2], [2, 2, 2, 5]),
  "sum and difference": pair((a, b) => sub(add(a, b), add(mul(a, scalar(3)), scalar(1)))),
  product: pair((a, b) => mul(a, b)),
  "a square as a product": one((x) => mul(x, x)),
  quotient: { ...pair((a, b) => div(a, b)), positive: true },
  "quotient by a constant, and of one": one((x) => add(div(x, scalar(3)), div(scalar(2), add(square(x), scalar(1))))),
  "larger and smaller": pair((a, b) => add(maximum(a, b), mul(scalar(3), minimum(a, b))), [3, 4], [3, 4]),
  matMul: pair((a, b) => matMul(a, b), [3, 4], [4, 2]),
  "matMul, transposed": pair((a, b) => matMul(a, b, true, true), [2, 4, 3], [2, 5, 4]),
  softmax: one((x) => softmax(x, -1)),
  logSoftmax: one((x) => logSoftmax(x, -1)),
  logSumExp: one((x) => logSumExp(x, -1)),
  "largest and smallest": one((x) => add(max(x, 1, true), min(x, 0, true))),
  "exp, tanh, sigmoid, erf, sin, cos": one((x) =>
    [exp, tanh, sigmoid, erf, sin, cos, neg, abs, relu].map((g) => g(x)).reduce(add),
  ),
  "log, sqrt, rsqrt": { ...one((x) => add(log(x), add(sqrt(x), rsqrt(x)))), positive: true },
  clip: one((x) => clip(x, -0.5, 0.5)),
  "where a constant says": pair((a, b) => where(greater(draw([3, 4], 1), scalar(0)), a, b), [3, 4], [3, 4]),
  "reshape, transpose, slice, pad": one((x) =>
    pad(
      slice(transpose(reshape(x, [7, 3])), [1, 2], [2, 3]),
      [
        [0, 1],
        [2, 0],
      ],
      5,
    ),
  ),
  "split, concat, stack, tile": one((x) => {
    const [a, b] = split(x, [3, 4], 1) as [Tensor, Tensor];
    return tile(stack([concat([b, a, draw([3, 2], 1)], 1), concat([draw([3, 2], 2), x], 1)], 1), [1, 2, 1]);
  }),
  "gather, mean, sum, cumsum": one((x) =>
    add(mean(gather(x, int32([0, 2, 2]), 1), 1, true), cumsum(sum(x, 0, true), 1)),
  ),
};

const floatsOf = (length: number): Float32Array => {
  const random = new Random(9);
  return Float32Array.from({ length }, () => random.normal());
};

const numbers = (x: Tensor): number[] => [...readFloatsNow(x)];
const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((total, x, i) => total + x * (b[i] ?? Number.NaN), 0);
const norm = (a: readonly number[]): number => Math.sqrt(dot(a, a));

/** TensorFlow.js's wasm backend has no kernel for these gradients. */
const lacking: Readonly<Record<string, readonly string[]>> = { wasm: ["gather, mean, sum, cumsum"] };

describeOnBackends("Jacobian-vector products", (backend) => {
  test.each(Object.keys(cases))("%s: the transpose of the gradient", (name) => {
    const { shapes, f, positive = false } = cases[name] as Case;
    const xs = shapes.map((shape, i) =>
      keep(tidy(() => (positive ? add(abs(draw(shape, 10 + i)), scalar(0.3)) : draw(shape, 10 + i)))),
    );
    const vs = shapes.map((shape, i) => draw(shape, 20 + i));
    const before = memory().numTensors;
    const { value, tangent: moved } = jvp(f, xs, vs);
    expect(memory().numTensors).toBe(before + 2);
    expect(numbers(value)).toEqual(numbers(tidy(() => f(...xs))));
    const u = draw(moved.shape, 30);
    const Jv = numbers(moved);
    const forwards = dot(Jv, numbers(u));
    if (lacking[backend]?.includes(name)) return;
    let backwards = 0;
    for (const [i, gradient] of grads(f)(xs, u).entries()) {
      backwards += dot(numbers(gradient), numbers(vs[i] as Tensor));
      dispose(gradient);
    }
    // Float32 sums: relative to the terms, which may cancel.
    expect(Math.abs(forwards - backwards)).toBeLessThan(2e-5 * norm(Jv) * norm(numbers(u)));
    expect(norm(Jv)).toBeGreaterThan(0);
    dispose([...xs, ...vs, value, moved, u]);
  });

  test("comparisons, steps and what is constant do not move", () => {
    const x = tensor([-2, -1, 1, 3], [4]);
    const v = tensor([5, 6, 7, 8], [4]);
    const gated = (x: Tensor): Tensor => mul(add(x, step(x)), cast(greater(x, scalar(0)), "float32"));
    expect(numbers(jvp(gated, [x], [v]).tangent)).toEqual([0, 0, 7, 8]);
    expect(numbers(jvp((x, y) => mul(x, y), [x, x], [v, null]).tangent)).toEqual([-10, -6, 7, 24]);
    expect(numbers(jvp((x) => mul(x, scalar(2)), [x], [null]).tangent)).toEqual([0, 0, 0, 0]);
    expect(numbers(jvp((x) => x, [x], [v]).tangent)).toEqual([5, 6, 7, 8]);
  });

  test("refuses what has no rule, and leaves nothing behind", () => {
    const [x, v] = [tensor([1, 2], [2]), tensor([1, 1], [2])];
    const before = memory().numTensors;
    expect(() => jvp((x) => tensorflow.atan(x), [x], [v])).toThrow(
      /no rule for the tangent of the operation Atan.*take input_x_gradient/,
    );
    expect(() => jvp((scale) => layerNorm(x, scale, v, 1e-5), [x], [v])).toThrow(/scale of LayerNorm to be constant/);
    expect(memory().numTensors).toBe(before);
  });
});
