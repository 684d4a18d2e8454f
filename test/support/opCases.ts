/** The cases of test/golden/ops.json, and how each operation is called with one. */

import { readFileSync } from "node:fs";
import { activate, activationNames, gatedUnit } from "../../src/ops/activation.ts";
import { attention } from "../../src/ops/attention.ts";
import { attentionProbabilities } from "../../src/ops/attentionProbabilities.ts";
import type { AttentionOptions } from "../../src/ops/attentionScores.ts";
import { attentionValues } from "../../src/ops/attentionValues.ts";
import { embedding } from "../../src/ops/embedding.ts";
import { gate } from "../../src/ops/gate.ts";
import { layerNorm } from "../../src/ops/layerNorm.ts";
import { linear } from "../../src/ops/linear.ts";
import { repeat } from "../../src/ops/repeat.ts";
import { rmsNorm } from "../../src/ops/rmsNorm.ts";
import { rotary } from "../../src/ops/rotary.ts";
import { select } from "../../src/ops/select.ts";
import { type Tensor, tensor } from "../../src/tensor.ts";
import { goldenPath } from "./goldenResults.ts";

/** An input is given by its numbers, or drawn from a seed. */
interface InputSpec {
  readonly shape: readonly number[];
  readonly integers?: readonly number[];
  readonly floats?: readonly number[];
  readonly seed?: number;
  readonly scale?: number;
  readonly offset?: number;
}

export interface Expected {
  readonly shape: readonly number[];
  readonly values: readonly number[];
  /** What single precision alone may cost: see make_ops.py. */
  readonly error: number;
}

export interface OpCase {
  readonly op: OpName;
  readonly name: string;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly inputs: Readonly<Record<string, InputSpec>>;
  readonly dy: InputSpec;
  readonly y: Expected;
  readonly gradients: Readonly<Record<string, Expected>>;
  /** Why finite differences cannot check this case. */
  readonly noFiniteDifferences?: string;
}

export type Tensors = Readonly<Record<string, Tensor>>;

const calls = {
  activation: (t, attrs) => activate(given(t, "x"), activationOf(attrs)),
  gatedUnit: (t, attrs) => gatedUnit(given(t, "gate"), given(t, "up"), activationOf(attrs)),
  linear: (t, attrs) =>
    linear(given(t, "x"), given(t, "kernel"), t.bias, {
      transposeKernel: attrs.transposeKernel === true,
      activation: attrs.activation === undefined ? undefined : activationOf(attrs),
    }),
  layerNorm: (t, attrs) => layerNorm(given(t, "x"), given(t, "scale"), given(t, "bias"), Number(attrs.epsilon)),
  rmsNorm: (t, attrs) => rmsNorm(given(t, "x"), given(t, "scale"), Number(attrs.epsilon)),
  embedding: (t) => embedding(given(t, "table"), given(t, "ids")),
  select: (t) => select(given(t, "x"), given(t, "index")),
  repeat: (t, attrs) => repeat(given(t, "x"), Number(attrs.times)),
  rotary: (t, attrs) =>
    rotary(given(t, "x"), given(t, "cos"), given(t, "sin"), { interleaved: attrs.interleaved === true }),
  attention: (t, attrs) => attention(given(t, "query"), given(t, "key"), given(t, "value"), attentionOptions(t, attrs)),
  attentionProbabilities: (t, attrs) =>
    attentionProbabilities(given(t, "query"), given(t, "key"), attentionOptions(t, attrs)),
  gate: (t) => gate(given(t, "x"), given(t, "gate")),
  attentionValues: (t) => attentionValues(given(t, "probabilities"), given(t, "value")),
} as const satisfies Record<string, (tensors: Tensors, attrs: OpCase["attrs"]) => Tensor>;

export type OpName = keyof typeof calls;

export const opNames = Object.keys(calls) as OpName[];

const golden = JSON.parse(readFileSync(goldenPath("ops.json"), "utf8")) as { readonly cases: readonly OpCase[] };

export const casesOf = (op: OpName): OpCase[] => golden.cases.filter((opCase) => opCase.op === op);

/** The operation of a case, applied to tensors. */
export const callOp = ({ op, attrs }: OpCase, tensors: Tensors): Tensor => calls[op](tensors, attrs);

export function makeInput(spec: InputSpec): Tensor {
  if (spec.integers !== undefined) return tensor(Int32Array.from(spec.integers), spec.shape, "int32");
  return tensor(Float32Array.from(spec.floats ?? draw(spec)), spec.shape);
}

/** The generator of make_ops.py: multiples of scale / 2¹⁴, exact in single precision. */
function draw({ shape, seed = 0, scale = 1, offset = 0 }: InputSpec): number[] {
  let state = Math.imul(seed, 7919) >>> 0;
  return Array.from({ length: shape.reduce((product, n) => product * n, 1) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return ((state >>> 16) / 2 ** 14 - 2) * scale + offset;
  });
}

function given(tensors: Tensors, name: string): Tensor {
  const found = tensors[name];
  if (found === undefined) throw new Error(`the case lacks the input ${name}`);
  return found;
}

function activationOf({ activation }: OpCase["attrs"]) {
  const found = activationNames[String(activation)];
  if (found === undefined) throw new Error(`no activation of the name ${activation}`);
  return found;
}

function attentionOptions({ bias, mask }: Tensors, { scale, causal, window, softCap }: OpCase["attrs"]) {
  return {
    bias,
    mask_BS: mask,
    scale: Number(scale),
    causal: causal === true,
    window: window as AttentionOptions["window"],
    softCap: softCap as AttentionOptions["softCap"],
  };
}
