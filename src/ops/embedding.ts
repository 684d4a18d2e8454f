/**
 * embedding: y[...] = W[ids[...]]
 *
 * W [V, D], ids int32 [...] → y [..., D]. The gradient with respect to W sums the rows that were looked up:
 * dW[v] = Σ dy[...] where ids = v, written as oneHot(ids)ᵀ dy because the wasm backend has no segment sum.
 */

import { cast, gather, matMul, oneHot, reshape, type Tensor, transpose } from "../tensor.ts";
import { defineKernel, defineOp, first } from "./op.ts";

interface Attrs {
  readonly vocabSize: number;
}

export const embeddingForward = defineKernel<"table" | "ids", Attrs>("Embedding", ({ table, ids }) =>
  gather(table, ids, 0),
);

export const embeddingBackward = defineKernel<"dy" | "ids", Attrs>(
  "EmbeddingBackward",
  ({ dy, ids }, { vocabSize }) => {
    const chosen_MV = cast(oneHot(reshape(ids, [ids.size]), vocabSize), "float32");
    return matMul(transpose(chosen_MV), reshape(dy, [ids.size, dy.shape.at(-1) ?? 1]));
  },
);

const op = defineOp<"table" | "ids", "ids", Attrs>(embeddingForward, {
  saves: ["ids"],
  gradient: (dy, { ids }, attrs) => ({ table: () => first(embeddingBackward({ dy, ids }, attrs)) }),
});

/**
 * Rows of a table.
 * @param table [V, D]
 * @param ids int32, any shape
 * @returns ids' shape with D appended
 */
export function embedding(table_VD: Tensor, ids: Tensor): Tensor {
  return op({ table: table_VD, ids }, { vocabSize: table_VD.shape[0] ?? 0 });
}
