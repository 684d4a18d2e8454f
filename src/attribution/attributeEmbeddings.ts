/** Attributing embeddings: the steps of a sequence are solved in chunks, each a problem for the method. */

import { OptionError } from "../errors.ts";
import { averagedOverBaselines } from "../method/averaged.ts";
import type { EmbeddingMethod } from "../method/method.ts";
import type { Problem } from "../method/problem.ts";
import type { MethodOptions } from "../method/registry.ts";
import { smoothed, solutions } from "../method/smoothed.ts";
import type { Model } from "../model/model.ts";
import { sharesRepeats } from "../ops/repeat.ts";
import type { Scores } from "../result/attribution.ts";
import { dispose, memory, readFloats, type Tensor } from "../tensor.ts";
import { createGrid } from "./assemble.ts";
import { evenPart, fewerRows, type PassLimits, rowsPerPass, stepsPerPass } from "./budget.ts";
import type { AttributionRequest, SequenceScores } from "./engine.ts";
import { createProblem } from "./problem.ts";
import { createRunner } from "./runner.ts";
import type { Sequence } from "./sequence.ts";
import { sharesInputs } from "./sharedContrast.ts";
import { type ContrastContext, constantContext, createTarget, type StepTokens, sharedContext } from "./target.ts";

/** @throws OptionError when the attributed function cannot be attributed as asked */
export async function attributeEmbeddings(
  model: Model,
  sequence: Sequence,
  request: AttributionRequest & { readonly method: EmbeddingMethod<MethodOptions> },
  tokens: StepTokens,
  contrast_GV: Tensor | undefined,
  stepScores: Record<string, Scores>,
): Promise<SequenceScores> {
  checkAttributable(model, request);
  const { start, end } = sequence;
  const G = end - start;
  const attributed = { ...request.attributed, context: attributedContext(model, sequence, request, contrast_GV) };
  const usage = { peakBytes: 0, rows: 0 };
  const { method, methodOptions } = request;
  const run = (problem: Problem) => method.run(problem, methodOptions);
  const everyBaseline = method.usesBaseline === "each";
  const solve = smoothed(everyBaseline ? averagedOverBaselines(run) : run, methodOptions);
  const asked = solutions(methodOptions) * (everyBaseline ? sequence.baselines.length : 1);
  const limits: PassLimits = {
    ...request.limits,
    rows: methodOptions.internalBatchSize ?? request.limits.rows,
    sharesRepeats: sharesRepeats(),
  };
  const positions = end - 1 + (sequence.source?.ids.length ?? 0);
  const runner = createRunner(model, sequence, request.attributeTarget);
  const grids = createGrids(model, sequence, request.attributeTarget);
  const steps = stepsPerPass(model.facts, positions, limits);
  /** Attributed positions before the last target of a pass. */
  const attributedPositions = (to: number): number =>
    (sequence.source?.ids.length ?? 0) + (attributesTarget(model, request) ? start + to - 1 : 0);
  const rowsOf = (from: number, to: number): number =>
    (to - from) * asked * method.points(methodOptions, attributedPositions(to));
  const partEnd = (from: number, atMost: number): number => from + evenPart(G - from, atMost);
  let total = 0;
  for (let from = 0; from < G; from = partEnd(from, steps)) total += rowsOf(from, partEnd(from, steps));

  /** Scores of the steps from ≤ g < to, with so many rows in a pass. */
  async function solveSteps(from: number, to: number, rowsOfPass: number): Promise<void> {
    const problem = createProblem(runner, start + from, start + to, createTarget(attributed, tokens, from, to), {
      seed: request.seed,
      rows: rowsOfPass,
      onPass(rows) {
        usage.rows += rows;
        request.onPass?.({ rows, done: usage.rows, total });
      },
      onEntry() {
        usage.peakBytes = Math.max(usage.peakBytes, memory().storedBytes);
      },
      async betweenPasses() {
        await nextTask();
        request.signal?.throwIfAborted();
      },
    });
    try {
      const { attributions, deltas } = await solve(problem);
      try {
        for (const [i, scores_NSD] of attributions.entries()) {
          grids[i]?.write(from, { shape: scores_NSD.shape, values: await readFloats(scores_NSD) });
        }
        if (deltas !== undefined) {
          stepScores.deltas ??= { shape: [G], values: new Float32Array(G) };
          stepScores.deltas.values.set(await readFloats(deltas), from);
        }
      } finally {
        dispose([...attributions, ...(deltas ? [deltas] : [])]);
      }
    } finally {
      problem.dispose();
    }
  }

  try {
    let mostRows = Infinity;
    for (let from = 0; from < G; ) {
      const to = partEnd(from, Math.min(steps, mostRows));
      const rows = Math.min(mostRows, rowsPerPass(model.facts, positions, to - from, limits));
      const done = usage.rows;
      try {
        await solveSteps(from, to, rows);
        from = to;
      } catch (error) {
        mostRows = fewerRows(error, Math.min(rows, rowsOf(from, to)));
        usage.rows = done;
      }
    }
  } finally {
    runner.dispose();
  }
  const sourceGrid = model.kind === "encoder-decoder" ? grids[0] : undefined;
  const targetGrid = model.kind === "encoder-decoder" ? grids[1] : grids[0];
  return {
    sourceAttributions: sourceGrid?.scores ?? null,
    targetAttributions: targetGrid?.scores ?? null,
    stepScores,
    sequenceScores: {},
    ...usage,
  };
}

