/** Attributing vectors, the embeddings or activations inside the model: the steps of a sequence are solved in chunks, each a problem for the method. */

import { averagedOverBaselines } from "../../method/averaged.ts";
import type { Answer, Problem } from "../../method/problem.ts";
import { smoothed } from "../../method/smoothed.ts";
import type { Model } from "../../model/model.ts";
import { dispose, memory, readFloats } from "../../tensor.ts";
import { attributedContexts } from "../attributedContext.ts";
import { fewerRows, perturbationsPerPass, rowsPerPass } from "../budget.ts";
import type { SequenceScores, StepData } from "../engine.ts";
import { nextTask } from "../nextTask.ts";
import { createRunner } from "../runner/runner.ts";
import type { Sequence } from "../sequence.ts";
import { readingPositions, stepsOf } from "../steps.ts";
import { createTarget } from "../target.ts";
import { embeddingPlaces, sitePlaces } from "./attributedPlaces.ts";
import { readEnds } from "./ends.ts";
import { neuronRunner, siteOf } from "./neuron.ts";
import { planPasses, type VectorRequest } from "./passPlan.ts";
import { createProblem, type ProblemOptions } from "./problem.ts";
import { createSiteProblem, embeddingSites, type OwnedSiteProblem } from "./siteProblem.ts";
import { readScores } from "./widthReduction.ts";

/** Of a request that `checkAttributable` has let through. */
export async function attributeVectors(
  model: Model,
  sequence: Sequence,
  request: VectorRequest,
  { tokens: wordTokens, contrast_FGV, stepScores }: StepData,
): Promise<SequenceScores> {
  const { neuron } = request;
  const site = neuron && siteOf(model, neuron);
  const units = wordTokens.targets.map(() => neuron?.unit ?? 0);
  const tokens = site === undefined ? wordTokens : { targets: units, foils: [units] };
  const asSteps = stepsOf(sequence, request.output);
  const G = asSteps.length;
  const attributed = { ...request.attributed, contexts: attributedContexts(model, sequence, request, contrast_FGV) };
  const usage = { peakBytes: 0, rows: 0 };
  const ends = {
    value: new Float32Array(G),
    baseline: request.method.usesBaseline === false ? null : new Float32Array(G),
  };
  const { method, methodOptions } = request;
  const everyBaseline = method.usesBaseline === "each";
  const wholeRunner = createRunner(model, sequence, request.attributeTarget);
  const runner = site === undefined ? wholeRunner : neuronRunner(wholeRunner, site);
  const places =
    method.on === "sites"
      ? sitePlaces(model, sequence, request, methodOptions)
      : embeddingPlaces(model, sequence, request);
  const plan = planPasses(model, sequence, request, asSteps, places.grids.length);
  const { limits, positions, partEnd, rowsOf, total } = plan;

  /** The steps from ≤ g < to as a problem, with so many rows in a pass. */
  function chunk(from: number, to: number, rowsOfPass: number) {
    const options: ProblemOptions = {
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
    };
    const some = asSteps.slice(from, to);
    const positions_NL = readingPositions(sequence, some);
    const target = createTarget(attributed, tokens, some, request.output?.reduction);
    const problem = createProblem(runner, positions_NL, target, options);
    return { problem, positions_NL, target, options };
  }

  /** Scores of the steps from ≤ g < to. */
  async function solveSteps(from: number, to: number, rowsOfPass: number): Promise<void> {
    const { problem, ...asChunk } = chunk(from, to, rowsOfPass);
    const inside: OwnedSiteProblem[] = [];
    const run = (atEmbeddings: Problem): Promise<Answer> => {
      if (method.on === "embeddings") return method.run(atEmbeddings, methodOptions);
      const { sites } = places;
      const atSites =
        sites === null ? embeddingSites(atEmbeddings) : createSiteProblem(atEmbeddings, { runner, sites, ...asChunk });
      inside.push(atSites);
      return method.run(atSites, methodOptions);
    };
    const solve = smoothed(everyBaseline ? averagedOverBaselines(run) : run, methodOptions);
    try {
      const { attributions, deltas } = await solve(problem);
      try {
        for (const [i, scores_NSD] of attributions.entries()) {
          const { scores, sums } = await readScores(scores_NSD, request.widthReduction);
          places.grids[i]?.write(from, scores, sums);
        }
        if (deltas !== undefined) {
          stepScores.deltas ??= { shape: [G], values: new Float32Array(G) };
          stepScores.deltas.values.set(await readFloats(deltas), from);
        }
      } finally {
        dispose([...attributions, ...(deltas ? [deltas] : [])]);
      }
    } finally {
      for (const atSites of inside) atSites.dispose();
      problem.dispose();
    }
  }

  /** f(x) and f(x′) keep nothing for a gradient: most often one pass serves all steps. */
  async function solveEnds(mostRows: number): Promise<void> {
    const pass = perturbationsPerPass(model.facts, positions, G, limits);
    let rows = Math.min(mostRows, pass.steps * pass.rows);
    for (let from = 0; from < G; ) {
      const to = partEnd(from, Math.min(pass.steps, rows));
      const { problem } = chunk(from, to, rows);
      try {
        await readEnds(problem, method.usesBaseline !== false, ends, from);
        from = to;
      } catch (error) {
        rows = fewerRows(error, Math.min(rows, (to - from) * (1 + sequence.baselines.length)));
      } finally {
        problem.dispose();
      }
    }
  }

  try {
    let mostRows = Infinity;
    for (let from = 0; from < G; ) {
      const to = partEnd(from, Math.min(plan.steps, mostRows));
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
    await solveEnds(mostRows);
  } finally {
    runner.dispose();
  }
  return {
    sourceAttributions: places.scores("source"),
    targetAttributions: places.scores("target"),
    stepScores,
    sequenceScores: {},
    ends,
    ...(request.widthReduction && { totals: places.totals() }),
    ...usage,
  };
}
