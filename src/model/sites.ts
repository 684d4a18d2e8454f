/**
 * Sites: the named places inside a model where an activation can be read, replaced or differentiated.
 *
 * A model visits each of its sites in order of computation. What `visit` returns is what the model goes on with, so
 * returning the argument reads, returning another tensor replaces, and returning an input of `tf.grad` differentiates.
 * Some activations (attention probabilities) are made only if `wants` says so, because fused kernels never store them.
 */

import type { Tensor } from "../tensor.ts";

export type SiteName =
  /** [B, T, D]: what enters a block. */
  | "blockInput"
  /** [B, T, D]: what leaves a block. */
  | "blockOutput"
  /** [B, G, S, K]: value vectors per key/value head. */
  | "value"
  /** [B, H, T, S]: attention probabilities. */
  | "attentionProbabilities"
  /** [B, H, T, K]: weighted sum of values per head, before the output projection. */
  | "headOutput"
  /** [B, T, D]: after the output projection, before the residual sum. */
  | "attentionOutput"
  /** [B, T, D]: output of the feed-forward part, before the residual sum. */
  | "mlpOutput"
  /** [B, T, F]: what enters the last map of the feed-forward part, in the models that may drop some of it in training. */
  | "mlpActivation"
  /** [B, T, D], or [B, D] or [B, N, D] at the positions that are read: what leaves a stack, normalised; likewise. */
  | "stackOutput";

export interface Site {
  readonly name: SiteName;
  readonly stack: "encoder" | "decoder";
  /** Which attention of the block; `self` for sites outside attention. */
  readonly attention: "self" | "cross";
  readonly layer: number;
}

/** A normalisation of each position alone, which is affine once its statistics are held. */
export interface Normalization {
  /** [..., D] → [..., D] */
  call(x: Tensor): Tensor;
  /** What parts of a state become in the normalisation of the whole: linear in the parts, without the norm's bias. */
  linearized(parts: Tensor, whole: Tensor): Tensor;
}

export interface Sites {
  wants(site: Site): boolean;
  visit(site: Site, activation: Tensor): Tensor;
  /** Told, before a site is visited, of a normalisation behind the residual sum that the site's activation is added to. */
  normalizes?(site: Site, norm: Normalization): void;
}

/** Visits a site if somebody wants it; otherwise the activation passes through. */
export function visit(sites: Sites | undefined, site: Site, activation: Tensor): Tensor {
  return sites?.wants(site) ? sites.visit(site, activation) : activation;
}
