/**
 * embedding: y[...] = W[ids[...]]
 *
 * W [V, D], ids int32 [...] → y [..., D]. The gradient with respect to W sums the rows that were looked up:
 * dW[v] = Σ dy[...] where ids = v, written as the product of 0/1 and dy because the wasm backend has no segment sum.
 */

import { dims } from "../dims.ts";
import { cast, equal, gather, matMul, range, reshape, type Tensor } from "../tensor.ts";
import { defineKernel, defineOp, first } from "./op.ts";

interface Attrs {
  readonly vocabSize: number;
}

export const embeddingForward = defineKernel<"table" | "ids", Attrs>(
  "Embedding",
  ({ table, ids }) => gather(table, ids, 0),
  ["ids"],
);

export const embeddingBackward = defineKernel<"dy" | "ids", Attrs>(
  "EmbeddingBackward",
  ({ dy, ids }, { vocabSize }) => {
    const isChosen_VM = equal(reshape(range(0, vocabSize), [vocabSize, 1]), reshape(ids, [1, ids.size]));
    return matMul(cast(isChosen_VM, "float32"), reshape(dy, [ids.size, dy.shape.at(-1) ?? 1]));
  },
  ["ids"],
);

const op = defineOp<"table" | "ids", "ids", Attrs>(embeddingForward, {
  saves: ["ids"],
  gradient: (dy, { ids }, attrs) => ({ table: () => first(embeddingBackward({ dy, ids }, attrs)) }),
});

/**
 * Rows of a table.
 * @param table [V, D]
 * @param ids int32, any shape; each from 0 to V − 1, which only the caller can check: ids are not read back
 * @returns ids' shape with D appended
 * @throws ShapeError when the table is not a matrix
 */
export function embedding(table_VD: Tensor, ids: Tensor): Tensor {
  const { V } = dims("embedding: table", table_VD, "V D");
  return op({ table: table_VD, ids }, { vocabSize: V });
}
