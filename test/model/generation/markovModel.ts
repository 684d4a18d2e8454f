/** A model whose next token depends on the last one only, so that everything about its texts can be worked out. */

import type { DecoderOnlyModel } from "../../../src/model/model.ts";
import { select } from "../../../src/ops/select.ts";
import { matMul, oneHot, reshape, type Tensor, tensor } from "../../../src/tensor.ts";

/**
 * @param logits_VV logits of the next token for each last token
 * @param step called with the number of rows before every pass
 */
export function markovModel(
  logits_VV: readonly (readonly number[])[],
  { maxPositions = 100, step = () => {} }: { maxPositions?: number; step?: (rows: number) => void } = {},
): DecoderOnlyModel {
  const V = logits_VV.length;
  const table_VV = tensor(Float32Array.from(logits_VV.flat()), [V, V]);
  return {
    kind: "decoder-only",
    facts: { type: "markov", className: "Markov", width: V, vocabSize: V, layers: 1, heads: 1, maxPositions },
    embed: (ids_BT) => oneHot(ids_BT, V),
    forward({ embeddings_BTD, targets_B }): Tensor {
      const [B = 0, T = 0] = embeddings_BTD.shape;
      step(B);
      if (targets_B !== undefined) return matMul(select(embeddings_BTD, targets_B), table_VV);
      return reshape(matMul(reshape(embeddings_BTD, [B * T, V]), table_VV), [B, T, V]);
    },
    dispose: () => table_VV.dispose(),
  };
}
