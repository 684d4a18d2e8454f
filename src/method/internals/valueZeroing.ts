/**
 * Value zeroing (Mohebbi et al. 2023, arXiv 2301.12971): how much position i of a layer's output depends on what position j
 * gave to its attention. Each layer is computed again from its own input, with the value vectors of j set to zero:
 *
 *   s_ℓij = d(h_ℓi, h̃_ℓi),   d(a, b) = 1 − cos(a, b) or ‖a − b‖₂
 *
 * where h̃ is the output of that layer alone, after the last normalisation in the last layer. As in Inseq, scores below 1e-5
 * are zero, and those of each i are divided by their sum over j, so that they are shares (0 where nothing mattered).
 *
 * All layers are asked in one pass: every block starts from the clean input. Its rows are the clean run and one for each
 * zeroed position, so the cost is as many rows as positions of each attention. Nothing of size layers × heads × S × S exists.
 *
 * Results: `targetAttributions` [T, G, L] from the decoder's self-attention; `sourceAttributions` [S, G, L] from
 * cross-attention; `encoder_self_scores` [S, S, L] and `decoder_self_scores`, zeroed position first.
 */

import { OptionError } from "../../errors.ts";
import type { Site, Sites } from "../../model/sites.ts";
import { repeat } from "../../ops/repeat.ts";
import type { Scores } from "../../result/attribution.ts";
import {
  dispose,
  div,
  keep,
  maximum,
  mul,
  readFloats,
  scalar,
  slice,
  sqrt,
  square,
  squeeze,
  sub,
  sum,
  type Tensor,
  tensor,
  tidy,
} from "../../tensor.ts";
import type { InternalsMethod } from "../method.ts";
import { type AttentionPlace, attentionPlaces } from "./attentionPlaces.ts";
import { checkEncoderDecoderOptions } from "./encoderDecoderOptions.ts";
import { chosenHeads, type IndicesByLayer } from "./heads.ts";
import type { Internals, InternalsAnswer } from "./internals.ts";
import { type LayerScores, layOutLayers } from "./layerScores.ts";

const metrics = ["cosine", "euclidean"] as const;

export interface ValueZeroingOptions {
  /** How states are compared; `cosine` by default. */
  readonly similarityMetric?: (typeof metrics)[number];
  /** Value heads that are zeroed in the encoder; all by default. Heads that share a value vector are one. */
  readonly encoderZeroedUnitsIndices?: IndicesByLayer;
  /** In the decoder's self-attention. */
  readonly decoderZeroedUnitsIndices?: IndicesByLayer;
  /** In cross-attention. */
  readonly crossZeroedUnitsIndices?: IndicesByLayer;
  /** Encoder-decoder models whose target is not attributed: give `decoder_self_scores`; true by default. */
  readonly outputDecoderSelfScores?: boolean;
  /** Encoder-decoder models: give `encoder_self_scores`; true by default. */
  readonly outputEncoderSelfScores?: boolean;
}

export const valueZeroing: InternalsMethod<ValueZeroingOptions> = {
  on: "internals",
  needs: [],
  explains: "nothing",
  usesBaseline: false,
  draws: false,
  options: [
    "similarityMetric",
    "encoderZeroedUnitsIndices",
    "decoderZeroedUnitsIndices",
    "crossZeroedUnitsIndices",
    "outputDecoderSelfScores",
    "outputEncoderSelfScores",
  ],
  dimensionNames: ["Model Layer"],
  run: zeroValues,
  paper: "Mohebbi et al. 2023, arXiv 2301.12971",
  formula: "d(hᵢ, h̃ᵢ) of each layer with the value vectors of one token zeroed, as shares",
  cost: "1 forward for each token of each attention",
  unit: "share of a position's dependence",
  defaults: { similarityMetric: "cosine", outputDecoderSelfScores: true, outputEncoderSelfScores: true },
  goodFor: "what each layer's mixing depends on, values included, from real runs of the model",
  badFor: "explaining an output: layers are looked at one by one, whatever the attributed function",
};

/** Smaller scores are taken for rounding. */
const NOTHING = 1e-5;
/** States of no length have no direction: PyTorch's bound of the norms in a cosine. */
const SMALLEST_NORM = 1e-8;

async function zeroValues(internals: Internals, options: ValueZeroingOptions): Promise<InternalsAnswer> {
  const { start, end, attributeTarget, sourceLength } = internals;
  const {
    similarityMetric: metric = "cosine",
    outputDecoderSelfScores = true,
    outputEncoderSelfScores = true,
  } = options;
  if (!metrics.includes(metric)) {
    throw new OptionError(
      `similarityMetric: expected one of ${metrics.join(", ")}, received ${JSON.stringify(metric)}`,
    );
  }
  const ofHeads = ["encoderZeroedUnitsIndices", "crossZeroedUnitsIndices"] as const;
  checkEncoderDecoderOptions(internals, options, ofHeads, ", or give decoderZeroedUnitsIndices");
  checkEncoderDecoderOptions(internals, options, ["outputDecoderSelfScores", "outputEncoderSelfScores"]);
  const measure = async (
    attention: AttentionPlace,
    name: "encoderZeroedUnitsIndices" | "decoderZeroedUnitsIndices" | "crossZeroedUnitsIndices",
    keys: number,
  ): Promise<LayerScores> => {
    const heads = (layer: number, count: number) => chosenHeads(name, options[name], layer, count);
    return await sharesOf(internals, attention, heads, metric, keys);
  };
  const T = end - 1;
  const steps = Array.from({ length: end - start }, (_, g) => start + g - 1);
  const prefix = Array.from({ length: T }, (_, t) => t);
  const sequenceScores: Record<string, Scores> = {};

  const wantsSelf = attributeTarget || outputDecoderSelfScores;
  const decoder = wantsSelf ? await measure(attentionPlaces.decoder, "decoderZeroedUnitsIndices", T) : null;
  if (decoder !== null && !attributeTarget) sequenceScores.decoder_self_scores = layOutLayers(decoder, T, prefix);
  if (sourceLength === null) {
    const target = decoder && layOutLayers(decoder, Math.min(internals.targetLength, end), steps);
    return { sourceAttributions: null, targetAttributions: target, sequenceScores };
  }
  const cross = await measure(attentionPlaces.cross, "crossZeroedUnitsIndices", sourceLength);
  if (outputEncoderSelfScores) {
    const encoder = await measure(attentionPlaces.encoder, "encoderZeroedUnitsIndices", sourceLength);
    const all = Array.from({ length: sourceLength }, (_, s) => s);
    sequenceScores.encoder_self_scores = layOutLayers(encoder, sourceLength, all);
  }
  return {
    sourceAttributions: layOutLayers(cross, sourceLength, steps),
    targetAttributions:
      attributeTarget && decoder ? layOutLayers(decoder, Math.min(internals.targetLength, end), steps) : null,
    sequenceScores,
  };
}

