/**
 * The engine's side of `Problem`: one forward, many gradients.
 *
 * The logits after position t of a causal model depend on positions ≤ t only, so one pass over the sequence serves every
 * step. `tf.grad` runs its function once per call; to get one gradient for each step, the inputs are repeated along the
 * batch axis, one row for each step (and path point), every row's score is taken at its own position, and the gradient of
 * the sum of all scores is each row's own gradient. A pass keeps only positions before its last target: the causal cone.
 */

import type { Path, Problem } from "../method/problem.ts";
import { valueAndGrads } from "../ops/gradients.ts";
import { multipliers } from "../ops/multipliers.ts";
import { repeat } from "../ops/repeat.ts";
import { inseqRule, rescaleRule } from "../ops/rescale.ts";
import { Random } from "../random.ts";
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
} from "../tensor.ts";
import type { Runner } from "./runner.ts";

/** The function to be explained, ready for rows of the given steps. */
export interface Target {
  /**
   * [R] scores of R = points × steps rows, point by point, from their logits [R, V]. Differentiable. `rows` gives the
   * attributed inputs of every row, for functions that put them into another context.
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

/** The problem of explaining the steps at target positions first ≤ t < last. */
export function createProblem(
  runner: Runner,
  first: number,
  last: number,
  target: Target,
  options: ProblemOptions,
): OwnedProblem {
  const steps = last - first;
  const positions_N = Array.from({ length: steps }, (_, n) => first + n - 1);
  const pointsPerPass = Math.max(1, Math.floor(options.rows / steps));
  const inputs = tidy(() => runner.inputs(last - 1));
  const references = tidy(() => runner.references(last - 1));
  const baseline = references[0] ?? { embeddings: inputs, ids: inputs.map(() => null) };
  const owned: Tensor[] = [...inputs, ...references.flatMap(({ embeddings }) => embeddings)];

  return {
    steps,
    inputs,
    baseline,
    references,
    words: runner.words(last - 1),
    sees: (step, input) =>
      runner.hasSource && input === 0 ? (inputs[input]?.shape[0] ?? 0) : Math.min(last - 1, first + step),
    random: (stream = 0) => new Random(options.seed, stream),

    async value(points, { counted = false } = {}) {
      const K = points[0]?.shape[0] ?? 0;
      const parts: Tensor[] = [];
      try {
        for (const [from, to] of chunks(K, pointsPerPass)) {
          parts.push(
            tidy(() => {
              const some = points.map((x_KSD) => slice(x_KSD, [from, 0, 0], [to - from, ...x_KSD.shape.slice(1)]));
              const rows = (): Tensor[] => some.map((x_KSD) => repeat(x_KSD, steps));
              const scores_R = target.score(runner.logitsAtAll(some, positions_N), to - from, rows);
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
        const positions_R = Array.from({ length: to - from }, () => positions_N).flat();
        const score = (...xs: Tensor[]): Tensor => target.score(runner.logits(xs, positions_R), to - from, () => xs);
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
          const scores_R = target.score(runner.logits(xs, positions_N), 1, () => xs);
          return sum(scores_R);
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
