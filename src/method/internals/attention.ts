/**
 * Attention probabilities (Bahdanau, Cho and Bengio 2015, arXiv 1409.0473), unreduced: for the token at t, how much the
 * position that predicted it, t − 1, attended to each position. Says nothing about the token itself, so no attributed
 * function enters. Cost: one forward pass.
 *
 * Layers and heads that are not chosen are left out of the result, in the order of the choice. What is kept while the model
 * runs are the chosen heads at the queries of the result, and one layer's probabilities.
 *
 * Results: `targetAttributions` [T, G, L, H] from the decoder's self-attention and, for encoder-decoder models,
 * `sourceAttributions` [S, G, L, H] from cross-attention; the other maps go into the sequence scores
 * `encoder_self_attentions` [S, S, L, H] and `decoder_self_attentions`, key first and query second, unless they are not
 * wanted.
 */

import type { Scores } from "../../result/attribution.ts";
import type { InternalsMethod } from "../method.ts";
import { checkEncoderDecoderOptions } from "./encoderDecoderOptions.ts";
import type { AttentionMap, AttentionSelection, Internals, InternalsAnswer } from "./internals.ts";

export interface AttentionOptions extends AttentionSelection {
  /** Encoder-decoder models whose target is not attributed: give the decoder's self-attention; true by default. */
  readonly outputDecoderSelfScores?: boolean;
  /** Encoder-decoder models: give the encoder's self-attention; true by default. */
  readonly outputEncoderSelfScores?: boolean;
}

export const attention: InternalsMethod<AttentionOptions> = {
  on: "internals",
  needs: [],
  explains: "nothing",
  usesBaseline: false,
  draws: false,
  options: ["attentionLayers", "attentionHeads", "outputDecoderSelfScores", "outputEncoderSelfScores"],
  dimensionNames: ["Model Layer", "Attention Head"],
  run: attentionScores,
  paper: "Bahdanau et al. 2015, arXiv 1409.0473",
  formula: "softmax(QKᵀ/√K) of the predicting position",
  cost: "1 forward",
  unit: "probability",
  defaults: { outputDecoderSelfScores: true, outputEncoderSelfScores: true },
  goodFor: "seeing where each head looks, in one forward pass",
  badFor: "explaining an output: it says nothing of the attributed function, and what is looked at need not be used",
};

async function attentionScores(internals: Internals, options: AttentionOptions): Promise<InternalsAnswer> {
  const { start, end, attributeTarget, sourceLength } = internals;
  const { outputDecoderSelfScores = true, outputEncoderSelfScores = true } = options;
  checkEncoderDecoderOptions(internals, options, ["outputDecoderSelfScores", "outputEncoderSelfScores"]);
  const count = (length: number): number[] => Array.from({ length }, (_, i) => i);
  const predicting = count(end - start).map((g) => start + g - 1);
  const queriesOf = (stack: AttentionMap["stack"], kind: AttentionMap["attention"]): readonly number[] => {
    if (stack === "encoder") return outputEncoderSelfScores ? count(sourceLength ?? 0) : [];
    if (kind === "cross" || attributeTarget) return predicting;
    return outputDecoderSelfScores ? count(end - 1) : [];
  };
  const maps = await internals.attentionMaps(options, queriesOf);
  const scoresOf = (stack: AttentionMap["stack"], kind: AttentionMap["attention"], keys?: number): Scores | null => {
    const found = maps.filter((map) => map.stack === stack && map.attention === kind);
    if (found.length === 0) return null;
    const S = found[0]?.probabilities.shape[2] ?? 0;
    return keysByQueries(found, keys ?? S, queriesOf(stack, kind), keys !== undefined);
  };
  const encoder = scoresOf("encoder", "self");
  const decoder = attributeTarget ? null : scoresOf("decoder", "self");
  return {
    sourceAttributions: scoresOf("decoder", "cross"),
    targetAttributions: attributeTarget ? scoresOf("decoder", "self", Math.min(internals.targetLength, end)) : null,
    sequenceScores: {
      ...(encoder && { encoder_self_attentions: encoder }),
      ...(decoder && { decoder_self_attentions: decoder }),
    },
  };
}

/** [keys, queries, L, H] out of one map [H, queries, S] per layer; NaN where a causal query does not see the key. */
function keysByQueries(
  maps: readonly AttentionMap[],
  keys: number,
  queries: readonly number[],
  causal: boolean,
): Scores {
  const L = maps.length;
  const H = maps[0]?.probabilities.shape[0] ?? 0;
  const values = new Float32Array(keys * queries.length * L * H).fill(Number.NaN);
  for (const [layer, { probabilities }] of maps.entries()) {
    const [, T = 0, S = 0] = probabilities.shape;
    for (const [column, query] of queries.entries()) {
      const visible = Math.min(keys, causal ? query + 1 : S);
      for (let key = 0; key < visible; key++) {
        for (let head = 0; head < H; head++) {
          const value = probabilities.values[(head * T + column) * S + key] ?? Number.NaN;
          values[((key * queries.length + column) * L + layer) * H + head] = value;
        }
      }
    }
  }
  return { shape: [keys, queries.length, L, H], values };
}
