/**
 * Value-weighted norms (Kobayashi et al. 2020, arXiv 2004.10102): how long the vector is that position j adds to the
 * attention's output at position i, in place of how much weight it gets:
 *
 *   n_ij = ‖ Σ_h α_hij v_hj W_O,h ‖₂
 *
 * v are the value vectors with their bias; the bias of the output projection belongs to no position and is left out. The
 * residual connection and the normalisation (the paper of 2021 adds them) do not enter.
 *
 * What W_O makes of α v is computed by the model itself: a pass has a row for each j, in which the heads give α_hij v_hj
 * only. So it needs no weights, but an attention whose output is an affine function of its heads; models that normalise
 * that output (OLMo 2, Gemma 2 and 3) are refused.
 *
 * Results, in units of the residual stream: `targetAttributions` [T, G, L], `sourceAttributions` [S, G, L].
 */

import { UnsupportedError } from "../errors.ts";
import type { Sites } from "../model/sites.ts";
import { repeat } from "../ops/repeat.ts";
import {
  abs,
  concat,
  dispose,
  div,
  gather,
  int32,
  keep,
  max,
  mul,
  readFloats,
  scalar,
  slice,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  tidy,
  transpose,
  zerosLike,
} from "../tensor.ts";
import type { Internals, InternalsAnswer } from "./internals.ts";
import type { InternalsMethod } from "./method.ts";
import { layOut, type Place, places, type Shares } from "./valueZeroing.ts";

export const valueWeightedNorms: InternalsMethod<object> = {
  on: "internals",
  usesBaseline: false,
  draws: false,
  options: [],
  dimensionNames: ["Model Layer"],
  run: weighNorms,
  paper: "Kobayashi et al. 2020, arXiv 2004.10102",
  formula: "‖Σ_h α_h v_h W_O,h‖₂ of each layer",
  cost: "1 forward for each token of each attention",
  unit: "length in the residual stream",
  defaults: {},
  goodFor: "how much each position really adds, where attention weights tell only how much was looked at",
  badFor:
    "explaining an output: it has no sign and knows nothing of the attributed function; models that normalise attention's output are refused",
};

/** The clean run, the run without heads, and half of the clean one, which shows whether the output is affine. */
const EXTRA_ROWS = 3;
/** Of the largest output: rounding is far below, a normalisation far above. */
const NOT_AFFINE = 1e-2;

async function weighNorms(internals: Internals): Promise<InternalsAnswer> {
  const { start, end, attributeTarget, sourceLength, targetLength } = internals;
  const steps = Array.from({ length: end - start }, (_, g) => start + g - 1);
  const cross = sourceLength === null ? null : await normsOf(internals, places.cross, sourceLength);
  const self = attributeTarget ? await normsOf(internals, places.decoder, end - 1) : null;
  return {
    sourceAttributions: cross && layOut(cross, sourceLength ?? 0, steps),
    targetAttributions: self && layOut(self, Math.min(targetLength, end), steps),
    sequenceScores: {},
  };
}

async function normsOf(internals: Internals, place: Place, keys: number): Promise<Shares> {
  const causal = place === places.decoder;
  const layers: Float32Array[] = [];
  const perPass = Math.max(1, internals.rowsPerPass - EXTRA_ROWS);
  for (let from = 0; from < keys; from += perPass) {
    const positions = Array.from({ length: Math.min(perPass, keys - from) }, (_, i) => from + i);
    const seen: { norms_NT: Tensor; error: Tensor }[] = [];
    tidy(() => {
      internals.decode(apart(place, positions, seen), positions.length + EXTRA_ROWS);
    });
    for (const [layer, { norms_NT, error }] of seen.entries()) {
      const [, T = 0] = norms_NT.shape;
      const [values, [gap = Number.NaN]] = await Promise.all([readFloats(norms_NT), readFloats(error)]);
      if (!(gap < NOT_AFFINE)) {
        dispose(seen.map(Object.values));
        throw new UnsupportedError(
          `value_weighted_norms: expected an attention whose output is an affine function of its heads, received one ` +
            `that normalises it (layer ${layer}, off by ${gap.toPrecision(2)}); take value_zeroing for this model`,
        );
      }
      const norms = layers[layer] ?? new Float32Array(T * keys).fill(Number.NaN);
      layers[layer] = norms;
      for (const [n, key] of positions.entries()) {
        for (let query = causal ? key : 0; query < T; query++) norms[query * keys + key] = values[n * T + query] ?? 0;
      }
    }
    dispose(seen.map(Object.values));
  }
  return { keys, layers };
}

/** Rows: clean, no heads, half of the clean heads, then one position's part each. Everything else stays clean. */
function apart(place: Place, positions: readonly number[], seen: { norms_NT: Tensor; error: Tensor }[]): Sites {
  const used = ["value", "attentionProbabilities", "headOutput", "attentionOutput"];
  let value_1GSK: Tensor | undefined;
  let probabilities_1HTS: Tensor | undefined;
  return {
    wants: ({ stack, attention, name }) =>
      stack === place.stack && attention === place.attention && used.includes(name),
    visit({ name }, x) {
      const [R = 0, ...rest] = x.shape;
      const clean = slice(x, [0, ...rest.map(() => 0)], [1, ...rest]);
      if (name === "value") value_1GSK = clean;
      else if (name === "attentionProbabilities") probabilities_1HTS = clean;
      else if (name === "headOutput" && value_1GSK !== undefined && probabilities_1HTS !== undefined) {
        const parts = partsOf(probabilities_1HTS, value_1GSK, positions);
        return concat([clean, zerosLike(clean), mul(clean, scalar(0.5)), parts], 0);
      } else {
        const [T = 0, D = 0] = rest;
        const row = (r: number, count = 1) => slice(x, [r, 0, 0], [count, T, D]);
        const whole = sub(clean, row(1));
        const gap = max(abs(sub(sub(row(2), row(1)), mul(whole, scalar(0.5)))));
        const largest = max(abs(whole));
        const norms_NT = sqrt(sum(square(sub(row(EXTRA_ROWS, positions.length), row(1))), 2));
        seen.push({ norms_NT: keep(norms_NT), error: keep(div(gap, largest)) });
        return repeat(clean, R);
      }
      return x;
    },
  };
}

/** α_hij v_hj of each position j: [N, H, T, K] */
function partsOf(probabilities_1HTS: Tensor, value_1GSK: Tensor, positions: readonly number[]): Tensor {
  const [, H = 0] = probabilities_1HTS.shape;
  const [, G = 1] = value_1GSK.shape;
  const at = int32(positions);
  const group = int32(Array.from({ length: H }, (_, head) => Math.floor(head / (H / G))));
  const weights = transpose(gather(probabilities_1HTS, at, 3), [3, 1, 2, 0]); // [N, H, T, 1]
  const values = transpose(gather(gather(value_1GSK, group, 1), at, 2), [2, 1, 0, 3]); // [N, H, 1, K]
  return mul(weights, values);
}