function attributesTarget(model: Model, { attributeTarget }: AttributionRequest): boolean {
  return attributeTarget || model.kind === "decoder-only";
}

/** Lets timers, signals and a page's events have their turn. */
const nextTask = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

/** The context that the attributed function is compared in: its own pass, unless another one is asked for. */
function attributedContext(
  model: Model,
  sequence: Sequence,
  { attributed, attributeTarget, contrast, contrastForceInputs }: AttributionRequest,
  contrast_GV: Tensor | undefined,
): ContrastContext | undefined {
  if (!contrastForceInputs || contrast === null || attributed.score.contrast === "none") return undefined;
  if (sharesInputs(model, contrast, attributeTarget)) return sharedContext(model, sequence, contrast);
  return contrast_GV && constantContext(contrast_GV);
}

/** One grid for each attributed input: all source tokens are visible, target tokens only to later ones. */
function createGrids(model: Model, sequence: Sequence, attributeTarget: boolean) {
  const G = sequence.end - sequence.start;
  const D = model.facts.embeddingWidth ?? model.facts.width;
  const S = sequence.source?.ids.length ?? 0;
  const T = Math.min(sequence.target.ids.length, sequence.end);
  const source = () => createGrid("source", { S, G, D }, () => S);
  const target = () => createGrid("target", { S: T, G, D }, (g) => sequence.start + g);
  if (model.kind === "decoder-only") return [target()];
  return attributeTarget ? [source(), target()] : [source()];
}

/** @throws OptionError when the attributed function has no gradient with respect to the inputs */
function checkAttributable(model: Model, request: AttributionRequest): void {
  const { attributed, attributeTarget, contrast, contrastForceInputs, methodId } = request;
  const { id, score } = attributed;
  if (!score.differentiable) {
    throw new OptionError(
      `attributedFn: expected a differentiable function for ${methodId}, received "${id}"; use it as a step score`,
    );
  }
  if (score.contrast === "context" && !contrastForceInputs) {
    throw new OptionError(`attributedFn: "${id}" compares two contexts; set contrastForceInputs: true`);
  }
  if (contrastForceInputs && contrast !== null && (id === "contrast_logits" || id === "contrast_prob")) {
    if (sharesInputs(model, contrast, attributeTarget)) return;
    throw new OptionError(
      `attributedFn: with contrastForceInputs "${id}" does not depend on the inputs to be attributed; leave it out, or ` +
        `attribute the difference "${id}_diff"`,
    );
  }
}
