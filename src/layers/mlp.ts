/**
 * The feed-forward part of the blocks of a stack: the same in all of them, or a mixture of experts in every n-th, as the
 * Switch Transformer has it (Fedus et al. 2021, arXiv 2101.03961).
 */

import { FeedForward, type FeedForwardOptions } from "./feedForward.ts";
import type { LayerOptions } from "./layer.ts";
import { MixtureOfExperts, type MixtureOfExpertsOptions } from "./mixtureOfExperts.ts";

export interface MlpChoice extends Pick<FeedForwardOptions, "feedForwardWidth" | "activation" | "gated" | "bias"> {
  readonly mixture?: MixtureChoice | undefined;
}

export interface MixtureChoice
  extends Pick<MixtureOfExpertsOptions, "experts" | "expertsPerToken" | "normalized" | "routerBias" | "expertFactor"> {
  /** n: the blocks n, 2 n, ... counted from 1 have experts. */
  readonly every: number;
}

/** Whether a block has experts; blocks count from 0. */
export function hasExperts(mixture: Pick<MixtureChoice, "every"> | undefined, layer: number): boolean {
  return mixture !== undefined && (layer + 1) % mixture.every === 0;
}

export function makeMlp(
  { mixture, gated = false, bias = true, ...choice }: MlpChoice,
  { layer, ...place }: LayerOptions & { readonly width: number; readonly layer: number },
): FeedForward | MixtureOfExperts {
  if (mixture === undefined || !hasExperts(mixture, layer))
    return new FeedForward({ ...place, ...choice, gated, bias });
  const { every: _, ...experts } = mixture;
  return new MixtureOfExperts({ ...place, ...choice, gated, bias, ...experts });
}
