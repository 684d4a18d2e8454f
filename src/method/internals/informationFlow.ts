/**
 * Information-flow routes (Ferrando and Voita 2024, arXiv 2403.00824). The state behind an attention part is a sum of edges: what
 * each head reads at each position, and the residual connection. An edge's importance is how near its vector is to the sum,
 *
 *   e = max(0, ‖y_i‖₁ − ‖y_i − z‖₁) / Σ over all edges into i,   z = α_hij v_hj W_O,h or x_i
 *
 * Edges below `routeThreshold` are cut and the others divided by their sum; those that lead from the predicting position
 * to the inputs are its routes. A token's importance is what arrives at it: the sum over its routes of the product of their
 * edges. Behind a norm that follows the residual sum, vectors are those of ALTI. Feed-forward parts have no choice of routes.
 *
 * Results: shares `targetAttributions` [T, G] and `sourceAttributions` [S, G]. With `outputRoutes` the edges that lie on a route
 * of an attributed token, heads together, as `decoder_routes` [T, T, L], `cross_routes` [S, T, L], `encoder_routes` [S, S, L], read
 * position first.
 */

import { OptionError } from "../../errors.ts";
import type { Scores } from "../../result/attribution.ts";
import { add, cast, expandDims, greaterEqual, mul, scalar, sum, type Tensor, tidy } from "../../tensor.ts";
import type { InternalsMethod } from "../method.ts";
import { contribution, crossShares, partsMixing, selfShares, stateBehind } from "./alti.ts";
import { type AttentionParts, behindNorm, measureParts } from "./attentionParts.ts";
import type { Internals, InternalsAnswer } from "./internals.ts";
import { layOutLayers } from "./layerScores.ts";
import { collectMixtures, identity, type Mixing, type Mixture, rollOut } from "./rollout.ts";

export interface InformationFlowOptions {
  /** The smallest share of an edge that is kept, from 0 to 1; 0.04, the paper's, by default. */
  readonly routeThreshold?: number;
  /** Give the edges on the routes, too; false by default. */
  readonly outputRoutes?: boolean;
}

export const informationFlow: InternalsMethod<InformationFlowOptions> = {
  on: "internals",
  needs: ["affineAttention"],
  explains: "nothing",
  usesBaseline: false,
  draws: false,
  options: ["routeThreshold", "outputRoutes"],
  dimensionNames: [],
  run: followRoutes,
  paper: "Ferrando and Voita 2024, arXiv 2403.00824",
  formula: "Σ over routes ∏ e, e ∝ max(0, ‖yᵢ‖₁ − ‖yᵢ − z‖₁) of each head's edges, small ones cut",
  cost: "1 forward beside d_model positions, H × T × T × D numbers for each layer",
  unit: "share of the input",
  defaults: { routeThreshold: 0.04, outputRoutes: false },
  goodFor: "the few routes by which tokens reach a prediction, head by head",
  badFor: "explaining one output rather than another: it knows nothing of the attributed function",
};

async function followRoutes(internals: Internals, options: InformationFlowOptions): Promise<InternalsAnswer> {
  const { routeThreshold = 0.04, outputRoutes = false } = options;
  if (!(routeThreshold >= 0 && routeThreshold <= 1)) {
    throw new OptionError(`routeThreshold: expected a share from 0 to 1, received ${routeThreshold}`);
  }
  const mixing = partsMixing(internals.headsWidth, (parts) => edgesOf(parts, routeThreshold));
  const answer = await rollOut(internals, mixing);
  return outputRoutes ? { ...answer, sequenceScores: await routes(internals, mixing) } : answer;
}

/** The edges into each position, as shares of those that are kept. */
function edgesOf(parts: AttentionParts, threshold: number): Mixture {
  const { attention, stream_TD } = parts;
  const whole_TD = tidy(() => stateBehind(parts));
  const heads_HTS = measureParts(parts, (vectors_NHTD) => contribution(whole_TD, behindNorm(parts, vectors_NHTD)), {
    perHead: true,
  });
  const { read_TS, rest_T1 } = tidy(() => {
    const rest_T1 = expandDims(contribution(whole_TD, behindNorm(parts, stream_TD)), 1);
    const total_T1 = add(expandDims(sum(sum(heads_HTS, 2), 0), 1), rest_T1);
    const kept = (e: Tensor): Tensor => mul(e, cast(greaterEqual(e, mul(total_T1, scalar(threshold))), "float32"));
    return { read_TS: sum(kept(heads_HTS), 0), rest_T1: kept(rest_T1) };
  });
  if (attention === "cross") return { attention, ...crossShares(read_TS, rest_T1) };
  const [T = 0] = stream_TD.shape;
  return { attention, shares_TT: tidy(() => selfShares(add(read_TS, mul(rest_T1, identity(T))))) };
}

/** The edges that lie on a way from a predicting position to an input. */
async function routes(internals: Internals, mixing: Mixing): Promise<Record<string, Scores>> {
  const { start, end, sourceLength } = internals;
  const mixtures = await collectMixtures(internals, mixing);
  const reached = {
    decoder: new Set(Array.from({ length: end - start }, (_, g) => start + g - 1)),
    encoder: new Set<number>(),
  };
  for (const { stack, attention, shares, rest, keys } of mixtures.toReversed()) {
    const into = reached[attention === "cross" ? "encoder" : stack];
    const from = reached[stack];
    const next = new Set(attention === "cross" ? into : []);
    for (let query = 0; query < shares.length / keys; query++) {
      const row = shares.subarray(query * keys, (query + 1) * keys);
      if (!from.has(query)) row.fill(0);
      for (const [key, share] of row.entries()) if (share > 0) next.add(key);
    }
    if (attention === "cross") {
      reached.encoder = next;
      reached.decoder = new Set([...from].filter((query) => (rest?.[query] ?? 0) > 0));
    } else reached[stack] = next;
  }
  const laidOut = (
    stack: "encoder" | "decoder",
    attention: "self" | "cross",
    keys: number,
    queries: number,
  ): Scores => {
    const layers = mixtures
      .filter((one) => one.stack === stack && one.attention === attention)
      .map(({ shares }) => shares);
    const all = Array.from({ length: queries }, (_, query) => query);
    return layOutLayers({ keys, layers }, keys, all);
  };
  const T = end - 1;
  const decoder_routes = laidOut("decoder", "self", T, T);
  if (sourceLength === null) return { decoder_routes };
  return {
    decoder_routes,
    cross_routes: laidOut("decoder", "cross", sourceLength, T),
    encoder_routes: laidOut("encoder", "self", sourceLength, sourceLength),
  };
}
