/**
 * Aggregation of a sequence's attribution: one aggregator, or several one after another. Ids, defaults and order are
 * Inseq's. The result is a new object, whose own default is what is left to do: nothing once its attributions have
 * two axes, so that aggregating twice changes nothing.
 */

import { OptionError } from "../errors.ts";
import { knownName, rejectUnknownOptions } from "../names.ts";
import type { SequenceAttribution } from "../result/attribution.ts";
import { type AggregateFn, type AggregationFunctionId, listAggregationFunctions } from "./functions.ts";
import { recorded } from "./record.ts";
import {
  type Aggregator,
  type AggregatorId,
  aggregators,
  listAggregators,
  type PipelineOptions,
  type StageOptions,
} from "./registry.ts";
import { defaultScoresFunction, type ScoresOptions, scaleColumns } from "./scores.ts";

/** An aggregator, or the aggregator `scores` with this function. */
export type AggregatorSpec = AggregatorId | AggregationFunctionId;

interface CommonOptions {
  /** After `scores`, check that the attributions have two axes, as views need. Default: true. */
  readonly doPostAggregationChecks?: boolean | undefined;
}

type OneAggregator = { [Id in AggregatorId]: { readonly aggregator: Id } & StageOptions[Id] }[AggregatorId];

/**
 * - no aggregator: the sequence's default, with the options of `scores`;
 * - an aggregator's id, with its options;
 * - an aggregation function's id: `scores` with this function;
 * - a list of ids, with the options of all of them, and `aggregateFn` a list of the same length (null: the default);
 * - a list of pairs of an aggregator and its function.
 * An empty list changes nothing.
 */
export type AggregateOptions = CommonOptions &
  (
    | ({ readonly aggregator?: undefined } & Omit<ScoresOptions, "aggregateFn">)
    | OneAggregator
    | ({ readonly aggregator: AggregationFunctionId } & Omit<ScoresOptions, "aggregateFn">)
    | ({
        readonly aggregator: readonly AggregatorSpec[];
        readonly aggregateFn?: readonly (AggregateFn | null)[] | undefined;
      } & PipelineOptions)
    | ({ readonly aggregator: readonly (readonly [AggregatorId, AggregateFn | null])[] } & PipelineOptions)
  );

/** `AggregateOptions` without what one option says about the others. */
type AnyOptions = CommonOptions &
  PipelineOptions & {
    readonly aggregator?:
      | AggregatorSpec
      | readonly (AggregatorSpec | readonly [AggregatorId, AggregateFn | null])[]
      | undefined;
    readonly aggregateFn?: AggregateFn | readonly (AggregateFn | null)[] | undefined;
  };

interface Stage {
  readonly aggregator: AggregatorId;
  readonly aggregateFn: AggregateFn | undefined;
}

/**
 * The aggregated sequence. `normalize` and `rescale` are also applied when the default has nothing left to reduce.
 * @throws OptionError for an unknown name (with the nearest known one), for an option that no stage reads, for values
 * that do not fit, and when attributions with more than two axes remain after `scores`.
 */
export function aggregate(sequence: SequenceAttribution, options: AggregateOptions = {}): SequenceAttribution {
  const stages = resolveStages(sequence, options);
  const all: AnyOptions = options;
  const { aggregator, aggregateFn: _resolved, doPostAggregationChecks = true, ...stageOptions } = all;
  rejectUnreadOptions(stageOptions, stages, sequence);
  let result = sequence;
  for (const { aggregator: id, aggregateFn } of stages) {
    const stage: Aggregator = aggregators[id];
    const before = result;
    result = recorded(stage.run(result, { ...stageOptions, aggregateFn }), {
      aggregator: id,
      aggregateFn: aggregateFn ?? defaultFunction(id, before),
      ...readBy(stage, stageOptions),
    });
  }
  if (aggregator === undefined && stages.length === 0) {
    const { normalize = false, rescale = false } = stageOptions;
    if (normalize || rescale) {
      result = recorded(scaleColumns(result, { normalize, rescale }), { aggregator: "scale", normalize, rescale });
    }
  }
  if (doPostAggregationChecks && stages.some((stage) => stage.aggregator === "scores")) requireTwoAxes(result);
  return result;
}

/** What merges or reduces when nobody says. */
function defaultFunction(id: AggregatorId, sequence: SequenceAttribution): AggregationFunctionId | undefined {
  if (id === "pair" || id === "slices") return undefined;
  return id === "scores" ? defaultScoresFunction(sequence) : "absmax";
}

