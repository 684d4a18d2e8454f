/**
 * The rules of DeepLIFT: for each operation of our models multipliers m with Σ m ⊙ Δx = Δy (see `multipliers.ts`).
 *
 *   linear in its inputs        the gradient
 *   a product, a square         the mean of the gradients at both points: Δ(ab) = Δa · b̄ + ā · Δb
 *   φ element by element        Δφ / Δx, the rescale rule; the mean of the slopes where Δx is too small to divide by
 *   a quotient                  that of a product with 1/b: Δ(1/b) = −Δb / (b b')
 *   softmax, attention, norms   in `rescaleSoftmax.ts`, `rescaleAttention.ts`, `rescaleNorm.ts`
 *
 * Where the points coincide each rule is the gradient. An operation that is not in the table has no rule, and is refused.
 */

import { div, mul, neg, scalar, sub, sum, type Tensor } from "../tensor.ts";
import { type Activation, activationBackward, activationForward } from "./activation.ts";
import type { Both, MultiplierRule } from "./multipliers.ts";
import { first } from "./op.ts";
import { rescaleAttention, rescaleAttentionProbabilities } from "./rescaleAttention.ts";
import { rescaleLayerNorm, rescaleRmsNorm } from "./rescaleNorm.ts";
import { rescaleLogSoftmax, rescaleSoftmax } from "./rescaleSoftmax.ts";
import { average, differenceQuotient, ones } from "./twoPoints.ts";

const gradient: MultiplierRule = ({ here, dys }) => here.gradient?.(dys) ?? {};

/** The mean of the gradients at both points: exact for everything of degree two. */
const meanGradient: MultiplierRule = ({ here, there, dys }) => {
  const [a, b] = [here.gradient?.(dys) ?? {}, there.gradient?.(dys) ?? {}];
  return Object.fromEntries(
    Object.entries(a).map(([name, make]) => [name, () => average(make(), (b[name] ?? make)())]),
  );
};

/** Differences below which the slopes are averaged: the error is Δx³/12 · φ''', as small as that of the quotient. */
const SMALL = 1e-3;

/** Δy/Δx of an operation with one input that matters and one output of its shape. */
function slopes(smallest: number): MultiplierRule {
  return (both) => {
    const { here, there, dys } = both;
    const [y, otherY, dy] = [here.outputs[0], there.outputs[0], dys[0]] as [Tensor, Tensor, Tensor];
    const means = meanGradient(both);
    return Object.fromEntries(
      Object.entries(here.inputs).map(([name, x]) => [
        name,
        () => {
          const dx = sub(x, there.inputs[name] ?? x);
          const mean = means[name]?.() ?? dy;
          return differenceQuotient(mul(dy, sub(y, otherY)), dx, smallest, mean);
        },
      ]),
    );
  };
}

/** Δ(a/b) = Δa · mean(1/b) − ā · Δb / (b b') */
const quotient: MultiplierRule = ({ here, there, dys }) => {
  const { a, b } = here.inputs as { a: Tensor; b: Tensor };
  const [otherA, otherB] = [there.inputs.a ?? a, there.inputs.b ?? b];
  const dy = dys[0] as Tensor;
  const one = scalar(1);
  return {
    a: () => sumTo(mul(dy, average(div(one, b), div(one, otherB))), a.shape),
    b: () => sumTo(neg(mul(dy, div(average(a, otherA), mul(b, otherB)))), b.shape),
  };
};

/** Sums the axes along which a tensor of this shape was broadcast. */
function sumTo(x: Tensor, shape: readonly number[]): Tensor {
  const extra = x.shape.length - shape.length;
  const axes = x.shape.flatMap((size, axis) =>
    axis < extra || (shape[axis - extra] === 1 && size !== 1) ? [axis] : [],
  );
  if (axes.length === 0) return x;
  const kept = sum(x, axes, true);
  return extra === 0
    ? kept
    : sum(
        kept,
        Array.from({ length: extra }, (_, axis) => axis),
      );
}

/** Activations with kinks are divided wherever they can be: averaging two slopes would be wrong across the kink. */
const kinked: readonly Activation[] = ["relu"];

