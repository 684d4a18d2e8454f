/**
 * The rules by which tangents go through operations (`jvp.ts`): for y = f(x) that of y is ẏ = ∂f/∂x ẋ.
 *
 *   linear in each of its inputs   the operation itself, with a tangent in the place of its input, summed over inputs
 *   sums, joins                    the operation itself on all tangents, zeros where there are none
 *   element by element, softmax    the gradient: its Jacobian is symmetric
 *   norms                          y = scale ∘ n(x) with a symmetric ∂n/∂x
 *   steps                          do not move
 *   attention                      in `tangentAttention.ts`
 *
 * An operation that is not in the table has no rule, and is refused.
 */

import {
  add,
  cast,
  div,
  equal,
  exp,
  greaterEqual,
  lessEqual,
  mul,
  neg,
  onesLike,
  reshape,
  runKernel,
  square,
  sub,
  sum,
  type Tensor,
  tensorflow,
  where,
  zeros,
} from "../tensor.ts";
import { type Activation, activationBackward, activationForward } from "./activation.ts";
import { layerNormBackward } from "./layerNorm.ts";
import { first } from "./op.ts";
import { rmsNormBackward } from "./rmsNorm.ts";
import { tangentAttention, tangentAttentionProbabilities } from "./tangentAttention.ts";
import { only, type TangentRule } from "./tangentRule.ts";
import type { Entry } from "./tape.ts";

const outputsOf = (outputs: Tensor | Tensor[]): Tensor[] => (Array.isArray(outputs) ? outputs : [outputs]);

/**
 * @param saved the names of what the operation saves, in its order
 * @param also attributes beside its own
 */
function linearIn(names: readonly string[], saved: readonly string[] = [], also: object = {}): TangentRule {
  return (entry, tangents) => {
    const others = Object.fromEntries(saved.map((name, i) => [name, entry.saved[i] as Tensor]));
    const terms = Object.entries(only(names, entry, tangents)).map(([name, tangent]) =>
      outputsOf(
        runKernel(entry.kernelName, { ...others, [name]: tangent as Tensor }, { ...entry.attributes, ...also }),
      ),
    );
    return entry.outputs.map((_, o) => terms.map((term) => term[o] as Tensor).reduce(add));
  };
}

/** Sums and joins: all inputs in their places, zeros for those that do not move. Those of a join are a list. */
const together: TangentRule = ({ kernelName, inputs, attributes }, tangents) => {
  const all = Object.entries(inputs).map(([name, { shape }]) => [name, tangents[name] ?? zeros(shape)] as const);
  const given = Array.isArray(inputs) ? Object.assign([], Object.fromEntries(all)) : Object.fromEntries(all);
  return outputsOf(runKernel(kernelName, given as Record<string, Tensor>, attributes));
};

/** Of one input: ∂f/∂x is its own transpose. */
const symmetric: TangentRule = (entry, tangents) => {
  const [name = ""] = Object.keys(tangents);
  const gradients = entry.gradient?.([only([name], entry, tangents)[name] as Tensor]) ?? {};
  return [(gradients[name] as () => Tensor)()];
};

const quotient: TangentRule = (entry, tangents) => {
  const [a, b] = entry.saved as [Tensor, Tensor];
  const terms: Tensor[] = [];
  if (tangents.a) terms.push(div(tangents.a, b));
  if (tangents.b) terms.push(neg(div(mul(a, tangents.b), square(b))));
  return [broadcastTo(terms.reduce(add), entry)];
};

/** The tangent of the larger, or the smaller, of two. */
function chosen(isFirst: (a: Tensor, b: Tensor) => Tensor): TangentRule {
  return (entry, tangents) => {
    const [a, b] = entry.saved as [Tensor, Tensor];
    const [da, db] = [tangents.a ?? zeros(a.shape), tangents.b ?? zeros(b.shape)];
    return [where(isFirst(a, b), broadcastTo(da, entry), broadcastTo(db, entry))];
  };
}

function broadcastTo(x: Tensor, { outputs: [y] }: Entry): Tensor {
  return y === undefined || x.shape.join() === y.shape.join() ? x : add(x, zeros(y.shape));
}

/** The sum over those that are as large as the largest, as its gradient has it. */
const extreme: TangentRule = (entry, tangents) => {
  const [x, y] = entry.saved as [Tensor, Tensor];
  const { reductionIndices, axis, keepDims } = entry.attributes as Record<
    string,
    number | number[] | boolean | undefined
  >;
  const axes = tensorflow.util.parseAxisParam((reductionIndices ?? axis) as number | number[], [...x.shape]);
  const kept = x.shape.map((size, i) => (axes.includes(i) ? 1 : size));
  const isExtreme = cast(equal(x, reshape(y, kept)), "float32");
  return [sum(mul(isExtreme, only(["x"], entry, tangents).x as Tensor), axes, keepDims === true)];
};

