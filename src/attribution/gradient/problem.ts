/**
 * The engine's side of `Problem`: one forward, many gradients.
 *
 * The logits after position t of a causal model depend on positions ≤ t only, so one pass over the sequence serves every
 * step. `tf.grad` runs its function once per call; to get one gradient for each step, the inputs are repeated along the
 * batch axis, one row for each step (and path point), every row's score is taken at its own position, and the gradient of
 * the sum of all scores is each row's own gradient. A pass keeps only positions before its last target: the causal cone.
 */

import type { Path, Problem } from "../../method/problem.ts";
import type { Sites } from "../../model/sites.ts";
import { valueAndGrads } from "../../ops/gradients.ts";
import { multipliers } from "../../ops/multipliers.ts";
import { repeat } from "../../ops/repeat.ts";
import { inseqRule, rescaleRule } from "../../ops/rescale.ts";
import { Random } from "../../random.ts";
import {
  add,
  concat,
  dispose,
  expandDims,
  mul,
  reshape,
  slice,
  sum,
  type Tensor,
  tensor,
  tidy,
  tile,
  zerosLike,
} from "../../tensor.ts";
import type { Runner } from "../runner/runner.ts";

/** The function to be explained, ready for rows of the given steps. */
export interface Target {
  /**
   * [points × steps] scores, point by point, from the logits [points × steps × readings, V] of their readings. Differentiable.
   * `rows` gives the attributed inputs behind every reading, for functions that put them into another context.
   */
  score(logits_RV: Tensor, points: number, rows: () => readonly Tensor[]): Tensor;
}

export interface ProblemOptions {
  /** Seed of the random numbers that the method draws. */
  readonly seed: number;
  /** The most rows of a pass. */
  readonly rows: number;
  /** Called when a pass is at its largest, with the number of rows it has. */
  readonly onPass: (rows: number) => void;
  /** Called all along a backward pass, to see how much memory it needs. */
  readonly onEntry: () => void;
  /** Called after each pass; it may wait, or throw to stop the work. */
  readonly betweenPasses: () => Promise<void>;
}

export interface OwnedProblem extends Problem {
  /** Frees all that the problem has handed out. */
  dispose(): void;
}

/** The problem of explaining N steps, each of which reads the model after L positions. */
export function createProblem(
  runner: Runner,
  positions_NL: readonly (readonly number[])[],
  target: Target,
  options: ProblemOptions,
): OwnedProblem {
  const steps = positions_NL.length;
  const readings = positions_NL[0]?.length ?? 1;
  const length = Math.max(...positions_NL.flat()) + 1;
  const pointsPerPass = Math.max(1, Math.floor(options.rows / steps));
  const inputs = tidy(() => runner.inputs(length));
  const references = tidy(() => runner.references(length));
  const baseline = references[0] ?? { embeddings: inputs, ids: inputs.map(() => null) };
  const owned: Tensor[] = [...inputs, ...references.flatMap(({ embeddings }) => embeddings)];

  return {
    steps,
    inputs,
    baseline,
    references,
    words: runner.words(length),
    sees: (step, input) =>
      runner.hasSource && input === 0 ? (inputs[input]?.shape[0] ?? 0) : (positions_NL[step]?.at(-1) ?? 0) + 1,
    random: (stream = 0) => new Random(options.seed, stream),

    async value(points, { counted = false } = {}) {
      const K = points[0]?.shape[0] ?? 0;
      const parts: Tensor[] = [];
      try {
        for (const [from, to] of chunks(K, pointsPerPass)) {
          parts.push(
            tidy(() => {
              const some = points.map((x_KSD) => slice(x_KSD, [from, 0, 0], [to - from, ...x_KSD.shape.slice(1)]));
              const rows = (): Tensor[] => some.map((x_KSD) => repeat(x_KSD, steps * readings));
              const scores_R = target.score(runner.logitsAtAll(some, positions_NL.flat()), to - from, rows);
              if (counted) options.onEntry();
              return scores_R;
            }),
          );
          if (counted) options.onPass((to - from) * steps);
          await options.betweenPasses();
        }
        const values = tidy(() => reshape(concat(parts, 0), [K, steps]));
        owned.push(values);
        return values;
      } finally {
        dispose(parts);
      }
    },

    async gradient(path) {
      const differentiate = (from: number, to: number) => {
        const score = (...xs: Tensor[]): Tensor =>
          target.score(logitsRead(runner, xs, to - from, positions_NL), to - from, behindReadings(xs, readings));
        return { xs: path.points(from, to).map((point_KSD) => repeat(point_KSD, steps)), score };
      };
      const total = await sumOverPath(path, { steps, pointsPerPass, options, differentiate });
      owned.push(...total);
      return total;
    },

    async multipliers(here, there, rule) {
      const result = tidy(() => {
        const rows = (xs: readonly Tensor[]): Tensor[] => xs.map((x_SD) => repeat(expandDims(x_SD, 0), steps));
        const summed = (...xs: Tensor[]): Tensor => {
          return sum(target.score(logitsRead(runner, xs, 1, positions_NL), 1, behindReadings(xs, readings)));
        };
        options.onEntry();
        return multipliers(summed, rows(here), rows(there), rule === "rescale" ? rescaleRule : inseqRule);
      });
      owned.push(...result);
      options.onPass(steps);
      await options.betweenPasses();
      return result;
    },

    dispose: () => dispose(owned),
  };
}

