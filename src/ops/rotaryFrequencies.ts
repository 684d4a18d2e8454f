/**
 * The angles of rotary position embedding: position · frequency, with the known ways to stretch the context of a model.
 *
 * Pair i of K/2 turns with the frequency f_i = θ^(−2i/K) (Su et al. 2021, arXiv 2104.09864). Scalings, as Hugging Face's
 * `modeling_rope_utils.py` computes them, with context length M (or M₀ before stretching), factor s, and L the number of
 * positions of a row:
 *
 *   linear    f_i / s                                                          (Chen et al. 2023, arXiv 2306.15595)
 *   dynamic   θ becomes θ (s L/M − (s − 1))^(K/(K−2)) when L > M
 *   yarn      between f_i / s and f_i by a ramp over i; cos and sin scaled     (Peng et al. 2023, arXiv 2309.00071)
 *   longrope  f_i / short_i, or f_i / long_i when L > M₀; cos and sin scaled   (Ding et al. 2024, arXiv 2402.13753)
 *   llama3    f_i / s for wavelengths above M₀/low, f_i below M₀/high, smooth between (Llama 3.1)
 *
 * `dynamic` and `longrope` depend on how long a row is, so under them a token's output depends on whether others follow,
 * and keys in a cache keep the frequencies of their own step, as in the reference. The reference takes the longest row of
 * the batch for L; here each row has its own, so that a result does not depend on what it is computed together with.
 *
 * Letters: B batch, T positions, K head width, C = K/2 pairs.
 */

import { dims } from "../dims.ts";
import {
  add,
  cast,
  cos,
  exp,
  expandDims,
  greater,
  log,
  max,
  maximum,
  mul,
  scalar,
  sin,
  sub,
  type Tensor,
  tensor,
  where,
} from "../tensor.ts";

export type RotaryScaling =
  | { readonly type: "default" }
  | { readonly type: "linear"; readonly factor: number }
  | { readonly type: "dynamic"; readonly factor: number; readonly maxPositions: number }
  | {
      readonly type: "yarn";
      readonly factor: number;
      readonly originalMaxPositions: number;
      /** Multiplies cos and sin. */
      readonly attentionFactor: number;
      /** Turns within the original context above which a pair keeps its frequency. */
      readonly betaFast: number;
      /** Turns within the original context below which a pair is slowed down by the whole factor. */
      readonly betaSlow: number;
      /** Round the ends of the ramp outwards to whole pairs. */
      readonly truncate: boolean;
    }
  | {
      readonly type: "longrope";
      /** One divisor for each pair. */
      readonly shortFactor: readonly number[];
      readonly longFactor: readonly number[];
      readonly originalMaxPositions: number;
      /** Multiplies cos and sin. */
      readonly attentionFactor: number;
    }
  | {
      readonly type: "llama3";
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly originalMaxPositions: number;
    };

export interface RotaryConfig {
  /** Numbers of a head that are turned, even: all K of them, or a part. */
  readonly headWidth: number;
  /** θ, > 1 */
  readonly theta: number;
  readonly scaling: RotaryScaling;
}

/** Whether a position's angles depend on how many others its row has. */
export function dependsOnLength({ scaling }: RotaryConfig): boolean {
  return scaling.type === "dynamic" || scaling.type === "longrope";
}

/** What `rotary` turns by: both [B, T, C]. */
export interface Rotation {
  readonly cos_BTC: Tensor;
  readonly sin_BTC: Tensor;
}

/** Cosines and sines of the angles at the given positions (int32 [B, T]). */
export function rotation(config: RotaryConfig, positions_BT: Tensor): Rotation {
  dims("rotation: positions", positions_BT, "B T");
  const position_BT = cast(positions_BT, "float32");
  const angle_BTC = mul(expandDims(position_BT, 2), frequencies(config, position_BT));
  const scale = scalar("attentionFactor" in config.scaling ? config.scaling.attentionFactor : 1);
  return { cos_BTC: mul(cos(angle_BTC), scale), sin_BTC: mul(sin(angle_BTC), scale) };
}

/** [C] where a row's length does not matter, else [B, 1, C]. */
function frequencies(config: RotaryConfig, position_BT: Tensor): Tensor {
  const { headWidth: K, scaling } = config;
  const host = baseFrequencies(config);
  switch (scaling.type) {
    case "default":
      return vector(host);
    case "linear":
      return vector(host.map((f) => f / scaling.factor));
    case "yarn":
      return vector(yarn(host, config.theta, scaling));
    case "llama3":
      return vector(host.map((f) => llama3(f, scaling)));
    case "dynamic": {
      // θ' = θ · stretch^(K/(K−2)) gives f_i' = f_i · stretch^(−2i/(K−2)): exact where stretch is 1.
      const { factor, maxPositions } = scaling;
      const length = maximum(lengths(position_BT), scalar(maxPositions));
      const stretch = sub(mul(length, scalar(factor / maxPositions)), scalar(factor - 1));
      const powers = vector(host.map((_, i) => (-2 * i) / (K - 2)));
      return mul(vector(host), exp(mul(log(stretch), powers)));
    }
    case "longrope": {
      const divide = (by: readonly number[]) => vector(host.map((f, i) => f / (by[i] ?? Number.NaN)));
      const isLong = greater(lengths(position_BT), scalar(scaling.originalMaxPositions));
      return where(isLong, divide(scaling.longFactor), divide(scaling.shortFactor));
    }
  }
}

/** L = last position + 1 of each row, [B, 1, 1]. */
function lengths(position_BT: Tensor): Tensor {
  return expandDims(add(max(position_BT, 1, true), scalar(1)), 2);
}

/** f_i = θ^(−2i/K), rounded to single precision where the reference rounds: at position 100,000 the last bit counts. */
function baseFrequencies({ headWidth: K, theta }: RotaryConfig): number[] {
  const f32 = Math.fround;
  return Array.from({ length: K / 2 }, (_, i) => f32(1 / f32(theta ** f32((2 * i) / K))));
}

function yarn(host: readonly number[], theta: number, scaling: Extract<RotaryScaling, { type: "yarn" }>): number[] {
  const { factor, originalMaxPositions, betaFast, betaSlow, truncate } = scaling;
  const K = 2 * host.length;
  /** The pair, as a real number, that makes so many turns within the original context. */
  const pairOfTurns = (turns: number) =>
    (K * Math.log(originalMaxPositions / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const [first, last] = [pairOfTurns(betaFast), pairOfTurns(betaSlow)];
  const low = Math.max(truncate ? Math.floor(first) : first, 0);
  const high = Math.min(truncate ? Math.ceil(last) : last, K - 1);
  // The reference widens an empty ramp by this much.
  const width = high === low ? 0.001 : high - low;
  return host.map((f, i) => {
    const slowed = Math.min(Math.max((i - low) / width, 0), 1);
    return (f / factor) * slowed + f * (1 - slowed);
  });
}

function llama3(f: number, scaling: Extract<RotaryScaling, { type: "llama3" }>): number {
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalMaxPositions } = scaling;
  const wavelength = (2 * Math.PI) / f;
  if (wavelength < originalMaxPositions / high) return f;
  if (wavelength > originalMaxPositions / low) return f / factor;
  const smooth = (originalMaxPositions / wavelength - low) / (high - low);
  return ((1 - smooth) * f) / factor + smooth * f;
}

function vector(values: readonly number[]): Tensor {
  return tensor(Float32Array.from(values), [values.length]);
}
