/**
 * compactLinear: y = x Ŵ + b, with a frozen Ŵ that is stored in fewer bits (compactMatrix.ts)
 *
 * x [..., I], Ŵ [I, O] as words and scales, b [O] → y [..., O]; or φ(y) with an activation φ (activated.ts). The gradient with
 * respect to x is exact for Ŵ: dx = dy Ŵᵀ. There is none with respect to Ŵ, whose numbers are whole.
 *
 * The definition makes the float32 matrix for the time of a product, so that a model takes the memory of its words and
 * of one such matrix; the CPU's kernel makes a few columns of it at a time.
 */

import { dims } from "../dims.ts";
import { ShapeError } from "../errors.ts";
import { readFloatsNow, readIntegersNow, reshape, sum, type Tensor, tensor } from "../tensor.ts";
import { activated, type Ending } from "./activated.ts";
import type { Activation } from "./activation.ts";
import { bytesOfRow, type CompactFormat, decodeMatrix, encodeMatrix, scaleRows } from "./compactMatrix.ts";
import { linearBackwardInput, linearForward } from "./linear.ts";
import { defineKernel, defineOp, first } from "./op.ts";

/** A matrix [I, O]; whoever makes one disposes of its tensors. */
export interface CompactMatrix {
  readonly format: CompactFormat;
  readonly shape: readonly [I: number, O: number];
  /** int32 [⌈I · bytes of a row / 4⌉] */
  readonly words: Tensor;
  /** [G, O] */
  readonly scales: Tensor;
}

export interface CompactAttrs {
  readonly format: CompactFormat;
  readonly I: number;
  readonly O: number;
  /** As in linear.ts. */
  readonly skipZeroRows?: boolean;
}

type Stored = { readonly words: Tensor; readonly scales: Tensor };
type Inputs = Stored & { readonly x: Tensor; readonly bias: Tensor };

const decoded = ({ words, scales }: Stored, { format, I, O }: CompactAttrs): Tensor =>
  tensor(decodeMatrix(format, readIntegersNow(words), readFloatsNow(scales), I, O), [I, O]);

export const compactLinearForward = defineKernel<"x" | "words" | "scales" | "bias", CompactAttrs & Ending>(
  "CompactLinear",
  ({ x, words, scales, bias }, { format, I, O, ...ending }) => {
    const kernel = decoded({ words, scales }, { format, I, O });
    const inputs = bias === undefined ? { x, kernel } : { x, kernel, bias };
    return linearForward(inputs as { x: Tensor; kernel: Tensor; bias: Tensor }, { ...ending, transposeKernel: false });
  },
  ["words"],
);

/** dx = dy Ŵᵀ */
export const compactLinearBackwardInput = defineKernel<"dy" | "words" | "scales", CompactAttrs>(
  "CompactLinearBackwardInput",
  ({ dy, words, scales }, attrs) =>
    linearBackwardInput({ dy, kernel: decoded({ words, scales }, attrs) }, { transposeKernel: false }),
  ["words"],
);

const op = defineOp<"x" | "words" | "scales" | "bias", "words" | "scales", CompactAttrs>(compactLinearForward, {
  saves: ["words", "scales"],
  gradient: (dy, { words, scales }, attrs) => ({
    x: () => first(compactLinearBackwardInput({ dy, words, scales }, attrs)),
    bias: () => sum(reshape(dy, [-1, attrs.O]), 0),
  }),
});

/** A finite matrix [I, O], rounded to what `format` can hold, on the backend in use. */
export function compactMatrix(format: CompactFormat, numbers: Float32Array, [I, O]: readonly [number, number]) {
  const { words, scales } = encodeMatrix(format, numbers, I, O);
  return {
    format,
    shape: [I, O],
    words: tensor(words, [words.length], "int32"),
    scales: tensor(scales, [scaleRows(format, I), O]),
  } satisfies CompactMatrix;
}

/**
 * x Ŵ + b over the last axis, or φ(x Ŵ + b) with an activation.
 * @param x [..., I]
 * @param bias [O], or undefined for none
 * @returns [..., O]
 * @throws ShapeError when x's last axis is not I, the bias not [O], or the matrix holds fewer numbers than it says
 */
export function compactLinear(
  x: Tensor,
  { format, shape: [I, O], words, scales }: CompactMatrix,
  bias?: Tensor,
  activation?: Activation,
): Tensor {
  dims("compactLinear: words", words, "N", { N: Math.ceil((I * bytesOfRow(format, O)) / 4) });
  dims("compactLinear: scales", scales, "G O", { G: scaleRows(format, I), O });
  if (x.shape.at(-1) !== I) {
    throw new ShapeError(`compactLinear: expected the last axis of x to be I=${I}, received [${x.shape.join(", ")}]`);
  }
  if (bias !== undefined) dims("compactLinear: bias", bias, "O", { O });
  const tensors = (bias === undefined ? { x, words, scales } : { x, words, scales, bias }) as Inputs;
  if (activation === undefined) return op(tensors, { format, I, O });
  return activated(compactLinearForward, op, tensors, { format, I, O }, activation);
}