/** y = x − ln Σ e^x: ẏ = ẋ − Σ p ẋ; y is saved. */
const logSoftmax: TangentRule = (entry, tangents) => {
  const [tangent] = Object.values(tangents) as [Tensor];
  return [sub(tangent, sum(mul(exp(entry.saved[0] as Tensor), tangent), -1, true))];
};

/** y = scale ∘ n(x), from the gradient of n, which is what it is where the scale is one. */
function norm(backward: typeof layerNormBackward | typeof rmsNormBackward): TangentRule {
  return (entry, tangents) => {
    const [x, scale] = entry.saved as [Tensor, Tensor];
    const dy = only(["x"], entry, tangents).x as Tensor;
    const attrs = entry.attributes as { epsilon: number };
    return [mul(first(backward({ dy, x, scale: onesLike(scale) }, attrs)), scale)];
  };
}

/** y = φ(gate) · up */
const gatedUnit: TangentRule = (entry, tangents) => {
  const [gate, up] = entry.saved as [Tensor, Tensor];
  const attrs = entry.attributes as { activation: Activation };
  const moving = only(["gate", "up"], entry, tangents);
  const terms: Tensor[] = [];
  if (moving.gate) terms.push(first(activationBackward({ dy: mul(moving.gate, up), x: gate }, attrs)));
  if (moving.up) terms.push(mul(first(activationForward({ x: gate }, attrs)), moving.up));
  return [terms.reduce(add)];
};

/** What is padded with is constant. */
const pad: TangentRule = ({ kernelName, attributes }, { x }) =>
  outputsOf(runKernel(kernelName, { x: x as Tensor }, { ...attributes, constantValue: 0 }));

/** One or the other, whichever the condition takes. */
const select: TangentRule = (entry, tangents) => {
  const { inputs, saved } = entry;
  const { t, e } = only(["t", "e"], entry, tangents);
  const tangentOf = (tangent: Tensor | undefined, name: string) => tangent ?? zeros(inputs[name]?.shape ?? []);
  return [where(saved[0] as Tensor, tangentOf(t, "t"), tangentOf(e, "e"))];
};

/** Steps, whose outputs do not move where they have a derivative. */
const flat: TangentRule = () => [];

const alongX = linearIn(["x"]);

/** A tangent has no numbers before the position at which its input begins to move. */
const sparse = { skipZeroRows: true };

const rules: Readonly<Record<string, TangentRule>> = {
  // Ours
  Activation: symmetric,
  Attention: tangentAttention,
  AttentionGate: linearIn(["x", "gate"], ["x", "gate"]),
  AttentionProbabilities: tangentAttentionProbabilities,
  AttentionValues: linearIn(["probabilities", "value"], ["probabilities", "value"]),
  CompactLinear: linearIn(["x"], ["words", "scales"], sparse),
  Embedding: linearIn(["table"], ["ids"]),
  GatedUnit: gatedUnit,
  LayerNorm: norm(layerNormBackward),
  Linear: linearIn(["x", "kernel"], ["x", "kernel"], sparse),
  PermuteRows: linearIn(["x"], ["order"]),
  Repeat: alongX,
  RmsNorm: norm(rmsNormBackward),
  Rotary: linearIn(["x"], ["cos", "sin"]),
  SelectEntry: linearIn(["x"], ["index"]),
  // TensorFlow.js's
  Abs: symmetric,
  Add: together,
  AddN: together,
  BatchMatMul: linearIn(["a", "b"], ["a", "b"]),
  Cast: alongX,
  ClipByValue: symmetric,
  Ceil: flat,
  Concat: together,
  Cos: symmetric,
  Cumsum: alongX,
  Erf: symmetric,
  Exp: symmetric,
  ExpandDims: linearIn(["input"]),
  Floor: flat,
  GatherV2: linearIn(["x"], ["x", "indices"]),
  Identity: alongX,
  Log: symmetric,
  logSoftmax__op: logSoftmax,
  Max: extreme,
  Maximum: chosen(greaterEqual),
  Mean: alongX,
  Min: extreme,
  Minimum: chosen(lessEqual),
  Multiply: linearIn(["a", "b"], ["a", "b"]),
  Neg: alongX,
  Pack: together,
  PadV2: pad,
  RealDiv: quotient,
  Relu: symmetric,
  Reshape: alongX,
  Round: flat,
  Rsqrt: symmetric,
  Select: select,
  Sigmoid: symmetric,
  Sign: flat,
  Sin: symmetric,
  Slice: alongX,
  Softmax: symmetric,
  SplitV: alongX,
  Sqrt: symmetric,
  Square: symmetric,
  Step: flat,
  Sub: together,
  Sum: alongX,
  Tanh: symmetric,
  Tile: alongX,
  Transpose: alongX,
  Unpack: linearIn(["value"]),
  ZerosLike: flat,
};

/** The rule of an operation; undefined where there is none. */
export const tangentRule = (kernelName: string): TangentRule | undefined => rules[kernelName];
