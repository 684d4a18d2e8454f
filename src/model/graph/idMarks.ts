/**
 * Ids where embeddings are expected, for a graph whose embeddings are unknown: the marks of id i are i + 1 and (i + 1)².
 *
 * Two marks are checked against each other, so that only tokens pass: a point between two tokens, a mean and zeros do not.
 */

import { OptionError, UnsupportedError } from "../../errors.ts";
import { add, cast, clone, customGrad, int32, mul, readFloatsNow, scalar, stack, type Tensor } from "../../tensor.ts";

/** How wide the marks of a token are. */
export const MARKS = 2;

/** int32 [B, T] → [B, T, 2] */
export function marksOf(ids_BT: Tensor): Tensor {
  const x = add(cast(ids_BT, "float32"), scalar(1));
  return stack([x, mul(x, x)], 2);
}

const ADVICE =
  "the node of its embeddings is not known: name it in the option graph.embeddings, or take a perturbation method whose " +
  "baseline is a token (occlusion, leave_one_out, lime, kernel_shap, shapley_values)";

/**
 * int32 ids [B, T] of marks [B, T, 2].
 * @throws OptionError where a mark is no token's
 */
export function idsOf(description: string, marks_BT2: Tensor): Tensor {
  const [B = 0, T = 0] = marks_BT2.shape;
  const numbers = readFloatsNow(marks_BT2);
  const ids = Array.from({ length: B * T }, (_, i) => {
    const [x = 0, square] = numbers.subarray(MARKS * i);
    if (x >= 1 && Number.isInteger(x) && Math.fround(x * x) === square) return x - 1;
    throw new OptionError(`${description}: expected tokens, received something between or beside them; ${ADVICE}`);
  });
  return int32(ids, [B, T]);
}

/** What was computed from the ids of marks, for those who ask for a gradient at the marks: an UnsupportedError. */
export const withoutGradient = (description: string, marks_BT2: Tensor, computed: Tensor): Tensor =>
  customGrad(
    marks_BT2,
    () => clone(computed),
    () => {
      throw new UnsupportedError(`${description}: gradients with respect to token ids do not exist, and ${ADVICE}`);
    },
  );
