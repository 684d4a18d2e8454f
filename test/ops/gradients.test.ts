import { expect, it } from "vitest";
import { activate } from "../../src/ops/activation.ts";
import { valueAndGrads } from "../../src/ops/gradients.ts";
import { layerNorm } from "../../src/ops/layerNorm.ts";
import { linear } from "../../src/ops/linear.ts";
import { add, dispose, grads, memory, mul, ones, reshape, sum, type Tensor, zeros } from "../../src/tensor.ts";
import { describeOnBackends } from "../support/backends.ts";
import { expectTensor } from "../support/compare.ts";
import { makeInput } from "../support/opCases.ts";

const numbers = (x: Tensor) => ({ shape: x.shape, values: x.dataSync() });

describeOnBackends("gradients that let go of what was used", () => {
  const [B, D, LAYERS] = [17, 33, 12];
  const x = () => makeInput({ shape: [B, D], seed: 1 });
  const other = () => makeInput({ shape: [B, D], seed: 2 });
  const parameters = () => ({
    kernel: makeInput({ shape: [D, D], seed: 3, scale: 0.1 }),
    scale: ones([D]),
    bias: zeros([D]),
    cotangent: makeInput({ shape: [B, D], seed: 4 }),
  });

  /** Residual blocks: every activation is used twice, and cotangents are passed on as they are. */
  const blocks =
    ({ kernel, scale, bias, cotangent }: ReturnType<typeof parameters>) =>
    (a: Tensor, b: Tensor): Tensor => {
      let h = add(a, mul(b, a));
      for (let layer = 0; layer < LAYERS; layer++) {
        h = add(h, activate(linear(layerNorm(reshape(h, [B, D]), scale, bias, 1e-5), kernel), "gelu"));
      }
      return sum(mul(add(h, h), cotangent));
    };

  it("are those of TensorFlow.js, to the bit", () => {
    const p = parameters();
    const xs = [x(), other()];
    const f = blocks(p) as (...inputs: Tensor[]) => Tensor;
    const ours = valueAndGrads(f, xs);
    const theirs = grads(f)(xs);
    for (const [i, gradient] of ours.grads.entries()) {
      expectTensor(gradient, numbers(theirs[i] as Tensor), { ratio: 0 });
      expect(Math.max(...gradient.dataSync().map(Math.abs))).toBeGreaterThan(0);
    }
    const expected = f(...xs);
    expectTensor(ours.value, numbers(expected), { ratio: 0 });
    dispose([...xs, ...theirs, ...ours.grads, ours.value, expected, ...Object.values(p)]);
  });

  it("take fewer tensors the further they come, and leave none but the results", () => {
    const p = parameters();
    const xs = [x(), other()];
    const before = memory().numTensors;
    const alive: number[] = [];
    const { value, grads: found } = valueAndGrads(blocks(p) as (...inputs: Tensor[]) => Tensor, xs, () =>
      alive.push(memory().numTensors - before),
    );
    expect(alive.length).toBeGreaterThan(4 * LAYERS);
    const [first = 0, last = 0] = [alive[0], alive.at(-1)];
    // What the forward pass saved is gone, and not replaced by as many cotangents.
    expect(last).toBeLessThan(first / 4);
    expect(Math.max(...alive)).toBeLessThan(first + 12);
    expect(memory().numTensors).toBe(before + 3);
    dispose([value, ...found]);
    expect(memory().numTensors).toBe(before);
    dispose([...xs, ...Object.values(p)]);
  });

  it("keep everything inside another gradient, which needs it again", () => {
    const before = memory().numTensors;
    const p = parameters();
    const xs = [x(), other()];
    const inner = (a: Tensor, b: Tensor): Tensor => {
      const found = valueAndGrads((c) => sum(mul(mul(c as Tensor, c as Tensor), mul(c as Tensor, b))), [a]);
      return sum(mul(found.grads[0] as Tensor, p.cotangent));
    };
    // d/da of 3 a² b · cotangent is 6 a b · cotangent.
    const outer = grads(inner as (...inputs: Tensor[]) => Tensor)(xs);
    const [a, b, c] = [xs[0], xs[1], p.cotangent].map((t) => (t as Tensor).dataSync()) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const expected = a.map((value, i) => 6 * value * (b[i] ?? Number.NaN) * (c[i] ?? Number.NaN));
    expectTensor(outer[0] as Tensor, { shape: [B, D], values: expected }, { ratio: 1e-6 });
    dispose([...outer, ...xs, ...Object.values(p)]);
    expect(memory().numTensors).toBe(before);
  });

  it("leave nothing behind when the function throws", () => {
    const xs = [x()];
    const before = memory().numTensors;
    const f = (a: Tensor): Tensor => {
      activate(a, "gelu");
      throw new RangeError("on purpose");
    };
    expect(() => valueAndGrads(f as (...inputs: Tensor[]) => Tensor, xs)).toThrow("on purpose");
    expect(memory().numTensors).toBe(before);
    dispose(xs);
  });
});