/** (φ(x) − φ(x')) / (x − x') */
function slope(x: Tensor, other: Tensor, activation: Activation, smallest?: number): Tensor {
  const limit = smallest ?? (kinked.includes(activation) ? 0 : SMALL);
  const phi = (at: Tensor): Tensor => first(activationForward({ x: at }, { activation }));
  const derivative = (at: Tensor): Tensor => first(activationBackward({ dy: ones(at), x: at }, { activation }));
  const slopes = average(derivative(x), derivative(other));
  return differenceQuotient(sub(phi(x), phi(other)), sub(x, other), limit, slopes);
}

const activationOf = ({ here }: Both): Activation => (here.attributes as { activation: Activation }).activation;

const rescaleActivation: MultiplierRule = (both) => {
  const [x, other] = [both.here.saved[0], both.there.saved[0]] as [Tensor, Tensor];
  return { x: () => mul(both.dys[0] as Tensor, slope(x, other, activationOf(both))) };
};

/** y = φ(gate) · up: a product, one of whose factors is rescaled. */
const rescaleGatedUnit: MultiplierRule = (both) => {
  const [gate, up] = both.here.saved as [Tensor, Tensor];
  const [otherGate, otherUp] = both.there.saved as [Tensor, Tensor];
  const activation = activationOf(both);
  const dy = both.dys[0] as Tensor;
  const phi = (x: Tensor): Tensor => first(activationForward({ x }, { activation }));
  return {
    gate: () => mul(mul(dy, average(up, otherUp)), slope(gate, otherGate, activation)),
    up: () => mul(dy, average(phi(gate), phi(otherGate))),
  };
};

const smooth = slopes(SMALL);
const withKink = slopes(0);

const rules: Readonly<Record<string, MultiplierRule>> = {
  // Ours
  Activation: rescaleActivation,
  Attention: rescaleAttention,
  AttentionProbabilities: rescaleAttentionProbabilities,
  AttentionValues: meanGradient,
  CompactLinear: gradient,
  Embedding: gradient,
  GatedUnit: rescaleGatedUnit,
  LayerNorm: rescaleLayerNorm,
  Linear: gradient,
  Repeat: gradient,
  RmsNorm: rescaleRmsNorm,
  Rotary: gradient,
  SelectEntry: gradient,
  // TensorFlow.js's
  Add: gradient,
  AddN: gradient,
  BatchMatMul: meanGradient,
  Cast: gradient,
  ClipByValue: withKink,
  Concat: gradient,
  Exp: smooth,
  ExpandDims: gradient,
  GatherV2: gradient,
  Identity: gradient,
  Log: smooth,
  logSoftmax__op: rescaleLogSoftmax,
  Maximum: withKink,
  Mean: gradient,
  Minimum: withKink,
  Multiply: meanGradient,
  Neg: gradient,
  Pack: gradient,
  PadV2: gradient,
  RealDiv: quotient,
  Relu: withKink,
  Reshape: gradient,
  Rsqrt: smooth,
  Sigmoid: smooth,
  Slice: gradient,
  Softmax: rescaleSoftmax,
  SplitV: gradient,
  Sqrt: smooth,
  Square: meanGradient,
  Sub: gradient,
  Sum: gradient,
  Tanh: smooth,
  Tile: gradient,
  Transpose: gradient,
  Unpack: gradient,
};

/** The rescale rule for every operation that has one. */
export const rescaleRule = (kernelName: string): MultiplierRule | undefined => rules[kernelName];

/** The non-linearities that are modules in PyTorch models, which is all that Captum's DeepLIFT sees of them. */
const modules: readonly Activation[] = ["relu", "tanh", "sigmoid"];
/** Below this difference Captum takes the gradient. */
const CAPTUMS_SMALLEST = 1e-10;

/** Captum's and Inseq's rule: gradients at the input, but for the non-linearities that are modules. */
export function inseqRule(kernelName: string): MultiplierRule {
  if (kernelName !== "Activation") return gradient;
  return (both) => {
    const activation = activationOf(both);
    if (!modules.includes(activation)) return gradient(both);
    const [x, other] = [both.here.saved[0], both.there.saved[0]] as [Tensor, Tensor];
    return { x: () => mul(both.dys[0] as Tensor, slope(x, other, activation, CAPTUMS_SMALLEST)) };
  };
}
