/**
 * An attention part of a block taken apart: what each position j adds to the output at position i,
 *
 *   f_ij = Σ_h α_hij v_hj W_O,h,      output_i = Σ_j f_ij + b_O
 *
 * v are the value vectors with their bias. W_O comes from the model itself: copies of the sequence go through the pass in
 * whose heads stand unit vectors, one at each position, and what leaves the output projection there is a row of W_O. So this
 * needs no weights and serves every architecture whose attention is an affine function of its heads. One layer is apart at
 * a time; everything else in the pass stays clean.
 *
 * Letters: H heads, T queries, S keys, K head width, D model width, R copies, N keys of a slice.
 */

import type { Normalization, Site, Sites } from "../../model/sites.ts";
import { repeat } from "../../ops/repeat.ts";
import {
  add,
  concat,
  dispose,
  gather,
  int32,
  matMul,
  mul,
  reshape,
  slice,
  squeeze,
  sub,
  type Tensor,
  tensor,
  tidy,
  transpose,
} from "../../tensor.ts";
import type { AttentionPlace } from "./attentionPlaces.ts";

export interface AttentionParts {
  readonly attention: Site["attention"];
  readonly layer: number;
  /** What the output is added to, [T, D]. */
  readonly stream_TD: Tensor;
  readonly output_TD: Tensor;
  /** b_O, [D] */
  readonly bias_D: Tensor;
  /** The normalisation behind the residual sum, where one stands there. */
  readonly norm: Normalization | undefined;
  /** α */
  readonly probabilities_HTS: Tensor;
  /** v, of each query head. */
  readonly value_HSK: Tensor;
  /** W_O */
  readonly projection_HKD: Tensor;
}

/** How many copies a pass needs so that H·K unit vectors and a zero fit beside the clean sequence of T positions. */
export const copiesToTakeApart = (headsWidth: number, T: number): number => 1 + Math.ceil((headsWidth + 1) / T);

/** Sites that tell of the attentions in one or several places of a stack; the tensors live as long as the pass. */
export function takingApart(wanted: readonly AttentionPlace[], tell: (parts: AttentionParts) => void): Sites {
  const isWanted = (site: Site) =>
    wanted.some(({ stack, attention }) => stack === site.stack && attention === site.attention);
  const inside = ["value", "attentionProbabilities", "headOutput"];
  let norm: Normalization | undefined;
  let stream_TD: Tensor | undefined;
  let probes: Tensor | undefined;
  const seen = new Map<string, Tensor>();
  return {
    wants: (site) =>
      site.stack === wanted[0]?.stack &&
      (site.name === "blockInput" || site.name === "attentionOutput" || (inside.includes(site.name) && isWanted(site))),
    normalizes(site, behind) {
      if (site.name === "attentionOutput") norm = behind;
    },
    visit(site, x) {
      const [R = 1, ...rest] = x.shape;
      const clean = tidy(() => slice(x, [0, ...rest.map(() => 0)], [1, ...rest]));
      if (inside.includes(site.name))
        seen.set(
          site.name,
          tidy(() => squeeze(clean, [0])),
        );
      if (site.name === "attentionProbabilities") dispose(clean);
      if (site.name === "blockInput") stream_TD = squeeze(clean, [0]);
      if (site.name === "headOutput") {
        if (probes?.shape.slice(1).join() !== rest.join()) probes = unitVectors(R - 1, rest);
        return concat([clean, probes as Tensor], 0);
      }
      if (site.name !== "attentionOutput") return x;
      const output_TD = squeeze(clean, [0]);
      const [value, probabilities] = [seen.get("value"), seen.get("attentionProbabilities")];
      if (stream_TD !== undefined && value !== undefined && probabilities !== undefined && isWanted(site)) {
        const { attention, layer } = site;
        const [H = 1, K = 1] = [probes?.shape[1], probes?.shape[3]];
        const found = { attention, layer, stream_TD, output_TD, norm, probabilities_HTS: probabilities };
        tell({ ...found, ...projectionOf(x, H, K), value_HSK: ofQueryHeads(value, H) });
      }
      // One layer's probabilities exist at a time.
      if (probabilities !== undefined) dispose(probabilities);
      seen.clear();
      const sum_TD = add(stream_TD ?? output_TD, output_TD);
      stream_TD = norm?.call(sum_TD) ?? sum_TD;
      norm = undefined;
      return isWanted(site) ? repeat(clean, R) : x;
    },
  };
}

/** The state behind the attention part, before any normalisation: [T, D]. */
export const sumOf = ({ stream_TD, output_TD }: AttentionParts): Tensor => add(stream_TD, output_TD);

