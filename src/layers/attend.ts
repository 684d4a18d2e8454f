/**
 * What every attention layer does between its projections: attention over heads, with its sites.
 *
 * Letters: B batch, T queries, S keys, H heads, G key/value heads, K head width.
 */

import { dims } from "../dims.ts";
import { type Site, type Sites, visit } from "../model/sites.ts";
import { attention } from "../ops/attention.ts";
import { attentionProbabilities } from "../ops/attentionProbabilities.ts";
import type { AttentionOptions } from "../ops/attentionScores.ts";
import { attentionValues } from "../ops/attentionValues.ts";
import { reshape, split, type Tensor, transpose } from "../tensor.ts";
import type { Pass } from "./pass.ts";

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

/** The present queries, keys and values of a decoder's self-attention. */
export interface CausalAttend extends Omit<AttentionOptions, "causal" | "mask_BS"> {
  readonly query_BHTK: Tensor;
  readonly key_BGTK: Tensor;
  readonly value_BGTK: Tensor;
  readonly layer: number;
}

/** Self-attention of a decoder: present queries attend to past and present, whose keys and values the cache keeps. */
export function attendCausally(present: CausalAttend, { mask_BS, cache, sites }: Pass): Tensor {
  const { query_BHTK, key_BGTK, value_BGTK, layer, ...options } = present;
  const { key, value } = cache?.append(layer, key_BGTK, value_BGTK) ?? { key: key_BGTK, value: value_BGTK };
  const at = { stack: "decoder", attention: "self", layer } as const;
  return attend({ ...options, query_BHTK, key_BGSK: key, value_BGSK: value, causal: true, mask_BS, sites, at });
}

/** Queries, keys and values of heads. */
export interface Heads {
  readonly query_BHTK: Tensor;
  readonly key_BGTK: Tensor;
  readonly value_BGTK: Tensor;
}

/**
 * The heads of one fused projection [B, T, (H + 2 G)·K] that is laid out group by group: the H/G queries of a group, its
 * key, its value. With as many groups as heads that is q, k, v of each head in turn; with one group all queries, one key,
 * one value.
 */
export function splitGroups(x_BTE: Tensor, heads: number, groups: number): Heads {
  const { B, T, E } = dims("splitGroups", x_BTE, "B T E");
  const [K, shared] = [E / (heads + 2 * groups), heads / groups];
  const grouped = reshape(x_BTE, [B, T, groups, shared + 2, K]);
  const [query, key, value] = split(grouped, [shared, 1, 1], 3) as [Tensor, Tensor, Tensor];
  const headsOf = (x: Tensor, count: number) => transpose(reshape(x, [B, T, count, K]), [0, 2, 1, 3]);
  return { query_BHTK: headsOf(query, heads), key_BGTK: headsOf(key, groups), value_BGTK: headsOf(value, groups) };
}

/** [B, T, H·K] → [B, H, T, K] */
export function splitHeads(x_BTD: Tensor, heads: number): Tensor {
  const { B, T, D } = dims("splitHeads", x_BTD, "B T D");
  return transpose(reshape(x_BTD, [B, T, heads, D / heads]), [0, 2, 1, 3]);
}

/** [B, H, T, K] → [B, T, H·K] */
function mergeHeads(x_BHTK: Tensor): Tensor {
  const { B, H, T, K } = dims("mergeHeads", x_BHTK, "B H T K");
  return reshape(transpose(x_BHTK, [0, 2, 1, 3]), [B, T, H * K]);
}
