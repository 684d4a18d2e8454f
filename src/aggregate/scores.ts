/**
 * The aggregator `scores`: reduces the last axis of the attributions (embedding width, heads, layers) to one number and
 * brings the columns to a common scale.
 */

import { OptionError } from "../errors.ts";
import { chosenIndices, type Indices } from "../indices.ts";
import type { Scores, SequenceAttribution } from "../result/attribution.ts";
import { type Reducer, reduceLastAxis, takeAxis } from "./axis.ts";
import {
  type AggregateFn,
  type AggregationFunctionId,
  aggregationFunction,
  listAggregationFunctions,
} from "./functions.ts";

export interface ScoresOptions {
  /** Default: `vnorm` for the attributions of granular methods, or what their width was reduced by; `mean` otherwise. */
  readonly aggregateFn?: AggregateFn | undefined;
  /** Which entries of the last axis count; one index is taken as it is, without a function. Default: all. */
  readonly selectIdx?: Indices | undefined;
  /**
   * Divide each column by the sum of its magnitudes over source and target rows together, so that a generated token's
   * scores add up to 1 in magnitude. Default: true, unless `rescale` is.
   */
  readonly normalize?: boolean | undefined;
  /** Divide everything by the largest magnitude of source and target together. Default: false. */
  readonly rescale?: boolean | undefined;
  /** Order of the norm for `vnorm`. Default: 2. */
  readonly vnormOrd?: number | undefined;
}

/**
 * The sequence with the last axis of its attributions and sequence scores reduced; sequence scores are never
 * normalised, and those without a further axis are kept. Step scores are untouched.
 * @throws OptionError when there is no axis left to reduce, or only what another function has left of it, `selectIdx` does not
 * fit it, or both `normalize` and `rescale` are asked for.
 */
export function aggregateScores(sequence: SequenceAttribution, options: ScoresOptions = {}): SequenceAttribution {
  checkReducedWidth(sequence, options);
  const attributionFn = options.aggregateFn ?? defaultScoresFunction(sequence);
  const reduceAttributions = (scores: Scores | null) =>
    scores && reduceSelected(withFurtherAxis(scores), reducer(attributionFn, options), options.selectIdx);
  const reduceSequenceScores = (scores: Scores) =>
    scores.shape.length > 2
      ? reduceSelected(scores, reducer(options.aggregateFn ?? "mean", options), options.selectIdx)
      : scores;
  const reduced = {
    ...sequence,
    sourceAttributions: reduceAttributions(sequence.sourceAttributions),
    targetAttributions: reduceAttributions(sequence.targetAttributions),
    sequenceScores: mapValues(sequence.sequenceScores, reduceSequenceScores),
    defaultAggregators: sequence.defaultAggregators.slice(1),
    dimensionNames: sequence.dimensionNames.slice(0, -1),
  };
  return scaleColumns(reduced, options);
}

/** What reduces the last axis when nobody says. */
export function defaultScoresFunction(sequence: SequenceAttribution): AggregationFunctionId {
  return reducedWidth(sequence) ?? (sequence.kind === "granular" ? "vnorm" : "mean");
}

/** What the width was reduced by while it was attributed, as long as its axis of one entry is there. */
function reducedWidth({ aggregations = [] }: SequenceAttribution): AggregationFunctionId | undefined {
  if (aggregations.some(({ aggregator }) => aggregator === "scores")) return undefined;
  const name = aggregations.find(({ aggregator }) => aggregator === "width")?.aggregateFn;
  return listAggregationFunctions().find((id) => id === name);
}

