/** Weighting attributions by a step score. */

import { knownName } from "../names.ts";
import type { Scores, SequenceAttribution } from "../result/attribution.ts";
import { aggregate } from "./aggregate.ts";

/**
 * The sequence after its default aggregation, with column g of the attributions multiplied by step score g; nothing is
 * left to aggregate by default. (Inseq changes the object itself; this returns a new one.)
 * @throws OptionError when the sequence has no such step score.
 */
export function weightAttributions(sequence: SequenceAttribution, stepScoreId: string): SequenceAttribution {
  const id = knownName("step score of this attribution", stepScoreId, Object.keys(sequence.stepScores));
  const weights = sequence.stepScores[id]?.values ?? new Float32Array();
  const aggregated = aggregate(sequence);
  const weighted = ({ shape, values }: Scores): Scores => {
    const inner = shape.slice(2).reduce((total, n) => total * n, 1);
    return {
      shape,
      values: values.map((value, i) => value * (weights[Math.floor(i / inner) % weights.length] ?? NaN)),
    };
  };
  return {
    ...aggregated,
    sourceAttributions: aggregated.sourceAttributions && weighted(aggregated.sourceAttributions),
    targetAttributions: aggregated.targetAttributions && weighted(aggregated.targetAttributions),
    defaultAggregators: [],
    aggregations: [...(aggregated.aggregations ?? []), { aggregator: "weight", stepScore: id }],
  };
}