/** What parts of that state are behind the normalisation, [..., T, D]. */
export function behindNorm(parts: AttentionParts, x: Tensor): Tensor {
  return parts.norm?.linearized(x, sumOf(parts)) ?? x;
}

/** Adds x_i to the vector of i at i: keys from ≤ j < from + N, [N, T, D] and [T, D] → [N, T, D]. */
export function withOwn(vectors_NTD: Tensor, stream_TD: Tensor, from: number): Tensor {
  const [N = 0, T = 0] = vectors_NTD.shape;
  const isOwn = new Float32Array(N * T);
  for (let n = 0; n < N; n++) isOwn[n * T + from + n] = 1;
  return add(vectors_NTD, mul(tensor(isOwn, [N, T, 1]), stream_TD));
}

/** The most numbers that a slice of vectors may have: 16 MiB. */
const SLICE = 2 ** 22;

/**
 * A number for each query and key, from the vectors of a few keys at a time.
 * @param measure from the vectors of keys from ≤ j < from + N to [N, T] or [N, H, T]: f_ij as [N, T, D], or with `perHead`
 *   each head's as [N, H, T, D]
 * @returns [T, S], or [H, T, S]
 */
export function measureParts(
  parts: AttentionParts,
  measure: (vectors: Tensor, from: number) => Tensor,
  { perHead = false } = {},
): Tensor {
  const [H = 0, T = 0, S = 0] = parts.probabilities_HTS.shape;
  const D = parts.bias_D.size;
  const atOnce = Math.max(1, Math.floor(SLICE / ((perHead ? H : 1) * T * D)));
  const slices: Tensor[] = [];
  for (let from = 0; from < S; from += atOnce) {
    slices.push(tidy(() => measure(vectorsOf(parts, from, Math.min(S, from + atOnce), perHead), from)));
  }
  const all = concat(slices, 0);
  return transpose(all, perHead ? [1, 2, 0] : [1, 0]);
}

/** f_ij of keys from ≤ j < to, [N, T, D], or the heads' apart, [N, H, T, D]. */
function vectorsOf(parts: AttentionParts, from: number, to: number, perHead: boolean): Tensor {
  const { probabilities_HTS, value_HSK, projection_HKD } = parts;
  const [H = 0, T = 0] = probabilities_HTS.shape;
  const [, , K = 0] = value_HSK.shape;
  const [, , D = 0] = projection_HKD.shape;
  const N = to - from;
  const projected_HND = matMul(slice(value_HSK, [0, from, 0], [H, N, K]), projection_HKD);
  const projected_NHD = transpose(projected_HND, [1, 0, 2]);
  const weights_HTN = slice(probabilities_HTS, [0, 0, from], [H, T, N]);
  if (!perHead) return matMul(transpose(weights_HTN, [2, 1, 0]), projected_NHD);
  const weights = reshape(transpose(weights_HTN, [2, 0, 1]), [N * H, T, 1]);
  return reshape(matMul(weights, reshape(projected_NHD, [N * H, 1, D])), [N, H, T, D]);
}

/** Unit vectors of all heads together, one at each position, then zeros: [R, H, T, K]. */
function unitVectors(R: number, [H = 0, T = 0, K = 0]: readonly number[]): Tensor {
  const values = new Float32Array(R * H * T * K);
  for (let unit = 0; unit < H * K; unit++) {
    const [row, position] = [Math.floor(unit / T), unit % T];
    values[((row * H + Math.floor(unit / K)) * T + position) * K + (unit % K)] = 1;
  }
  return tensor(values, [R, H, T, K]);
}

/** W_O and b_O from what became of the unit vectors. */
function projectionOf(output_RTD: Tensor, H: number, K: number): Pick<AttentionParts, "projection_HKD" | "bias_D"> {
  const [R = 0, T = 0, D = 0] = output_RTD.shape;
  const rows = reshape(slice(output_RTD, [1, 0, 0], [R - 1, T, D]), [(R - 1) * T, D]);
  const bias_1D = slice(rows, [H * K, 0], [1, D]);
  const projection = sub(slice(rows, [0, 0], [H * K, D]), bias_1D);
  return { projection_HKD: reshape(projection, [H, K, D]), bias_D: squeeze(bias_1D, [0]) };
}

/** The value vectors [G, S, K] that H heads share, one for each: [H, S, K]. */
function ofQueryHeads(value_GSK: Tensor, H: number): Tensor {
  const [G = H] = value_GSK.shape;
  if (G === H) return value_GSK;
  return gather(value_GSK, int32(Array.from({ length: H }, (_, head) => Math.floor(head / (H / G)))), 0);
}
