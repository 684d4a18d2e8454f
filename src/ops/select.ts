/**
 * select: y[b] = x[b, index[b]], one entry of each row along the second axis
 *
 * x [B, N, ...], index int32 [B] → y [B, ...]. The position of each row that goes through the output head; the logit of
 * each row's target token. With x [B, N, D] and index [B, M] it is M entries of each row, y[b, m] = x[b, index[b, m]]: rows of
 * the table [B·N, D].
 */

import { dims } from "../dims.ts";
import { add, cast, equal, expandDims, gather, mul, range, reshape, scalar, type Tensor } from "../tensor.ts";
import { embedding } from "./embedding.ts";
import { defineKernel, defineOp, first } from "./op.ts";

interface Attrs {
  readonly N: number;
}

export const selectForward = defineKernel<"x" | "index", Attrs>(
  "SelectEntry",
  ({ x, index }, { N }) => {
    const [B = 0, , ...rest] = x.shape;
    const row_B = mul(range(0, B), cast(scalar(N), "int32"));
    return gather(reshape(x, [B * N, ...rest]), add(row_B, index), 0);
  },
  ["index"],
);

/** From y[b] = x[b, index[b]]: dx[b, n] = dy[b] where n = index[b], else 0. */
export const selectBackward = defineKernel<"dy" | "index", Attrs>(
  "SelectEntryBackward",
  ({ dy, index }, { N }) => {
    const [B = 0, ...rest] = dy.shape;
    const isChosen = equal(reshape(index, [B, 1]), reshape(range(0, N), [1, N]));
    const chosen = reshape(cast(isChosen, "float32"), [B, N, ...rest.map(() => 1)]);
    return mul(chosen, expandDims(dy, 1));
  },
  ["index"],
);

const op = defineOp<"x" | "index", "index", Attrs>(selectForward, {
  saves: ["index"],
  gradient: (dy, { index }, attrs) => ({ x: () => first(selectBackward({ dy, index }, attrs)) }),
});

/**
 * x[b, index[b]] for every row b, or x[b, index[b, m]] for every row b and every m.
 * @param index int32 [B] or [B, M], each from 0 to N − 1, which only the caller can check: indices are not read back
 * @throws ShapeError when index has neither shape
 */
export function select(x: Tensor, index: Tensor): Tensor {
  const [B = 0, N = 0] = x.shape;
  if (index.shape.length !== 2) {
    dims("select: index", index, "B", { B });
    return op({ x, index }, { N });
  }
  dims("select: index", index, "B M", { B });
  const { D } = dims("select: x", x, "B N D");
  const offset_B1 = mul(reshape(range(0, B), [B, 1]), cast(scalar(N), "int32"));
  return embedding(reshape(x, [B * N, D]), add(index, offset_B1));
}
