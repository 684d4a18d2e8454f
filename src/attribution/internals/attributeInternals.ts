/** Attributing with what is inside the model: what a method that reads it is given, for one sequence. */

import type { AttentionGradient, Internals } from "../../method/internals/internals.ts";
import type { InternalsMethod } from "../../method/method.ts";
import type { MethodOptions } from "../../method/registry.ts";
import type { Model } from "../../model/model.ts";
import { rowsPerPass } from "../budget.ts";
import type { AttributionRequest, SequenceScores, StepData } from "../engine.ts";
import { nextTask } from "../nextTask.ts";
import { createRunner } from "../runner/runner.ts";
import type { Sequence } from "../sequence.ts";
import { singleSteps } from "../steps.ts";
import { createTarget } from "../target.ts";
import { attentionGradients } from "./attentionGradients.ts";
import { checkExplainedInside, explainedBy } from "./explained.ts";
import { traitsOf } from "./modelTraits.ts";

type InternalsRequest = AttributionRequest & { readonly method: InternalsMethod<MethodOptions> };

/** @throws OptionError when the attributed function cannot be explained by the method */
export async function attributeInternals(
  model: Model,
  sequence: Sequence,
  request: InternalsRequest,
  { tokens, stepScores }: StepData,
): Promise<SequenceScores> {
  const { method } = request;
  checkExplainedInside(request.methodId, method, request.attributed, request.contrastForceInputs);
  const runner = createRunner(model, sequence, request.attributeTarget);
  const { start, end } = sequence;
  const positions = end - 1 + (sequence.source?.ids.length ?? 0);
  const limits = { ...request.limits, sharesRepeats: false };
  const usage = { peakBytes: 0, rows: 0 };
  const internals: Internals = {
    start,
    end,
    targetLength: sequence.target.ids.length,
    attributeTarget: request.attributeTarget || model.kind === "decoder-only",
    sourceLength: sequence.source?.ids.length ?? null,
    rowsPerPass: rowsPerPass(model.facts, positions, 1, limits),
    headsWidth: (await traitsOf(model)).headsWidth,
    explained: explainedBy(model, request.attributed, tokens),
    encode: runner.encode,
    decode: runner.decode,
    attentionMaps: runner.attentionMaps,
    attentionGradients: (selection, positive): Promise<AttentionGradient[]> =>
      attentionGradients(model, sequence, runner, {
        selection,
        positive,
        limits: { ...request.limits, sharesRepeats: false },
        target: (from, to) => createTarget(request.attributed, tokens, singleSteps(from, to)),
        onPass(rows, storedBytes) {
          usage.rows += rows;
          usage.peakBytes = Math.max(usage.peakBytes, storedBytes);
          request.onPass?.({ rows, done: usage.rows, total: end - start });
        },
        async betweenPasses() {
          await nextTask();
          request.signal?.throwIfAborted();
        },
      }),
  };
  try {
    const answer = await method.run(internals, request.methodOptions);
    return { ...answer, stepScores: { ...stepScores, ...answer.stepScores }, ...usage };
  } finally {
    runner.dispose();
  }
}
