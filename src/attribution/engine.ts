/** Attributing one sequence: from token ids to scores on the host. No texts, no tokenizer, no file. */

import { NumericError, OptionError } from "../errors.ts";
import type { EmbeddingMethod, InternalsMethod, Method, MethodOptions } from "../method/registry.ts";
import type { Model } from "../model/model.ts";
import type { Scores } from "../result/attribution.ts";
import type { Score, ScoreOptions } from "../score/score.ts";
import { dispose, memory, readFloats, type Tensor, tidy } from "../tensor.ts";
import { createGrid } from "./assemble.ts";
import { type RowLimits, rowsPerPass, stepsPerPass } from "./budget.ts";
import type { Contrast } from "./contrast.ts";
import { chunks, createProblem } from "./problem.ts";
import { createRunner } from "./runner.ts";
import type { Sequence } from "./sequence.ts";
import { sharesInputs } from "./sharedContrast.ts";
import {
  type ContrastContext,
  constantContext,
  contrastLogits,
  createTarget,
  type StepTokens,
  sequenceLogits,
  sharedContext,
} from "./target.ts";

export interface ScoreRequest {
  readonly id: string;
  readonly score: Score;
  readonly options: ScoreOptions;
}

export interface PassReport {
  /** Rows (step × path point) of this pass, so far, and altogether. */
  readonly rows: number;
  readonly done: number;
  readonly total: number;
}

