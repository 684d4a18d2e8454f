/** A model whose next token depends on the last one only, so that everything about its texts can be worked out. */

import type { DecoderOnlyModel } from "../../../src/model/model.ts";
import { select } from "../../../src/ops/select.ts";
import { cast, matMul, mul, oneHot, reshape, scalar, type Tensor, tensor } from "../../../src/tensor.ts";

interface MarkovOptions {
  readonly maxPositions?: number;
  /** Logits grow by this share with every token, so that the same transitions in another order are another probability. */
  readonly sharpening?: number;
  /** Called with the number of rows before every pass. */
  readonly step?: (rows: number) => void;
}

/** @param logits_VV logits of the next token for each last token */
export function markovModel(
  logits_VV: readonly (readonly number[])[],
  { maxPositions = 100, sharpening = 0, step = () => {} }: MarkovOptions = {},
): DecoderOnlyModel {
  const V = logits_VV.length;
  const table_VV = tensor(Float32Array.from(logits_VV.flat()), [V, V]);
  return {
    kind: "decoder-only",
    facts: { type: "markov", className: "Markov", width: V, vocabSize: V, layers: 1, heads: 1, maxPositions },
    layers: [],
    readout: {
      normalize: (states) => states,
      linearized: (parts) => parts,
      logits: (states) => matMul(states, table_VV),
    },
    embed: (ids_BT) => cast(oneHot(ids_BT, V), "float32"),
    forward({ embeddings_BTD, targets_B }): Tensor {
      const [B = 0, T = 0] = embeddings_BTD.shape;
      step(B);
      const scale = scalar(1 + T * sharpening);
      if (targets_B !== undefined) return mul(matMul(select(embeddings_BTD, targets_B), table_VV), scale);
      return mul(reshape(matMul(reshape(embeddings_BTD, [B * T, V]), table_VV), [B, T, V]), scale);
    },
    dispose: () => table_VV.dispose(),
  };
}
