import fc from "fast-check";
import { expect, it } from "vitest";
import { ShapeError } from "../../src/errors.ts";
import { attention } from "../../src/ops/attention.ts";
import { attentionProbabilities } from "../../src/ops/attentionProbabilities.ts";
import { attentionValues } from "../../src/ops/attentionValues.ts";
import {
  add,
  gather,
  grads,
  mul,
  ones,
  scalar,
  slice,
  sum,
  type Tensor,
  tensor,
  tensorflow,
  tidy,
} from "../../src/tensor.ts";
import { describeOnBackends } from "../support/backends.ts";
import { expectTensor, ROUNDING } from "../support/compare.ts";
import { makeInput } from "../support/opCases.ts";
import { opSuite } from "../support/opSuite.ts";

opSuite("attention");
opSuite("attentionProbabilities");
opSuite("attentionValues");

const numbers = (x: Tensor) => ({ shape: x.shape, values: x.dataSync() });
const close = { ratio: 32 * ROUNDING };

const small = fc.integer({ min: 1, max: 5 });
const problems = fc
  .record({
    B: small,
    G: fc.integer({ min: 1, max: 3 }),
    perGroup: small,
    T: small,
    past: small,
    K: small,
    seed: small,
  })
  .map(({ B, G, perGroup, T, past, K, seed }) => ({ B, G, H: G * perGroup, T, S: T + past - 1, K, seed }));

interface Sizes {
  readonly B: number;
  readonly G: number;
  readonly H: number;
  readonly T: number;
  readonly S: number;
  readonly K: number;
  readonly seed: number;
}

function draw({ B, G, H, T, S, K, seed }: Sizes): { query: Tensor; key: Tensor; value: Tensor } {
  return {
    query: makeInput({ shape: [B, H, T, K], seed }),
    key: makeInput({ shape: [B, G, S, K], seed: seed + 100 }),
    value: makeInput({ shape: [B, G, S, K], seed: seed + 200 }),
  };
}

const holds = (check: (sizes: Sizes) => void): void =>
  fc.assert(
    fc.property(problems, (sizes) => tidy(() => check(sizes))),
    { numRuns: 50 },
  );

const reversed = (size: number) =>
  tensor(
    Int32Array.from({ length: size }, (_, i) => size - 1 - i),
    [size],
    "int32",
  );