/** @throws OptionError when more than one number of each width would be needed */
function checkReducedWidth(sequence: SequenceAttribution, options: ScoresOptions): void {
  const reduced = reducedWidth(sequence);
  if (reduced === undefined) return;
  const { aggregateFn = reduced, selectIdx, vnormOrd = 2 } = options;
  const asked = [
    selectIdx !== undefined && "selectIdx",
    aggregateFn !== reduced && (typeof aggregateFn === "function" ? "a function" : `"${aggregateFn}"`),
    reduced === "vnorm" && vnormOrd !== 2 && `vnormOrd ${vnormOrd}`,
  ].find((one) => one !== false);
  if (asked === undefined) return;
  throw new OptionError(
    `aggregate: expected "${reduced}", by which the width was reduced, received ${asked}; attribute without widthReduction ` +
      "to choose afterwards",
  );
}

/** The sequence with its attributions normalised or rescaled (see `ScoresOptions`). */
export function scaleColumns(
  sequence: SequenceAttribution,
  { normalize, rescale = false }: Pick<ScoresOptions, "normalize" | "rescale">,
): SequenceAttribution {
  if (normalize && rescale) {
    throw new OptionError("aggregate: expected one of normalize and rescale, received both; choose one");
  }
  const { sourceAttributions, targetAttributions } = sequence;
  const parts = [sourceAttributions, targetAttributions].filter((part) => part !== null);
  let divide: ((scores: Scores) => Scores) | null = null;
  if (rescale) divide = divideByLargest(parts);
  else if (normalize ?? true) divide = divideByColumnNorm(parts);
  if (divide === null) return sequence;
  return {
    ...sequence,
    sourceAttributions: sourceAttributions && divide(sourceAttributions),
    targetAttributions: targetAttributions && divide(targetAttributions),
  };
}

function withFurtherAxis(scores: Scores): Scores {
  if (scores.shape.length > 2) return scores;
  throw new OptionError(
    'aggregate: expected attributions with an axis after the generated tokens for the aggregator "scores", received ' +
      `shape [${scores.shape.join(", ")}]: they are aggregated already; leave the aggregator out`,
  );
}

function reducer(fn: AggregateFn, { vnormOrd = 2 }: ScoresOptions): Reducer {
  const reduce = aggregationFunction(fn);
  return (values) => reduce(values, { vnormOrd });
}

function reduceSelected(scores: Scores, reduce: Reducer, selection: Indices | undefined): Scores {
  if (selection === undefined) return reduceLastAxis(scores, reduce);
  const axis = scores.shape.length - 1;
  const taken = takeAxis(scores, axis, chosenIndices("aggregate: selectIdx", selection, scores.shape[axis] ?? 0));
  if (typeof selection !== "number") return reduceLastAxis(taken, reduce);
  return { shape: taken.shape.slice(0, -1), values: taken.values };
}

/** x / max(sum over rows of |x|, 1e-12) for each column; NaN counts as 0 and stays NaN. */
function divideByColumnNorm(parts: readonly Scores[]): (scores: Scores) => Scores {
  const columns = parts[0]?.shape.slice(1).reduce((total, n) => total * n, 1) ?? 0;
  const norms = new Float64Array(columns);
  for (const { values } of parts) {
    for (let i = 0; i < values.length; i++) {
      const column = i % columns;
      norms[column] = (norms[column] ?? 0) + magnitude(values[i]);
    }
  }
  return ({ shape, values }) => ({
    shape,
    values: values.map((value, i) => value / Math.max(norms[i % columns] ?? 0, 1e-12)),
  });
}

/** x / max |x|; where everything is 0 it stays 0. */
function divideByLargest(parts: readonly Scores[]): (scores: Scores) => Scores {
  let largest = 0;
  for (const { values } of parts) for (const value of values) largest = Math.max(largest, magnitude(value));
  return ({ shape, values }) => ({ shape, values: values.map((value) => (largest > 0 ? value / largest : value)) });
}

function magnitude(value: number | undefined): number {
  return value === undefined || Number.isNaN(value) ? 0 : Math.abs(value);
}

function mapValues(
  record: Readonly<Record<string, Scores>>,
  change: (scores: Scores) => Scores,
): Readonly<Record<string, Scores>> {
  return Object.fromEntries(Object.entries(record).map(([name, scores]) => [name, change(scores)]));
}
