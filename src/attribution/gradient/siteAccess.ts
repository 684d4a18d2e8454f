/**
 * Reading, replacing and perturbing the activations of sites while a model runs.
 *
 * To the outside an activation is [B, S, D], a vector for each token; a site that holds heads, [B, H, S, K], has them side
 * by side, D = H·K.
 */

import type { Site, Sites } from "../../model/sites.ts";
import { add, keep, reshape, type Tensor, transpose } from "../../tensor.ts";

const sameSite = (a: Site, b: Site): boolean =>
  a.name === b.name && a.stack === b.stack && a.attention === b.attention && a.layer === b.layer;

/** Sites of a list, each handed to `visit` with its index. */
function among(sites: readonly Site[], visit: (index: number, activation: Tensor) => Tensor): Sites {
  const indexOf = (site: Site): number => sites.findIndex((wanted) => sameSite(wanted, site));
  return {
    wants: (site) => indexOf(site) >= 0,
    visit: (site, activation) => visit(indexOf(site), activation),
  };
}

/** Adds a tensor [B, S, D] to each site's activation. */
export const adding = (sites: readonly Site[], summands: readonly Tensor[]): Sites =>
  among(sites, (i, activation) => add(activation, asHeads(summands[i] as Tensor, activation.shape)));

/** Puts a tensor [B, S, D] in the place of one site's activation. */
export const replacing = (site: Site, replacement: Tensor): Sites =>
  among([site], (_, activation) => asHeads(replacement, activation.shape));

/** Shows a site's activation [B, S, D] as it is, so that what is made of it can be differentiated. */
export const seeing = (site: Site, seen: Tensor[]): Sites =>
  among([site], (_, activation) => {
    seen.push(asTokens(activation));
    return activation;
  });

/** Writes each site's activation [B, S, D] into `found`, where it is kept until it is disposed of. */
export const reading = (sites: readonly Site[], found: Tensor[]): Sites =>
  among(sites, (i, activation) => {
    found[i] = keep(asTokens(activation));
    return activation;
  });

/** Tells of every site that a model visits, and of its width, except where a fused operation would be taken apart. */
export const listing = (tell: (site: Site, width: number) => void): Sites => ({
  wants: ({ name }) => name !== "attentionProbabilities",
  visit: (site, activation) => {
    const [, H = 0, , K = 0] = activation.shape;
    tell(site, activation.shape.length === 3 ? (activation.shape[2] ?? 0) : H * K);
    return activation;
  },
});

/** [B, H, S, K] → [B, S, H·K], in memory of its own. */
function asTokens(activation: Tensor): Tensor {
  const [B = 0, H = 0, S = 0, K = 0] = activation.shape;
  if (activation.shape.length === 3) return reshape(activation, activation.shape);
  return reshape(transpose(activation, [0, 2, 1, 3]), [B, S, H * K]);
}

/** [B, S, H·K] → [B, H, S, K] if the activation has that form. */
function asHeads(x_BSD: Tensor, shape: readonly number[]): Tensor {
  const [, H = 0, S = 0, K = 0] = shape;
  if (shape.length === 3) return x_BSD;
  return transpose(reshape(x_BSD, [x_BSD.shape[0] ?? 0, S, H, K]), [0, 2, 1, 3]);
}
