/**
 * Blurring a method over noise: it is asked again at `smoothingSamples` noisy copies of the input, and of its answers a_k
 *
 *   smoothgrad   the mean is taken           (Smilkov et al. 2017, arXiv 1706.03825)
 *   squaregrad   the mean of the squares     (Hooker et al. 2019, arXiv 1806.10758)
 *   vargrad      the variance                (Adebayo et al. 2018, arXiv 1810.03307)
 *
 * The noise is normal, its deviation at each token a share `noiseLevel` of the range max − min of the token's embedding,
 * so that it means the same for every model. Cost: that of the method for each sample.
 */

import { OptionError } from "../errors.ts";
import { add, dispose, max, min, mul, scalar, square, sub, type Tensor, tensor, tidy } from "../tensor.ts";
import type { Answer, Problem } from "./problem.ts";

const smoothings = ["smoothgrad", "squaregrad", "vargrad"] as const;

export interface SmoothingOptions {
  /** What is taken of the method's answers at noisy inputs; nothing is blurred by default. */
  readonly smoothing?: (typeof smoothings)[number];
  /** Noisy copies of the input. 10 by default. */
  readonly smoothingSamples?: number;
  /** Standard deviation of the noise, as a share of the range of each token's embedding. 0.15 by default. */
  readonly noiseLevel?: number;
}

export const smoothingOptions = [
  "smoothing",
  "smoothingSamples",
  "noiseLevel",
] as const satisfies readonly (keyof SmoothingOptions)[];

const DEFAULT_SAMPLES = 10;
/** In the middle of the 10 to 20 % that Smilkov et al. recommend. */
const DEFAULT_LEVEL = 0.15;

type Solve = (problem: Problem) => Promise<Answer>;

/** How often the method is asked. */
export function solutions({ smoothing, smoothingSamples = DEFAULT_SAMPLES }: SmoothingOptions): number {
  return smoothing === undefined ? 1 : smoothingSamples;
}

/**
 * @throws OptionError when an option is out of range, has no `smoothing` to belong to, or asks for the convergence of
 * what does not converge to anything
 */
export function checkSmoothing(options: SmoothingOptions & { readonly returnConvergenceDelta?: unknown }): void {
  const { smoothing, smoothingSamples = DEFAULT_SAMPLES, noiseLevel = DEFAULT_LEVEL } = options;
  if (smoothing === undefined) {
    const stray = (["smoothingSamples", "noiseLevel"] as const).find((name) => options[name] !== undefined);
    if (stray === undefined) return;
    throw new OptionError(`${stray}: expected smoothing beside it (${smoothings.join(", ")}), received none`);
  }
  if (!smoothings.includes(smoothing)) {
    throw new OptionError(`smoothing: expected one of ${smoothings.join(", ")}, received ${JSON.stringify(smoothing)}`);
  }
  if (!Number.isInteger(smoothingSamples) || smoothingSamples < 1) {
    throw new OptionError(`smoothingSamples: expected a positive integer, received ${smoothingSamples}`);
  }
  if (!(noiseLevel >= 0)) throw new OptionError(`noiseLevel: expected a number ≥ 0, received ${noiseLevel}`);
  if (smoothing !== "smoothgrad" && options.returnConvergenceDelta) {
    throw new OptionError(`returnConvergenceDelta: ${smoothing} is not meant to add up to anything; leave it out`);
  }
}

/** The method, blurred as the options say; itself when they say nothing. */
export function smoothed(solve: Solve, options: SmoothingOptions): Solve {
  const { smoothing, smoothingSamples: samples = DEFAULT_SAMPLES, noiseLevel = DEFAULT_LEVEL } = options;
  if (smoothing === undefined) return solve;
  return async (problem) => {
    // Sums of a_k − a_0 and of their squares, so that a small variance of large numbers is not lost.
    let first: readonly Tensor[] = [];
    let sums: readonly Tensor[] = [];
    let squares: readonly Tensor[] = [];
    let deltas: Tensor | undefined;
    for (let sample = 0; sample < samples; sample++) {
      const { noisy, inputs } = noisyProblem(problem, sample, noiseLevel);
      const answer = await solve(noisy);
      const before = [...sums, ...squares, ...(deltas ? [deltas] : [])];
      const parts = answer.attributions;
      if (sample === 0) first = tidy(() => parts.map((part) => add(part, scalar(0))));
      const shifted = (part: Tensor, i: number): Tensor =>
        smoothing === "vargrad" ? sub(part, first[i] as Tensor) : part;
      const next = tidy(() => ({
        sums: parts.map((part, i) => add(sums[i] ?? scalar(0), shifted(part, i))),
        squares: parts.map((part, i) => add(squares[i] ?? scalar(0), square(shifted(part, i)))),
        deltas: answer.deltas && add(deltas ?? scalar(0), answer.deltas),
      }));
      dispose([...before, ...parts, ...(answer.deltas ? [answer.deltas] : []), ...inputs]);
      ({ sums, squares } = next);
      deltas = next.deltas;
    }
    const share = scalar(1 / samples);
    const result = tidy(() => ({
      attributions: sums.map((sum, i) => {
        const [mean, meanSquare] = [mul(share, sum), mul(share, squares[i] as Tensor)];
        if (smoothing === "smoothgrad") return mean;
        return smoothing === "squaregrad" ? meanSquare : sub(meanSquare, square(mean));
      }),
      deltas: deltas && mul(share, deltas),
    }));
    dispose([...first, ...sums, ...squares, share, ...(deltas ? [deltas] : [])]);
    return result;
  };
}

/** Streams of random numbers that no method uses for itself. */
const STREAM = 2 ** 20;

/** The problem at a noisy copy of its inputs, which draws other numbers than the other copies. */
function noisyProblem(problem: Problem, sample: number, level: number): { noisy: Problem; inputs: readonly Tensor[] } {
  const stream = (sample + 1) * STREAM;
  const inputs = tidy(() =>
    problem.inputs.map((x_SD, i) => {
      const random = problem.random(stream + i);
      const normal_SD = tensor(
        Float32Array.from({ length: x_SD.size }, () => random.normal()),
        x_SD.shape,
      );
      const range_S1 = sub(max(x_SD, 1, true), min(x_SD, 1, true));
      return add(x_SD, mul(mul(scalar(level), range_S1), normal_SD));
    }),
  );
  const random: Problem["random"] = (own = 0) => problem.random(stream + STREAM / 2 + own);
  return { noisy: { ...problem, inputs, random }, inputs };
}