/** The options that a stage reads; of `scores` also what it does when they are left out. */
function readBy({ options: names }: Aggregator, options: PipelineOptions): PipelineOptions {
  const read = Object.entries(options).filter(([name]) => (names as readonly string[]).includes(name));
  const scales = names.includes("normalize");
  const { rescale = false, normalize = !rescale } = options;
  return { ...Object.fromEntries(read), ...(scales && { normalize, rescale }) };
}

function resolveStages(sequence: SequenceAttribution, options: AggregateOptions): Stage[] {
  const { aggregator, aggregateFn }: AnyOptions = options;
  if (aggregator === undefined) {
    if (aggregateFn !== undefined) throw conflict('no aggregator; name one, for instance "scores"');
    return sequence.defaultAggregators.map((id) => stageOf(id, undefined));
  }
  if (typeof aggregator === "string") {
    if (Array.isArray(aggregateFn))
      throw conflict(`a list for the single aggregator "${aggregator}"; pass one function`);
    return [stageOf(aggregator, aggregateFn as AggregateFn | undefined)];
  }
  if (aggregateFn !== undefined && !isList(aggregateFn)) {
    throw conflict("a single one for a list of aggregators; pass a list of functions (or nulls)");
  }
  if (aggregateFn !== undefined && aggregateFn.length !== aggregator.length) {
    throw conflict(`${aggregateFn.length} functions for ${aggregator.length} aggregators; pass one (or null) for each`);
  }
  return aggregator.map((item, i) => {
    if (typeof item === "string") return stageOf(item, aggregateFn?.[i] ?? undefined);
    if (aggregateFn !== undefined) throw conflict("both pairs and aggregateFn; use one of them");
    return stageOf(item[0], item[1] ?? undefined);
  });
}

function stageOf(name: string, aggregateFn: AggregateFn | undefined): Stage {
  const functions = listAggregationFunctions();
  const known = knownName("aggregator or aggregation function", name, [...listAggregators(), ...functions]);
  if (isAggregator(known)) {
    if (aggregateFn !== undefined && (known === "pair" || known === "slices")) {
      throw conflict(`one for "${known}", which has none${known === "pair" ? "; pass pairFn" : ""}`);
    }
    return { aggregator: known, aggregateFn };
  }
  if (aggregateFn !== undefined) throw conflict(`one beside the aggregation function "${known}"; name an aggregator`);
  return { aggregator: "scores", aggregateFn: known };
}

function isList(fn: AggregateFn | readonly (AggregateFn | null)[] | undefined): fn is readonly (AggregateFn | null)[] {
  return Array.isArray(fn);
}

function isAggregator(id: AggregatorSpec): id is AggregatorId {
  return id in aggregators;
}

/** `normalize: false` and `rescale: false` ask for nothing and are always allowed. */
function rejectUnreadOptions(options: PipelineOptions, stages: readonly Stage[], sequence: SequenceAttribution): void {
  const known = [...new Set(listAggregators().flatMap((id) => [...aggregators[id].options]))];
  rejectUnknownOptions("aggregate", options, known);
  const read = new Set<string>(stages.flatMap(({ aggregator }) => [...aggregators[aggregator].options]));
  if (stages.length === 0) for (const name of ["normalize", "rescale"]) read.add(name);
  const usesNorm = stages.some(
    ({ aggregator, aggregateFn }) =>
      aggregateFn === "vnorm" ||
      typeof aggregateFn === "function" ||
      (aggregateFn === undefined && aggregator === "scores" && sequence.kind === "granular"),
  );
  if (!usesNorm) read.delete("vnormOrd");
  for (const [name, value] of Object.entries(options)) {
    const asksNothing = value === undefined || (value === false && (name === "normalize" || name === "rescale"));
    if (asksNothing || read.has(name)) continue;
    const stageNames =
      stages.map(({ aggregator }) => aggregator).join(", ") || "no aggregator (nothing is left to aggregate)";
    throw new OptionError(`aggregate: expected options that the pipeline reads, received "${name}" for ${stageNames}`);
  }
}

function requireTwoAxes({ sourceAttributions, targetAttributions }: SequenceAttribution): void {
  for (const scores of [sourceAttributions, targetAttributions]) {
    if (scores === null || scores.shape.length === 2) continue;
    throw new OptionError(
      `aggregate: expected attributions with two axes after aggregation, received shape [${scores.shape.join(", ")}]; ` +
        "add an aggregation function for each further axis, or pass doPostAggregationChecks: false",
    );
  }
}

function conflict(received: string): OptionError {
  return new OptionError(
    `aggregate: aggregateFn: expected an aggregation function that fits the aggregator, received ${received}`,
  );
}
