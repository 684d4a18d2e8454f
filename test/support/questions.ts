/** Questions about a function of coalitions that is written down, for metrics to answer without a model. */

import type { FunctionName, Question } from "../../src/evaluate/metric.ts";
import { type AnyMetric, type MetricId, type MetricOptions, metrics } from "../../src/evaluate/registry.ts";
import type { Coalition } from "../../src/method/perturbation/game.ts";
import { Random } from "../../src/random.ts";

export interface Given {
  readonly scores: readonly number[];
  /** f of the kept players; 0 when absent. */
  readonly value?: (kept: Coalition, of: FunctionName) => number;
  readonly evidence?: readonly number[];
  readonly seed?: number;
  readonly thinned?: Question["thinned"];
  /** Scores of other inputs, and of another model. */
  readonly nearby?: readonly (readonly number[])[];
  readonly randomized?: readonly number[];
}

export function question({
  scores,
  value = () => 0,
  evidence,
  seed = 0,
  thinned,
  nearby = [],
  randomized = [],
}: Given): Question {
  const players = scores.length;
  return {
    players,
    scores: Float64Array.from(scores),
    evidence: evidence ? Uint8Array.from(scores, (_, p) => (evidence.includes(p) ? 1 : 0)) : null,
    value: async (coalitions, of = "measured") => Float64Array.from(coalitions, (kept) => value(kept, of)),
    thinned:
      thinned ??
      (() => {
        throw new Error("a question without embeddings");
      }),
    nearby: async () => nearby.map((others) => Float64Array.from(others)),
    randomized: async () => Float64Array.from(randomized),
    random: (stream) => new Random(seed, stream),
  };
}

/** The answer of a metric, with its defaults for options that are not given. */
export async function measure(id: MetricId, asked: Question, options: MetricOptions = {}) {
  const metric: AnyMetric = metrics[id];
  const complete = { ...metric.defaults, ...options } as Required<MetricOptions>;
  metric.check?.(complete);
  return await metric.run(asked, complete);
}

/** Σ of the kept players' weights: a function whose true attributions are the weights. */
export const additive =
  (weights: readonly number[]) =>
  (kept: Coalition): number =>
    weights.reduce((sum, weight, p) => sum + weight * (kept[p] ?? 0), 0);
