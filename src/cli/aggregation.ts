/** The aggregation that the command line asks for: one pipeline for what is shown and what is saved aggregated. */

import type { AggregateOptions, AggregatorSpec } from "../aggregate/aggregate.ts";
import { OptionError } from "../errors.ts";
import type { FeatureAttributionOutput } from "../output.ts";
import { inCamelCase } from "./keywordArguments.ts";
import type { AttributeArguments } from "./options.ts";

type AggregationArguments = Pick<
  AttributeArguments,
  | "attributionAggregators"
  | "attributionSelectors"
  | "aggregationKwargs"
  | "normalizeAttributions"
  | "rescaleAttributions"
>;

/** As Inseq's commands aggregate: one aggregation after another, as `aggregationsAsked` says. */
export function aggregateAsAsked(
  result: FeatureAttributionOutput,
  args: AggregationArguments,
): FeatureAttributionOutput {
  return aggregationsAsked(args).reduce((out, way) => out.aggregate(way), result);
}

/** Whether files have scores that are aggregated. */
export const savesAggregated = (
  args: Pick<AttributeArguments, "attributionAggregators" | "aggregateOutput">,
): boolean => args.attributionAggregators !== undefined || args.aggregateOutput;

/**
 * The method's default or the named aggregators, not normalised unless asked for; with selectors, one aggregation after
 * another, each with its index.
 * @throws OptionError for selectors without as many aggregators
 */
export function aggregationsAsked(args: AggregationArguments): AggregateOptions[] {
  const { attributionSelectors: selectors, attributionAggregators } = args;
  const aggregators = attributionAggregators as readonly AggregatorSpec[] | undefined;
  const scale = { ...inCamelCase(args.aggregationKwargs), ...scaling(args) };
  if (selectors === undefined) {
    return [{ ...(aggregators && { aggregator: aggregators }), ...scale } as AggregateOptions];
  }
  if (aggregators?.length !== selectors.length) {
    throw new OptionError(
      `--attribution_selectors: expected one for each of --attribution_aggregators (${aggregators?.length ?? 0}), ` +
        `received ${selectors.length}`,
    );
  }
  return selectors.map((selectIdx, i) => ({
    aggregator: aggregators.slice(i, i + 1),
    selectIdx,
    ...scale,
    doPostAggregationChecks: false,
  }));
}

/** What views can draw: two axes. Aggregators that leave more are followed by what is left of the method's default. */
export function aggregateForView(
  aggregated: FeatureAttributionOutput,
  args: AggregationArguments,
): FeatureAttributionOutput {
  const isDrawable = aggregated.sequenceAttributions.every((sequence) =>
    [sequence.sourceAttributions, sequence.targetAttributions].every((scores) => (scores?.shape.length ?? 2) === 2),
  );
  return isDrawable ? aggregated : aggregated.aggregate(scaling(args));
}

function scaling({ normalizeAttributions: normalize, rescaleAttributions: rescale }: AggregationArguments) {
  return { normalize, rescale };
}
