/**
 * Value-weighted norms (Kobayashi et al. 2020, arXiv 2004.10102): how long the vector is that position j adds to the
 * attention's output at position i, in place of how much weight it gets:
 *
 *   n_ij = ‖ f_ij ‖₂,   f_ij = Σ_h α_hij v_hj W_O,h
 *
 * v are the value vectors with their bias; the bias of the output projection belongs to no position and is left out.
 * With `withResidual` it is the vector that j adds to the state behind the attention part (Kobayashi et al. 2021, arXiv
 * 2109.07152): the residual connection belongs to the position itself, and where a normalisation stands behind the sum, the
 * vectors go through it with its statistics held,
 *
 *   n_ij = ‖ N(f_ij + δ_ij x_i) ‖₂
 *
 * (N is the identity where the norm stands before the attention; in cross-attention no source token has a residual.)
 *
 * Results, in units of the residual stream: `targetAttributions` [T, G, L], `sourceAttributions` [S, G, L].
 */

import type { Scores } from "../../result/attribution.ts";
import { dispose, keep, readFloats, sqrt, square, sum, type Tensor, tidy } from "../../tensor.ts";
import type { InternalsMethod } from "../method.ts";
import {
  type AttentionParts,
  behindNorm,
  copiesToTakeApart,
  measureParts,
  takingApart,
  withOwn,
} from "./attentionParts.ts";
import { attentionPlaces } from "./attentionPlaces.ts";
import type { Internals, InternalsAnswer } from "./internals.ts";
import { causal, layOutLayers } from "./layerScores.ts";

export interface ValueWeightedNormsOptions {
  /** Of the vectors behind the residual connection and the normalisation that may follow it; false by default. */
  readonly withResidual?: boolean;
}

export const valueWeightedNorms: InternalsMethod<ValueWeightedNormsOptions> = {
  on: "internals",
  needs: ["affineAttention"],
  explains: "nothing",
  usesBaseline: false,
  draws: false,
  options: ["withResidual"],
  dimensionNames: ["Model Layer"],
  run: weighNorms,
  paper: "Kobayashi et al. 2020, arXiv 2004.10102; 2021, arXiv 2109.07152",
  formula: "‖Σ_h α_h v_h W_O,h‖₂ of each layer",
  cost: "1 forward beside d_model positions, T × T × D numbers for each layer",
  unit: "length in the residual stream",
  defaults: { withResidual: false },
  goodFor: "how much each position really adds, where attention weights tell only how much was looked at",
  badFor:
    "explaining an output: it has no sign and knows nothing of the attributed function; models that normalise attention's output are refused",
};

async function weighNorms(internals: Internals, options: ValueWeightedNormsOptions): Promise<InternalsAnswer> {
  const { withResidual = false } = options;
  const { start, end, attributeTarget, sourceLength, targetLength } = internals;
  const steps = Array.from({ length: end - start }, (_, g) => start + g - 1);
  const wanted = [
    ...(attributeTarget ? [attentionPlaces.decoder] : []),
    ...(sourceLength === null ? [] : [attentionPlaces.cross]),
  ];
  const norms: { attention: "self" | "cross"; norms_TS: Tensor }[] = [];
  tidy(() => {
    const sites = takingApart(wanted, (parts) => {
      norms.push({ attention: parts.attention, norms_TS: keep(normsOf(parts, withResidual)) });
    });
    internals.decode(sites, copiesToTakeApart(internals.headsWidth, end - 1));
  });
  const scoresOf = async (attention: "self" | "cross", keys: number, rows: number): Promise<Scores> => {
    const layers: Float32Array[] = [];
    for (const found of norms) {
      if (found.attention !== attention) continue;
      const layer = await readFloats(found.norms_TS);
      layers.push(attention === "self" ? causal(layer, keys) : layer);
    }
    return layOutLayers({ keys, layers }, rows, steps);
  };
  const answer = {
    sourceAttributions: sourceLength === null ? null : await scoresOf("cross", sourceLength, sourceLength),
    targetAttributions: attributeTarget ? await scoresOf("self", end - 1, Math.min(targetLength, end)) : null,
    sequenceScores: {},
  };
  dispose(norms.map(({ norms_TS }) => norms_TS));
  return answer;
}

function normsOf(parts: AttentionParts, withResidual: boolean): Tensor {
  return measureParts(parts, (vectors_NTD, from) => {
    const own = withResidual && parts.attention === "self" ? withOwn(vectors_NTD, parts.stream_TD, from) : vectors_NTD;
    return sqrt(sum(square(withResidual ? behindNorm(parts, own) : own), 2));
  });
}
