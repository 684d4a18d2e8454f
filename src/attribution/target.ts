/** The steps' next tokens as scores see them: of the sequence itself, and of what it is contrasted with. */

import type { Model } from "../model/model.ts";
import type { Score, ScoreOptions } from "../score/score.ts";
import { expandDims, slice, type Tensor, tensor, tidy } from "../tensor.ts";
import type { Contrast } from "./contrast.ts";
import { forEachPoint, type Target } from "./problem.ts";
import { createRunner } from "./runner.ts";
import type { Sequence } from "./sequence.ts";

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
    sourceBaseline: contrast.source?.ids ?? sequence.sourceBaseline,
    target: contrast.target ?? sequence.target,
    targetBaseline: contrast.target?.ids ?? sequence.target.ids,
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

const int32 = (values: readonly number[]): Tensor => tensor([...values], [values.length], "int32");

export interface AttributedFunction {
  readonly score: Score;
  readonly options: ScoreOptions;
  /** Logits [G, V] of another context to compare with; undefined compares within the same pass. */
  readonly contrast_GV?: Tensor | undefined;
}

/** The attributed function at the steps from ≤ g < to, for any number of path points. */
export function createTarget(attributed: AttributedFunction, tokens: StepTokens, from: number, to: number): Target {
  const { score, options, contrast_GV } = attributed;
  const targets = tokens.targets.slice(from, to);
  const contrasts = tokens.contrasts.slice(from, to);
  return {
    score(logits_RV, points) {
      const context = (): Tensor => {
        if (contrast_GV === undefined) return logits_RV;
        const [, V = 0] = contrast_GV.shape;
        return forEachPoint(slice(contrast_GV, [from, 0], [to - from, V]), points);
      };
      return score.compute({
        logits_RV,
        targets_R: forEachPoint(int32(targets), points),
        contrast: { logits_RV: context(), targets_R: forEachPoint(int32(contrasts), points) },
        options,
      });
    },
  };
}
