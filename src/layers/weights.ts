/**
 * Where a layer's parameters come from: a function from full name and shape to the tensor, which the layer then owns.
 *
 * A layer asks for `name.kernel`, `name.bias`, ... when it is made, so a checkpoint's tensors go into the model without a
 * second copy. A layer that is given no source starts from random values, as any TensorFlow.js layer does.
 */

import { type CompactMatrix, compactMatrix } from "../ops/compactLinear.ts";
import type { CompactFormat } from "../ops/compactMatrix.ts";
import { dispose, ones, randomNormal, readFloatsNow, type Tensor, zeros } from "../tensor.ts";

export interface Weights {
  (name: string, shape: readonly number[]): Tensor;
  /** A matrix of this name that is stored in fewer bits, for those who can multiply by one; they own its tensors then. */
  readonly compact?: (name: string, shape: readonly number[]) => CompactMatrix | undefined;
}

/** Spread of the weights before training (GPT-2's `initializer_range`). */
const INITIAL_STD = 0.02;

/** Random weights: scales one, biases zero, all else normal; the same seed gives the same model. */
export function randomWeights(seed: number, std: number = INITIAL_STD): Weights {
  return (name, shape) => {
    if (name.endsWith(".scale")) return ones(shape);
    if (name.endsWith(".bias")) return zeros(shape);
    return randomNormal(shape, 0, std, seed + hash(name));
  };
}

/** Random weights, of which the matrices of these names are stored in fewer bits. */
export function compactRandomWeights(seed: number, formats: Readonly<Record<string, CompactFormat>>): Weights {
  const whole = randomWeights(seed);
  return Object.assign((name: string, shape: readonly number[]) => whole(name, shape), {
    compact(name: string, [I = 0, O = 0]: readonly number[]): CompactMatrix | undefined {
      const format = formats[name];
      if (format === undefined) return undefined;
      const numbers = whole(name, [I, O]);
      const matrix = compactMatrix(format, readFloatsNow(numbers), [I, O]);
      dispose(numbers);
      return matrix;
    },
  });
}

/** FNV-1a, so that every parameter draws its own numbers. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (const char of text) h = Math.imul(h ^ (char.codePointAt(0) ?? 0), 0x01000193);
  return h & 0x3fffffff;
}