export interface AttributionRequest {
  readonly methodId: string;
  readonly method: Method;
  readonly methodOptions: MethodOptions;
  readonly attributed: ScoreRequest;
  readonly stepScores: readonly ScoreRequest[];
  readonly attributeTarget: boolean;
  /** What to compare with, for contrastive scores. */
  readonly contrast: Contrast | null;
  /** Run the attributed function's contrast in its own context. */
  readonly contrastForceInputs: boolean;
  readonly limits: RowLimits;
  /** Called after each pass. */
  readonly onPass?: ((pass: PassReport) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface SequenceScores {
  /** [S, G, ...] */
  readonly sourceAttributions: Scores | null;
  /** [min(T, end), G, ...] */
  readonly targetAttributions: Scores | null;
  readonly stepScores: Record<string, Scores>;
  readonly sequenceScores: Record<string, Scores>;
  /** The most bytes that tensors took at the end of a pass, the model's weights included. */
  readonly peakBytes: number;
  /** Rows that went through the model with a gradient, one for each step and path point. */
  readonly rows: number;
}

/**
 * Scores of every attributed position of a sequence.
 * @throws OptionError when the attributed function cannot be attributed as asked
 * @throws NumericError when a logit or a score is not finite
 */
export async function attributeSequence(
  model: Model,
  sequence: Sequence,
  request: AttributionRequest,
): Promise<SequenceScores> {
  const { method } = request;
  const tokens = stepTokens(sequence, request.contrast);
  const contrast_GV =
    needsConstantContext(model, request) && request.contrast
      ? contrastLogits(model, sequence, request.contrast)
      : undefined;
  try {
    const stepScores = await scoreSteps(model, sequence, request, tokens, contrast_GV);
    const nothing = { sourceAttributions: null, targetAttributions: null, sequenceScores: {}, peakBytes: 0, rows: 0 };
    switch (method.on) {
      case "embeddings":
        return await attributeEmbeddings(model, sequence, { ...request, method }, tokens, contrast_GV, stepScores);
      case "internals":
        return { ...nothing, ...(await attributeInternals(model, sequence, { ...request, method })), stepScores };
      case "nothing":
        return { ...nothing, stepScores };
      default:
        throw method satisfies never;
    }
  } finally {
    if (contrast_GV !== undefined) dispose(contrast_GV);
  }
}

function stepTokens(sequence: Sequence, contrast: Contrast | null): StepTokens {
  const targets = sequence.target.ids.slice(sequence.start, sequence.end);
  return { targets, contrasts: contrast?.ids ?? targets };
}

/** Step scores always compare contexts; the attributed function does when it is told to, and shares none of its inputs. */
function needsConstantContext(model: Model, request: AttributionRequest): boolean {
  const { attributed, attributeTarget, contrast, contrastForceInputs, stepScores } = request;
  if (contrast === null) return false;
  const forced = contrastForceInputs && attributed.score.contrast !== "none";
  return (
    stepScores.some(({ score }) => score.contrast !== "none") ||
    (forced && !sharesInputs(model, contrast, attributeTarget))
  );
}

async function scoreSteps(
  model: Model,
  sequence: Sequence,
  request: AttributionRequest,
  tokens: StepTokens,
  contrast_GV: Tensor | undefined,
): Promise<Record<string, Scores>> {
  const found: Record<string, Scores> = {};
  const context = contrast_GV && constantContext(contrast_GV);
  if (request.stepScores.length === 0) return found;
  const logits_GV = sequenceLogits(model, sequence);
  try {
    for (const { id, score, options } of request.stepScores) {
      const G = tokens.targets.length;
      const values_G = tidy(() =>
        createTarget({ score, options, context }, tokens, 0, G).score(logits_GV, 1, () => []),
      );
      const values = await readFloats(values_G);
      dispose(values_G);
      const bad = values.findIndex((value) => !Number.isFinite(value));
      if (bad >= 0) {
        throw new NumericError(
          `step score ${id}: expected finite numbers, received ${values[bad]} first at generation step ${bad}`,
        );
      }
      found[id] = { shape: [G], values };
    }
  } finally {
    dispose(logits_GV);
  }
  return found;
}

async function attributeInternals(
  model: Model,
  sequence: Sequence,
  request: AttributionRequest & { readonly method: InternalsMethod },
) {
  const runner = createRunner(model, sequence, request.attributeTarget);
  try {
    return await request.method.run({
      start: sequence.start,
      end: sequence.end,
      targetLength: sequence.target.ids.length,
      attributeTarget: request.attributeTarget || model.kind === "decoder-only",
      attentionMaps: () => runner.attentionMaps(),
    });
  } finally {
    runner.dispose();
  }
}

async function attributeEmbeddings(
  model: Model,
  sequence: Sequence,
  request: AttributionRequest & { readonly method: EmbeddingMethod },
  tokens: StepTokens,
  contrast_GV: Tensor | undefined,
  stepScores: Record<string, Scores>,
): Promise<SequenceScores> {
  checkAttributable(model, request);
  const { start, end } = sequence;
  const G = end - start;
  const attributed = { ...request.attributed, context: attributedContext(model, sequence, request, contrast_GV) };
  const usage = { peakBytes: 0, rows: 0 };
  const total = G * request.method.points(request.methodOptions);
  const limits: RowLimits = {
    memoryBudget: request.limits.memoryBudget,
    rows: request.methodOptions.internalBatchSize ?? request.limits.rows,
  };
  const positions = end - 1 + (sequence.source?.ids.length ?? 0);
  const runner = createRunner(model, sequence, request.attributeTarget);
  const grids = createGrids(model, sequence, request.attributeTarget);
  try {
    for (const [from, to] of chunks(G, stepsPerPass(model.facts, positions, limits))) {
      const problem = createProblem(runner, start + from, start + to, createTarget(attributed, tokens, from, to), {
        rows: rowsPerPass(model.facts, positions, limits),
        onPass(rows) {
          usage.peakBytes = Math.max(usage.peakBytes, memory().numBytes);
          usage.rows += rows;
          request.onPass?.({ rows, done: usage.rows, total });
        },
        async betweenPasses() {
          await nextTask();
          request.signal?.throwIfAborted();
        },
      });
      try {
        const { attributions, deltas } = await request.method.run(problem, request.methodOptions);
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
  const D = model.facts.width;
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