async function sharesOf(
  internals: Internals,
  place: AttentionPlace,
  heads: (layer: number, count: number) => readonly number[],
  metric: (typeof metrics)[number],
  keys: number,
): Promise<LayerScores> {
  const causal = place === attentionPlaces.decoder;
  const run = place.stack === "encoder" ? internals.encode : internals.decode;
  const layers: Float32Array[] = [];
  const zeroedPerPass = Math.max(1, internals.rowsPerPass - 1);
  for (let from = 0; from < keys; from += zeroedPerPass) {
    const zeroed = Array.from({ length: Math.min(zeroedPerPass, keys - from) }, (_, i) => from + i);
    const distances = tidy(() => {
      const seen: Tensor[] = [];
      const last = run(
        zeroing(place, zeroed, heads, (states) => seen.push(distancesFromFirst(states, metric))),
        zeroed.length + 1,
      );
      // What leaves the last block is normalised before it is compared.
      return [...seen.slice(0, -1), distancesFromFirst(last, metric)].map(keep);
    });
    for (const [layer, distances_NT] of distances.entries()) {
      const [, T = 0] = distances_NT.shape;
      const values = await readFloats(distances_NT);
      const scores = layers[layer] ?? new Float32Array(T * keys).fill(Number.NaN);
      layers[layer] = scores;
      for (const [n, key] of zeroed.entries()) {
        for (let query = causal ? key : 0; query < T; query++) {
          const distance = values[n * T + query] ?? Number.NaN;
          scores[query * keys + key] = distance < NOTHING ? 0 : distance;
        }
      }
    }
    dispose(distances);
  }
  for (const scores of layers) divideBySums(scores, keys);
  return { keys, layers };
}

/** Row 0 is clean, row 1 + n has no values at position `zeroed[n]`; every block starts from the clean states. */
function zeroing(
  place: AttentionPlace,
  zeroed: readonly number[],
  heads: (layer: number, count: number) => readonly number[],
  seen: (states_RTD: Tensor) => void,
): Sites {
  const isPlace = (site: Site) => site.stack === place.stack && site.attention === place.attention;
  return {
    wants: (site) =>
      site.name === "value" ? isPlace(site) : site.stack === place.stack && /^block(?:In|Out)put$/.test(site.name),
    visit(site, x) {
      if (site.name === "blockOutput") {
        seen(x);
        return x;
      }
      const [R = 0, G = 0, S = 0] = x.shape;
      if (site.name === "blockInput") return repeat(slice(x, [0, 0, 0], [1, G, S]), R);
      const kept = new Float32Array(R * G * S).fill(1);
      for (const head of heads(site.layer, G)) {
        for (const [n, position] of zeroed.entries()) kept[((n + 1) * G + head) * S + position] = 0;
      }
      return mul(x, tensor(kept, [R, G, S, 1]));
    },
  };
}

/** d between row 0 and each other row, [R, T, D] → [R − 1, T] */
function distancesFromFirst(states_RTD: Tensor, metric: (typeof metrics)[number]): Tensor {
  const [R = 0, T = 0, D = 0] = states_RTD.shape;
  const clean = slice(states_RTD, [0, 0, 0], [1, T, D]);
  const others = slice(states_RTD, [1, 0, 0], [R - 1, T, D]);
  if (metric === "euclidean") return squeeze(norm(sub(others, clean)), [2]);
  // 1 − cos(a, b) = ½ ‖a/‖a‖ − b/‖b‖‖², which keeps its digits where the cosine is nearly one.
  return mul(sum(square(sub(direction(others), direction(clean))), 2), scalar(0.5));
}

const norm = (x: Tensor): Tensor => sqrt(sum(square(x), 2, true));
const direction = (x: Tensor): Tensor => div(x, maximum(norm(x), scalar(SMALLEST_NORM)));

/** Each query's scores over their sum, where there is one. */
function divideBySums(scores: Float32Array, keys: number): void {
  for (let from = 0; from < scores.length; from += keys) {
    const row = scores.subarray(from, from + keys);
    const total = row.reduce((sum, score) => sum + (Number.isNaN(score) ? 0 : score), 0);
    if (total > 0) for (const [key, score] of row.entries()) row[key] = score / total;
  }
}
