/** How the steps of a sequence are cut into chunks and passes, and how many rows that will be. */

import type { EmbeddingMethod, SiteMethod } from "../../method/method.ts";
import type { MethodOptions } from "../../method/registry.ts";
import { solutions } from "../../method/smoothed.ts";
import type { Model } from "../../model/model.ts";
import { sharesRepeats } from "../../ops/repeat.ts";
import { attributesTarget } from "../attributedContext.ts";
import { evenPart, type PassLimits, stepsPerPass } from "../budget.ts";
import type { AttributionRequest } from "../engine.ts";
import type { Sequence } from "../sequence.ts";
import { type Step, tokensSeen } from "../steps.ts";

/** A request whose method attributes vectors. */
export type VectorRequest = AttributionRequest & {
  readonly method: EmbeddingMethod<MethodOptions> | SiteMethod<MethodOptions>;
};

export interface PassPlan {
  readonly limits: PassLimits;
  /** Token positions of a row, source and target together. */
  readonly positions: number;
  /** The most steps of a chunk. */
  readonly steps: number;
  /** The end of the chunk that begins at a step, of so many steps at most: chunks are as even as can be. */
  readonly partEnd: (from: number, atMost: number) => number;
  /** Rows that the steps from ≤ g < to need. */
  readonly rowsOf: (from: number, to: number) => number;
  /** Rows of all steps. */
  readonly total: number;
}

/**
 * @param asSteps the attributed positions of each step
 * @param places how many tensors are attributed
 */
export function planPasses(
  model: Model,
  sequence: Sequence,
  request: VectorRequest,
  asSteps: readonly Step[],
  places: number,
): PassPlan {
  const { method, methodOptions } = request;
  const G = asSteps.length;
  const sourceLength = sequence.source?.ids.length ?? 0;
  const positions = sequence.end - 1 + sourceLength;
  const limits: PassLimits = {
    ...request.limits,
    rows: methodOptions.internalBatchSize ?? methodOptions.perturbationsPerEval ?? request.limits.rows,
    sharesRepeats: sharesRepeats(),
    readings: Math.max(...asSteps.map((step) => step.length)),
  };
  // Where activations depend on the length of the text, each step has activations of its own.
  const alone = method.on === "sites" && model.facts.dependsOnLength === true;
  const steps = alone ? 1 : stepsPerPass(model.facts, positions, limits);
  const asked = solutions(methodOptions) * (method.usesBaseline === "each" ? sequence.baselines.length : 1);
  /** Attributed positions before the last target of a pass. */
  const attributedPositions = (to: number): number =>
    sourceLength + (attributesTarget(model, request) ? tokensSeen(sequence, asSteps[to - 1] ?? []) : 0);
  const rowsOf = (from: number, to: number): number =>
    (to - from) * asked * method.points(methodOptions, method.on === "sites" ? places : attributedPositions(to));
  const partEnd = (from: number, atMost: number): number => from + evenPart(G - from, atMost);
  let total = 0;
  for (let from = 0; from < G; from = partEnd(from, steps)) total += rowsOf(from, partEnd(from, steps));
  return { limits, positions, steps, partEnd, rowsOf, total };
}
