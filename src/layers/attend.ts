/**
 * What every attention layer does between its projections: attention over heads, with its sites.
 *
 * Letters: B batch, T queries, S keys, H heads, G key/value heads, K head width.
 */

import { dims } from "../dims.ts";
import { type Site, type Sites, visit } from "../model/sites.ts";
import { type AttentionOptions, attention, attentionProbabilities, attentionValues } from "../ops/attention.ts";
import { reshape, type Tensor, transpose } from "../tensor.ts";

export interface Attend extends AttentionOptions {
  readonly query_BHTK: Tensor;
  readonly key_BGSK: Tensor;
  readonly value_BGSK: Tensor;
  readonly sites?: Sites | undefined;
  /** Which attention this is. */
  readonly at: Omit<Site, "name">;
}

/**
 * Heads attend, and are merged: [B, T, H·K].
 *
 * Visits `value`, `attentionProbabilities` and `headOutput`. Probabilities are made one by one only if somebody wants
 * them; otherwise the fused operation runs, which never stores them.
 */
export function attend({ query_BHTK, key_BGSK, value_BGSK, sites, at, ...options }: Attend): Tensor {
  const value = visit(sites, { ...at, name: "value" }, value_BGSK);
  const probabilities: Site = { ...at, name: "attentionProbabilities" };
  const context_BHTK = sites?.wants(probabilities)
    ? attentionValues(sites.visit(probabilities, attentionProbabilities(query_BHTK, key_BGSK, options)), value)
    : attention(query_BHTK, key_BGSK, value, options);
  return mergeHeads(visit(sites, { ...at, name: "headOutput" }, context_BHTK));
}

/** [B, T, H·K] → [B, H, T, K] */
export function splitHeads(x_BTD: Tensor, heads: number): Tensor {
  const { B, T, D } = dims("splitHeads", x_BTD, "B T D");
  return transpose(reshape(x_BTD, [B, T, heads, D / heads]), [0, 2, 1, 3]);
}

/** [B, H, T, K] → [B, T, H·K] */
export function mergeHeads(x_BHTK: Tensor): Tensor {
  const { B, H, T, K } = dims("mergeHeads", x_BHTK, "B H T K");
  return reshape(transpose(x_BHTK, [0, 2, 1, 3]), [B, T, H * K]);
}
