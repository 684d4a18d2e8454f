/** The steps' next tokens as scores see them: of the sequence itself, and of what it is contrasted with. */

import type { EncoderDecoderModel, Model } from "../model/model.ts";
import type { Score, ScoreOptions } from "../score/score.ts";
import { expandDims, int32, slice, type Tensor, tidy } from "../tensor.ts";
import type { Contrast } from "./contrast.ts";
import { forEachPoint, type Target } from "./problem.ts";
import { createRunner } from "./runner.ts";
import type { Sequence } from "./sequence.ts";
import { sharedContrastLogits } from "./sharedContrast.ts";

/** Logits [G, V] after the prefix of every attributed position: one pass, no gradient. */
export function sequenceLogits(model: Model, sequence: Sequence): Tensor {
  const positions = Array.from({ length: sequence.end - sequence.start }, (_, g) => sequence.start + g - 1);
  return logitsAfter(model, sequence, positions);
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

function logitsAfter(model: Model, sequence: Sequence, positions: readonly number[]): Tensor {
  const runner = createRunner(model, sequence, false);
  const logits = tidy(() => {
    const points = runner.inputs(sequence.end - 1).map((x_SD) => expandDims(x_SD, 0));
    return runner.logitsAtAll(points, positions);
  });
  runner.dispose();
  return logits;
}

export interface StepTokens {
  /** Ids of the attributed tokens, G of them. */
  readonly targets: readonly number[];
  /** Ids of the tokens that they are contrasted with; the same ones without a contrast. */
  readonly contrasts: readonly number[];
}

export interface AttributedFunction {
  readonly score: Score;
  readonly options: ScoreOptions;
  /** Another context to compare with; undefined compares within the same pass. */
  readonly context?: ContrastContext | undefined;
}

/** Logits [R, V] in the contrast's context, for the steps from ≤ g < to at each of the points behind the rows. */
export type ContrastContext = (rows: () => readonly Tensor[], points: number, from: number, to: number) => Tensor;

/** The same logits [G, V] whatever the attributed inputs are. */
export function constantContext(contrast_GV: Tensor): ContrastContext {
  const [, V = 0] = contrast_GV.shape;
  return (_rows, points, from, to) => forEachPoint(slice(contrast_GV, [from, 0], [to - from, V]), points);
}

/** Logits that depend on the attributed inputs, which the contrast's context contains. */
export function sharedContext(model: EncoderDecoderModel, sequence: Sequence, contrast: Contrast): ContrastContext {
  return (rows, points, from, to) => {
    const before = contrast.positions.slice(from, to).map((c) => c - 1);
    const positions_R = Array.from({ length: points }, () => before).flat();
    return sharedContrastLogits(model, sequence, contrast, rows(), positions_R);
  };
}

/** The attributed function at the steps from ≤ g < to, for any number of path points. */
export function createTarget(attributed: AttributedFunction, tokens: StepTokens, from: number, to: number): Target {
  const { score, options, context } = attributed;
  const targets = tokens.targets.slice(from, to);
  const contrasts = tokens.contrasts.slice(from, to);
  return {
    score: (logits_RV, points, rows) =>
      score.compute({
        logits_RV,
        targets_R: forEachPoint(int32(targets), points),
        contrast: {
          logits_RV: context?.(rows, points, from, to) ?? logits_RV,
          targets_R: forEachPoint(int32(contrasts), points),
        },
        options,
      }),
  };
}
