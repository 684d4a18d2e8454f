/**
 * Attention probabilities (Bahdanau, Cho and Bengio 2015, arXiv 1409.0473), unreduced: for the token at t, how much the
 * position that predicted it, t − 1, attended to each position. Says nothing about the token itself, so no attributed
 * function enters. Cost: one forward pass.
 *
 * Layers and heads that are not chosen are left out of the result, in the order of the choice; of heads that are not chosen
 * nothing is kept while the model runs.
 *
 * Results: `targetAttributions` [T, G, L, H] from the decoder's self-attention and, for encoder-decoder models,
 * `sourceAttributions` [S, G, L, H] from cross-attention; the other maps go into the sequence scores
 * `encoder_self_attentions` [S, S, L, H] and `decoder_self_attentions`, key first and query second.
 */

import type { Scores } from "../result/attribution.ts";
import type { AttentionMap, AttentionSelection, Internals, InternalsAnswer } from "./internals.ts";
import type { InternalsMethod } from "./method.ts";

export const attention: InternalsMethod<AttentionSelection> = {
  on: "internals",
  usesBaseline: false,
  draws: false,
  options: ["attentionLayers", "attentionHeads"],
  dimensionNames: ["Model Layer", "Attention Head"],
  run: attentionScores,
  paper: "Bahdanau et al. 2015, arXiv 1409.0473",
  formula: "softmax(QKᵀ/√K) of the predicting position",
  cost: "1 forward",
  unit: "probability",
  defaults: {},
  goodFor: "seeing where each head looks, in one forward pass",
  badFor: "explaining an output: it says nothing of the attributed function, and what is looked at need not be used",
};

async function attentionScores(internals: Internals, options: AttentionSelection): Promise<InternalsAnswer> {
  const { start, end, attributeTarget } = internals;
  const maps = await internals.attentionMaps(options);
  const of = (stack: AttentionMap["stack"], kind: AttentionMap["attention"]) =>
    maps.filter((map) => map.stack === stack && map.attention === kind);
  const queries = Array.from({ length: end - start }, (_, g) => start + g - 1);
  const prefix = Array.from({ length: end - 1 }, (_, t) => t);

  const cross = of("decoder", "cross");
  const encoderSelf = of("encoder", "self");
  const decoderSelf = of("decoder", "self");
  const sequenceScores: Record<string, Scores> = {};
  if (encoderSelf.length > 0) {
    const S = encoderSelf[0]?.probabilities.shape[2] ?? 0;
    const all = Array.from({ length: S }, (_, s) => s);
    sequenceScores.encoder_self_attentions = keysByQueries(encoderSelf, S, all, false);
  }
  if (!attributeTarget) sequenceScores.decoder_self_attentions = keysByQueries(decoderSelf, end - 1, prefix, false);
  return {
    sourceAttributions:
      cross.length > 0 ? keysByQueries(cross, cross[0]?.probabilities.shape[2] ?? 0, queries, false) : null,
    targetAttributions: attributeTarget
      ? keysByQueries(decoderSelf, Math.min(internals.targetLength, end), queries, true)
      : null,
    sequenceScores,
  };
}

/** [keys, queries, L, H] out of one map [H, T, S] per layer; NaN where a causal query does not see the key. */
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
          const value = probabilities.values[(head * T + query) * S + key] ?? Number.NaN;
          values[((key * queries.length + column) * L + layer) * H + head] = value;
        }
      }
    }
  }
  return { shape: [keys, queries.length, L, H], values };
}
