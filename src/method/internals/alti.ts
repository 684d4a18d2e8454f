/**
 * ALTI, aggregation of layer-wise token-to-token interactions (Ferrando, Gállego and Costa-jussà 2022, arXiv 2203.04212), for
 * encoder-decoders ALTI+ (Ferrando et al. 2022, arXiv 2205.11631). The state behind an attention part is a sum of vectors,
 *
 *   y_i = Σ_j T_ij + bias,    T_ij = N(Σ_h α_hij v_hj W_O,h + δ_ij x_i)
 *
 * with N the normalisation behind the residual sum, its statistics held, where one stands there, else the identity. A
 * vector contributes as much as leaving it away changes y in the L1 norm,
 *
 *   c_ij = max(0, ‖y_i‖₁ − ‖y_i − T_ij‖₁),    M_ij = c_ij / Σ_k c_ik
 *
 * and the shares M are rolled out over layers. In cross-attention the vectors are those of the source and the residual
 * stream, which brings what the target prefix has contributed. Feed-forward parts stay at their position.
 *
 * Results: shares `targetAttributions` [T, G] and `sourceAttributions` [S, G] of the predicting positions; the shares of source
 * and prefix together sum to one. One layer's vectors exist at a time, a slice of keys of them.
 */

import {
  abs,
  add,
  cast,
  div,
  expandDims,
  lessEqual,
  mul,
  relu,
  scalar,
  sub,
  sum,
  type Tensor,
  tidy,
} from "../../tensor.ts";
import type { InternalsMethod } from "../method.ts";
import {
  type AttentionParts,
  behindNorm,
  copiesToTakeApart,
  measureParts,
  sumOf,
  takingApart,
  withOwn,
} from "./attentionParts.ts";
import { identity, type Mixing, type Mixture, rollOut } from "./rollout.ts";

export const alti: InternalsMethod<object> = {
  on: "internals",
  needs: ["affineAttention"],
  explains: "nothing",
  usesBaseline: false,
  draws: false,
  options: [],
  dimensionNames: [],
  run: (internals) => rollOut(internals, partsMixing(internals.headsWidth, altiMixture)),
  paper: "Ferrando et al. 2022, arXiv 2203.04212 and 2205.11631",
  formula: "∏ M over layers, M_ij ∝ max(0, ‖yᵢ‖₁ − ‖yᵢ − T_ij‖₁)",
  cost: "1 forward beside d_model positions, T × T × D numbers for each layer",
  unit: "share of the input",
  defaults: {},
  goodFor: "where a state comes from by what really moves it, in one forward pass; shares sum to one",
  badFor:
    "explaining one output rather than another: it has no sign and knows nothing of the attributed function; feed-forward parts mix nothing",
};

/** Mixtures made of attentions that are taken apart. */
export function partsMixing(headsWidth: number, mixtureOf: (parts: AttentionParts) => Mixture): Mixing {
  return {
    copies: (T) => copiesToTakeApart(headsWidth, T),
    watch: (stack, tell) =>
      takingApart(
        [
          { stack, attention: "self" },
          { stack, attention: "cross" },
        ],
        (parts) => tell(mixtureOf(parts), parts.layer),
      ),
  };
}

export function altiMixture(parts: AttentionParts): Mixture {
  const { attention, stream_TD } = parts;
  const whole_TD = tidy(() => stateBehind(parts));
  if (attention === "self") {
    const contributions = measureParts(parts, (vectors_NTD, from) =>
      contribution(whole_TD, behindNorm(parts, withOwn(vectors_NTD, stream_TD, from))),
    );
    return { attention, shares_TT: tidy(() => selfShares(contributions)) };
  }
  const read_TS = measureParts(parts, (vectors_NTD) => contribution(whole_TD, behindNorm(parts, vectors_NTD)));
  const rest_T1 = tidy(() => expandDims(contribution(whole_TD, behindNorm(parts, stream_TD)), 1));
  return { attention, ...crossShares(read_TS, rest_T1) };
}

/** y, what leaves the attention part: [T, D]. */
export function stateBehind(parts: AttentionParts): Tensor {
  const sum_TD = sumOf(parts);
  return parts.norm?.call(sum_TD) ?? sum_TD;
}

/** max(0, ‖y‖₁ − ‖y − x‖₁) over the last axis; [T, D] and [..., T, D] → [..., T] */
export function contribution(whole_TD: Tensor, x: Tensor): Tensor {
  return relu(sub(sum(abs(whole_TD), -1), sum(abs(sub(whole_TD, x)), -1)));
}

/** Rows of contributions as shares; where nothing contributes, all stays where it is. */
export function selfShares(contributions_TT: Tensor): Tensor {
  const { divisor_T1, stays_T1 } = totals(sum(contributions_TT, -1, true));
  const [T = 0] = contributions_TT.shape;
  return add(div(contributions_TT, divisor_T1), mul(stays_T1, identity(T)));
}

/** What is read and what stays, as shares. */
export function crossShares(read_TS: Tensor, rest_T1: Tensor): { shares_TS: Tensor; rest_T1: Tensor } {
  const { divisor_T1, stays_T1 } = totals(add(sum(read_TS, -1, true), rest_T1));
  return { shares_TS: div(read_TS, divisor_T1), rest_T1: div(add(rest_T1, stays_T1), divisor_T1) };
}

/** Sums to divide by, 1 in place of 0, and where that is so. */
function totals(total_T1: Tensor): { divisor_T1: Tensor; stays_T1: Tensor } {
  const stays_T1 = cast(lessEqual(total_T1, scalar(0)), "float32");
  return { divisor_T1: add(total_T1, stays_T1), stays_T1 };
}