/** Logits [K·N·L, V] of all readings of rows [K·N, S, D]. Differentiable. */
export function logitsRead(
  runner: Runner,
  rows: readonly Tensor[],
  points: number,
  positions_NL: readonly (readonly number[])[],
  sites?: Sites,
): Tensor {
  const positions_RL = Array.from({ length: points }, () => positions_NL).flat();
  if (positions_NL[0]?.length === 1) return runner.logits(rows, positions_RL.flat(), sites);
  return runner.logitsAtEach(rows, positions_RL, { sites });
}

/** The rows behind each of L readings. */
export const behindReadings =
  (rows: readonly Tensor[], readings: number): (() => readonly Tensor[]) =>
  () =>
    readings === 1 ? rows : rows.map((x_RSD) => repeat(x_RSD, readings));

/** How a path is summed over: pass by pass. */
export interface PathSum {
  /** N */
  readonly steps: number;
  readonly pointsPerPass: number;
  readonly options: ProblemOptions;
  /** For the points from ≤ k < to: what to differentiate, [K·N, ...] each, and the scores [K·N] as a function of it. */
  readonly differentiate: (
    from: number,
    to: number,
  ) => { readonly xs: readonly Tensor[]; readonly score: (...xs: Tensor[]) => Tensor };
}

/** Σ_k w_k c_k ∂f_n/∂x over all points of a path, for each x [N, S, D]: one forward and one backward for each pass. */
export async function sumOverPath(path: Path, way: PathSum): Promise<Tensor[]> {
  let total: Tensor[] = [];
  try {
    for (const [from, to] of chunks(path.length, way.pointsPerPass)) {
      const before = total;
      total = tidy(() => passOver(path, from, to, way).map((part, i) => add(before[i] ?? zerosLike(part), part)));
      dispose(before);
      await way.options.betweenPasses();
    }
  } catch (error) {
    dispose(total);
    throw error;
  }
  return total;
}

/** The summands of the points from ≤ k < to. */
function passOver(path: Path, from: number, to: number, { steps, options, differentiate }: PathSum): Tensor[] {
  const points = to - from;
  const weights_R = tensor(
    path.weights.slice(from, to).flatMap((weight) => Array.from({ length: steps }, () => weight)),
    [points * steps],
  );
  const { xs, score } = differentiate(from, to);
  const weighted = (...inputs: Tensor[]): Tensor => {
    const scores_R = score(...inputs);
    options.onPass(points * steps);
    return sum(mul(weights_R, scores_R));
  };
  const { grads } = valueAndGrads(weighted, xs, options.onEntry);
  const factors = path.factors?.(from, to);
  return grads.map((gradient, i) => {
    const [, S = 0, D = 0] = gradient.shape;
    const gradient_KNSD = reshape(gradient, [points, steps, S, D]);
    const factor_KSD = factors?.[i];
    return sum(factor_KSD ? mul(gradient_KNSD, expandDims(factor_KSD, 1)) : gradient_KNSD, 0);
  });
}

/** [0, size), [size, 2·size), ... up to `length`. */
export function chunks(length: number, size: number): [from: number, to: number][] {
  return Array.from({ length: Math.ceil(length / size) }, (_, i) => [i * size, Math.min(length, (i + 1) * size)]);
}

/** The same rows for every point: [N, ...] → [K·N, ...]. */
export function forEachPoint(x: Tensor, points: number): Tensor {
  return tile(x, [points, ...x.shape.slice(1).map(() => 1)]);
}