describeOnBackends("attention", () => {
  it("has probabilities that sum to one and are zero for the future", () => {
    holds((sizes) => {
      const { B, H, T, S } = sizes;
      const { query, key } = draw(sizes);
      const p = attentionProbabilities(query, key, { scale: 0.5, causal: true });
      expectTensor(sum(p, 3), numbers(ones([B, H, T])), close);
      const values = p.dataSync();
      for (let i = 0; i < values.length; i++) {
        const t = Math.floor(i / S) % T;
        if ((i % S) - t > S - T) expect(values[i]).toBe(0);
        else expect(values[i]).toBeGreaterThan(0);
      }
    });
  });

  it("is its probabilities times its values", () => {
    holds((sizes) => {
      const { query, key, value } = draw(sizes);
      for (const causal of [false, true]) {
        const p = attentionProbabilities(query, key, { scale: 0.5, causal });
        const whole = attention(query, key, value, { scale: 0.5, causal });
        expectTensor(attentionValues(p, value), numbers(whole), close);
      }
    });
  });

  it("has the gradients of its two halves in a row", () => {
    tidy(() => {
      const sizes = { B: 2, G: 2, H: 4, T: 3, S: 5, K: 7, seed: 1 };
      const { query, key, value } = draw(sizes);
      const options = {
        scale: 0.4,
        causal: true,
        mask_BS: tensor(new Int32Array([0, 1, 1, 1, 1, 1, 1, 1, 0, 1]), [2, 5], "int32"),
      };
      const dy = makeInput({ shape: [2, 4, 3, 7], seed: 9 });
      const whole = grads((q = query, k = key, v = value) => attention(q, k, v, options))([query, key, value], dy);
      const halves = grads((q = query, k = key, v = value) =>
        attentionValues(attentionProbabilities(q, k, options), v),
      )([query, key, value], dy);
      for (const [i, gradient] of whole.entries()) expectTensor(gradient, numbers(halves[i] ?? scalar(NaN)), close);
    });
  });

  it("makes room for the bias's gradient only where it is asked for", async () => {
    const sizes = { B: 1, G: 2, H: 4, T: 3, S: 5, K: 2, seed: 3 };
    const { query, key, value } = draw(sizes);
    const bias = makeInput({ shape: [1, 4, 3, 5], seed: 8 });
    const backwardOf = async (xs: Tensor[], f: (...xs: Tensor[]) => Tensor) => {
      const { kernels } = await tensorflow.profile(() => grads(f)(xs));
      return kernels.filter(({ name }) => name.endsWith("Backward")).map(({ outputShapes }) => outputShapes.length);
    };
    const options = { scale: 0.5, causal: false };
    const whole = (q: Tensor, b: Tensor) => attention(q, key, value, { ...options, bias: b });
    const alone = (q: Tensor, b: Tensor) => attentionProbabilities(q, key, { ...options, bias: b });
    expect(await backwardOf([query], (q = query) => whole(q, bias))).toEqual([3]);
    expect(await backwardOf([query, bias], (q = query, b = bias) => whole(q, b))).toContain(4);
    expect(await backwardOf([query], (q = query) => alone(q, bias))).toEqual([2]);
    expect(await backwardOf([query, bias], (q = query, b = bias) => alone(q, b))).toContain(3);
  });

  it("treats rows and groups of heads alike: permuting them permutes the result and every gradient", () => {
    holds((sizes) => {
      const { B, G, H, T, K } = sizes;
      const { query, key, value } = draw({ ...sizes, H: G });
      const dy = makeInput({ shape: [B, G, T, K], seed: H });
      for (const [axis, order] of [reversed(B), reversed(G)].entries()) {
        const permute = (x: Tensor) => gather(x, order, axis);
        const f = (q = query, k = key, v = value) => attention(q, k, v, { scale: 0.5, causal: true });
        expectTensor(f(permute(query), permute(key), permute(value)), numbers(permute(f())), close);
        const gradients = grads(f)([query, key, value], dy);
        const permuted = grads(f)([permute(query), permute(key), permute(value)], permute(dy));
        for (const [i, gradient] of permuted.entries()) {
          // Where one key is seen, query and key have no gradient but rounding.
          expectTensor(gradient, numbers(permute(gradients[i] ?? scalar(NaN))), { ...close, floor: 64 * ROUNDING });
        }
      }
    });
  });

  it("with a cache gives what the last queries of the whole get", () => {
    holds((sizes) => {
      const { B, H, T, S, K, seed } = sizes;
      const { key, value } = draw(sizes);
      const query = makeInput({ shape: [B, H, S, K], seed });
      const last = (x: Tensor) => slice(x, [0, 0, S - T, 0], [B, H, T, K]);
      const options = { scale: 0.5, causal: true };
      expectTensor(
        attention(last(query), key, value, options),
        numbers(last(attention(query, key, value, options))),
        close,
      );
    });
  });

  it("does not see padding: its keys and values have no gradient, and no influence", () => {
    tidy(() => {
      const sizes = { B: 1, G: 1, H: 2, T: 3, S: 4, K: 3, seed: 2 };
      const { query, key, value } = draw(sizes);
      const mask_BS = tensor(new Int32Array([0, 1, 0, 1]), [1, 4], "int32");
      const f = (q = query, k = key, v = value) => attention(q, k, v, { scale: 0.5, causal: false, mask_BS });
      const elsewhere = mul(tensor([1000, 0, -1000, 0], [1, 1, 4, 1]), ones([1, 1, 4, 3]));
      expectTensor(f(query, add(key, elsewhere), add(value, elsewhere)), numbers(f()), { ratio: 0 });
      const [, ...gradients] = grads(f)([query, key, value], makeInput({ shape: [1, 2, 3, 3], seed: 5 }));
      for (const gradient of gradients) {
        for (const position of [0, 2]) {
          const values = slice(gradient, [0, 0, position, 0], [1, 1, 1, 3]).dataSync();
          expect([...values].map(Math.abs)).toEqual([0, 0, 0]);
        }
      }
    });
  });

  it("has a backward pass that is linear in the cotangent", () => {
    holds((sizes) => {
      const { B, H, T, K, seed } = sizes;
      const { query, key, value } = draw(sizes);
      const [a, b] = [
        makeInput({ shape: [B, H, T, K], seed: seed + 7 }),
        makeInput({ shape: [B, H, T, K], seed: seed + 8 }),
      ];
      const backward = (dy: Tensor) =>
        grads((q = query, k = key, v = value) => attention(q, k, v, { scale: 0.5, causal: false }))(
          [query, key, value],
          dy,
        );
      const [together, first, second] = [backward(add(mul(a, scalar(3)), b)), backward(a), backward(b)];
      for (const [i, gradient] of together.entries()) {
        const [one, two] = [first[i], second[i]] as [Tensor, Tensor];
        const expected = numbers(add(mul(one, scalar(3)), two));
        // Sums over up to 25 rows of a group, of terms up to 2^5.
        expectTensor(gradient, expected, { ...close, floor: 25 * 32 * 4 * ROUNDING });
      }
    });
  });

  it("refuses what does not fit, naming it", () => {
    tidy(() => {
      const { query, key, value } = draw({ B: 2, G: 2, H: 4, T: 3, S: 5, K: 7, seed: 1 });
      const options = { scale: 1, causal: false };
      const call =
        (more: object, q = query, k = key, v = value) =>
        () =>
          attention(q, k, v, { ...options, ...more });
      expect(call({}, ones([2, 3, 3, 7]))).toThrow(
        new ShapeError("attention: expected H to be a multiple of G, received H=3, G=2"),
      );
      expect(call({}, ones([2, 4, 7]))).toThrow(/^attention: query: expected shape \[B, H, T, K\]/);
      expect(call({}, query, ones([1, 2, 5, 7]))).toThrow(/^attention: key: .* B=2/);
      expect(call({}, query, key, ones([2, 2, 4, 7]))).toThrow(/^attention: value: .* S=5/);
      expect(call({ mask_BS: ones([2, 4], "int32") })).toThrow(/^attention: mask: .* S=5, received \[2, 4\]/);
      for (const shape of [
        [2, 4, 3, 1],
        [2, 2, 3, 5],
        [3, 4, 3, 5],
        [1, 1, 2, 5],
        [4, 3, 5],
        [1, 1, 1, 1, 5],
      ]) {
        expect(call({ bias: ones(shape) })).toThrow(
          new ShapeError(`attention: expected bias [1 or 2, 1 or 4, 1 or 3, 5], received [${shape.join(", ")}]`),
        );
      }
      expect(() => attentionValues(ones([2, 3, 3, 5]), value)).toThrow(/multiple of G, received H=3, G=2/);
      expect(() => attentionValues(ones([2, 4, 3, 4]), value)).toThrow(/^attention: value: .* S=4/);
    });
  });
});
