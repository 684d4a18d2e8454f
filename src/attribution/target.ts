/** The steps' next tokens as scores see them: of the sequence itself, and of what it is contrasted with. */

import type { EncoderDecoderModel, Model } from "../model/model.ts";
import type { Sites } from "../model/sites.ts";
import type { Score, ScoreOptions } from "../score/score.ts";
import { expandDims, gather, int32, mul, reshape, sum, type Tensor, tensor, tidy } from "../tensor.ts";
import { forEachPoint, type Target } from "./gradient/problem.ts";
import { createRunner } from "./runner/runner.ts";
import type { Sequence } from "./sequence.ts";
import { sharedContrastLogits } from "./sharedContrast.ts";
import { filled, type SpanReduction, type Step, shares } from "./steps.ts";
import type { Contrast } from "./texts/contrast.ts";

/** Logits [G, V] after the prefix of every attributed position: one pass, no gradient. */
export function sequenceLogits(model: Model, sequence: Sequence, sites?: Sites): Tensor {
  const positions = Array.from({ length: sequence.end - sequence.start }, (_, g) => sequence.start + g - 1);
  return logitsAfter(model, sequence, positions, sites);
}

/** Logits [G, V] before each token of the contrast, in the contrast's own context. */
export function contrastLogits(model: Model, sequence: Sequence, contrast: Contrast): Tensor {
  const other: Sequence = {
    ...sequence,
    source: contrast.source ?? sequence.source,
    target: contrast.target ?? sequence.target,
    baselines: [],
    start: 1,
    end: Math.max(...contrast.positions) + 1,
  };
  return logitsAfter(
    model,
    other,
    contrast.positions.map((c) => c - 1),
  );
}

function logitsAfter(model: Model, sequence: Sequence, positions: readonly number[], sites?: Sites): Tensor {
  const runner = createRunner(model, sequence, false);
  const logits = tidy(() => {
    const points = runner.inputs(sequence.end - 1).map((x_SD) => expandDims(x_SD, 0));
    return runner.logitsAtAll(points, positions, sites);
  });
  runner.dispose();
  return logits;
}

export interface StepTokens {
  /** Ids of the attributed tokens, G of them. */
  readonly targets: readonly number[];
  /** For each foil the ids of the tokens that they are contrasted with; the same ones without a contrast. */
  readonly foils: readonly (readonly number[])[];
}

export interface AttributedFunction {
  readonly score: Score;
  readonly options: ScoreOptions;
  /** For each foil another context to compare with; undefined compares within the same pass. */
  readonly contexts?: readonly (ContrastContext | undefined)[] | undefined;
  /** Logits [G, V] of each of several passes with dropout. */
  readonly samples?: readonly Tensor[] | undefined;
}

/** Logits [points · tokens, V] in the contrast's context, for some attributed tokens at each of the points behind the rows. */
export type ContrastContext = (rows: () => readonly Tensor[], points: number, tokens: readonly number[]) => Tensor;

/** The same logits [G, V] whatever the attributed inputs are. */
export function constantContext(contrast_GV: Tensor): ContrastContext {
  return (_rows, points, tokens) => forEachPoint(gather(contrast_GV, int32(tokens)), points);
}

/** Logits that depend on the attributed inputs, which the contrast's context contains. */
export function sharedContext(model: EncoderDecoderModel, sequence: Sequence, contrast: Contrast): ContrastContext {
  return (rows, points, tokens) => {
    const before = tokens.map((g) => (contrast.positions[g] ?? 0) - 1);
    const positions_R = Array.from({ length: points }, () => before).flat();
    return sharedContrastLogits(model, sequence, contrast, rows(), positions_R);
  };
}

/** The attributed function at some steps, for any number of path points. */
export function createTarget(
  { score, options, contexts, samples = [] }: AttributedFunction,
  { targets, foils }: StepTokens,
  steps: readonly Step[],
  reduction: SpanReduction = "sum",
): Target {
  const tokens = filled(steps).flat();
  const idsOf = (ids: readonly number[]): Tensor => int32(tokens.map((g) => ids[g] ?? 0));
  const [N, L] = [steps.length, tokens.length / steps.length];
  return {
    score(logits_RV, points, rows) {
      const targets_R = forEachPoint(idsOf(targets), points);
      const contrasts = foils.map((ids, i) => ({
        logits_RV: contexts?.[i]?.(rows, points, tokens) ?? logits_RV,
        targets_R: forEachPoint(idsOf(ids), points),
      }));
      const passes = samples.map((logits_GV) => ({
        logits_RV: forEachPoint(gather(logits_GV, int32(tokens)), points),
        targets_R,
      }));
      const [contrast = { logits_RV, targets_R }] = contrasts;
      const scores_R = score.compute({ logits_RV, targets_R, contrast, foils: contrasts, samples: passes, options });
      if (L === 1) return scores_R;
      const shares_1NL = tensor(shares(steps, reduction).flat(), [1, N, L]);
      return reshape(sum(mul(reshape(scores_R, [points, N, L]), shares_1NL), 2), [points * N]);
    },
  };
}
