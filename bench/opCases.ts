/** Operations at the sizes of published models, with what they cost. */

import { activationBackward, activationForward } from "../src/ops/activation.ts";
import { attentionBackward, attentionForward } from "../src/ops/attention.ts";
import { layerNormBackward, layerNormForward } from "../src/ops/layerNorm.ts";
import { linearBackwardInput, linearForward } from "../src/ops/linear.ts";
import { rmsNormBackward, rmsNormForward } from "../src/ops/rmsNorm.ts";
import { randomNormal, scalar, softmax, type Tensor } from "../src/tensor.ts";

export type Kind = "linear" | "layerNorm" | "rmsNorm" | "activation" | "softmax" | "attention";

export interface OpCase {
  readonly kind: Kind;
  readonly name: string;
  readonly sizes: Readonly<Record<string, number | boolean>>;
}

/** M rows times a matrix; those that bench/README.md says a reach of come first. */
export const products: readonly OpCase[] = [
  [768, 3072],
  [3072, 768],
].flatMap(([I = 0, O = 0]) =>
  [8, 32, 128, 512, 2048].map((M): OpCase => ({ kind: "linear", name: `${M} × ${I} × ${O}`, sizes: { M, I, O } })),
);

export const opCases: readonly OpCase[] = [
  { kind: "linear", name: "GPT-2 small, head: 32 × 768 × 50257", sizes: { M: 32, I: 768, O: 50257, transposed: true } },
  { kind: "linear", name: "Marian, up: 512 × 512 × 2048", sizes: { M: 512, I: 512, O: 2048 } },
  { kind: "linear", name: "Llama 7B, up: 128 × 4096 × 11008", sizes: { M: 128, I: 4096, O: 11008 } },
  { kind: "layerNorm", name: "GPT-2 small: 1024 × 768", sizes: { R: 1024, D: 768 } },
  { kind: "rmsNorm", name: "Llama 7B: 512 × 4096", sizes: { R: 512, D: 4096 } },
  { kind: "activation", name: "GPT-2 small, gelu: 1024 × 3072", sizes: { R: 1024, D: 3072 } },
  { kind: "softmax", name: "GPT-2 small: 32 × 50257", sizes: { R: 32, D: 50257 } },
  { kind: "attention", name: "GPT-2 small: 8 × 12 heads × 128 × 64", sizes: { B: 8, H: 12, T: 128, K: 64 } },
  { kind: "attention", name: "Llama 7B: 1 × 32 heads × 512 × 128", sizes: { B: 1, H: 32, T: 512, K: 128 } },
];

/** Floating-point operations of a pass, or 0 where the bytes that are read and written count. */
export function flopsOf({ kind, sizes }: OpCase, backward: boolean): number {
  const { M = 0, I = 0, O = 0, B = 0, H = 0, T = 0, K = 0 } = sizes as Record<string, number>;
  if (kind === "linear") return 2 * M * I * O;
  // Two products forwards, five backwards, each over half of T × T.
  if (kind === "attention") return (backward ? 5 : 2) * B * H * T * T * K;
  return 0;
}

export function bytesOf({ sizes }: OpCase, backward: boolean): number {
  const { R = 0, D = 0 } = sizes as Record<string, number>;
  return 4 * R * D * (backward ? 3 : 2);
}

export interface Prepared {
  readonly forward: () => Tensor[];
  /** Undefined where the backward pass is another operation of this table, or TensorFlow.js's. */
  readonly backward: (() => Tensor[]) | undefined;
  readonly inputs: readonly Tensor[];
}

const random = (shape: readonly number[], seed: number): Tensor => randomNormal(shape, 0, 1, seed);

/** Random inputs on the backend in use, and the kernels on them. */
export function prepare({ kind, sizes }: OpCase): Prepared {
  const { M = 0, I = 0, O = 0, R = 0, D = 0, B = 0, H = 0, T = 0, K = 0 } = sizes as Record<string, number>;
  if (kind === "linear") {
    const attrs = { transposeKernel: sizes.transposed === true };
    const x = random([M, I], 1);
    const kernel = random(attrs.transposeKernel ? [O, I] : [I, O], 2);
    const bias = random([O], 3);
    const dy = random([M, O], 4);
    return {
      forward: () => linearForward({ x, kernel, bias }, attrs),
      backward: () => linearBackwardInput({ dy, kernel }, attrs),
      inputs: [x, kernel, bias, dy],
    };
  }
  if (kind === "attention") {
    const [query, key, value, dy] = [1, 2, 3, 4].map((seed) => random([B, H, T, K], seed)) as [
      Tensor,
      Tensor,
      Tensor,
      Tensor,
    ];
    const given = { query, key, value, bias: scalar(0), mask: scalar(1) };
    const attrs = { scale: 1 / Math.sqrt(K), causal: true };
    const [output, logSumExp] = attentionForward(given, attrs) as [Tensor, Tensor];
    return {
      forward: () => attentionForward(given, attrs),
      backward: () => attentionBackward({ dy, ...given, logSumExp }, { ...attrs, biasGradient: false }),
      inputs: [query, key, value, dy, given.bias, given.mask, output, logSumExp],
    };
  }
  const x = random([R, D], 1);
  const dy = random([R, D], 2);
  const scale = random([D], 3);
  const bias = random([D], 4);
  const inputs = [x, dy, scale, bias];
  const epsilon = 1e-5;
  switch (kind) {
    case "layerNorm":
      return {
        forward: () => layerNormForward({ x, scale, bias }, { epsilon }),
        backward: () => layerNormBackward({ dy, x, scale }, { epsilon }),
        inputs,
      };
    case "rmsNorm":
      return {
        forward: () => rmsNormForward({ x, scale }, { epsilon }),
        backward: () => rmsNormBackward({ dy, x, scale }, { epsilon }),
        inputs,
      };
    case "activation":
      return {
        forward: () => activationForward({ x }, { activation: "gelu_new" }),
        backward: () => activationBackward({ dy, x }, { activation: "gelu_new" }),
        inputs,
      };
    case "softmax":
      return { forward: () => [softmax(x, -1)], backward: undefined, inputs };
    default:
      throw kind satisfies never;
  }
}
