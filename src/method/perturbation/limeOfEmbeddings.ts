/**
 * LIME as Inseq computes it: the linear model's features are the entries of the embeddings, not the players.
 *
 * A masked token's embedding becomes c in every entry, c being the *number* of the token that stands for "nothing" (its id,
 * not its embedding); the features of sample k are the entries z_k of what is left, its weight is how many of them are those
 * of the text, and
 *
 *   min over b, b₀ of Σ_k w_k (f(z_k) − b₀ − b·z_k)² + α ‖b‖².
 *
 * In sample k token s differs from c 1 by m_ks (x_s − c 1), m_ks being 1 where it is kept, so that a ridge regression on one
 * feature for each token, m_ks r_s with r_s = ‖x_s − c 1‖, has the same solution: b_s = β_s (x_s − c 1) / r_s, and Inseq's
 * default aggregation, the norm of b_s, is |β_s|. That takes a matrix of [S, S] numbers instead of [S·D, S·D].
 *
 * Special tokens are masked like others, as in Inseq. A step's features are those of the tokens that it sees. Inseq draws new
 * masks for every step; here all steps share them. Cost: nSamples forward passes. Unit: that of the score, for each unit of the
 * embedding's.
 */

import { OptionError } from "../../errors.ts";
import { add, mul, readFloats, reshape, scalar, sub, type Tensor, tensor, tidy } from "../../tensor.ts";
import type { EmbeddingMethod } from "../method.ts";
import type { Answer, Problem } from "../problem.ts";
import { checkSamples } from "../samples.ts";
import { ridge } from "./leastSquares.ts";
import { checkLime, DEFAULT_SAMPLES, type LimeOptions } from "./lime.ts";

/** For one sample: of each input which tokens are kept, 1 or 0. */
export type Mask = readonly Uint8Array[];

export interface LimeOfEmbeddingsOptions extends LimeOptions {
  /** At most so many perturbed texts in one pass, beside what `memoryBudget` allows. */
  readonly perturbationsPerEval?: number;
}

export const limeOfEmbeddings: EmbeddingMethod<LimeOfEmbeddingsOptions> = {
  on: "embeddings",
  usesBaseline: "each",
  draws: true,
  smoothable: false,
  options: ["features", "nSamples", "maskProb", "regularization", "perturbationsPerEval"],
  points: ({ nSamples = DEFAULT_SAMPLES }) => nSamples,
  paper: "Ribeiro et al. 2016, arXiv 1602.04938",
  formula: "argmin_b Σ_k w_k (f(z_k) − b₀ − b·z_k)² + α ‖b‖² over entries z_k of embeddings",
  cost: "n_samples forward",
  unit: "that of the score for each unit of the embedding's",
  defaults: { features: "embeddings", nSamples: DEFAULT_SAMPLES, maskProb: 0.3, regularization: 1 },
  goodFor: "reproducing what was published with Inseq's LIME",
  badFor: "reading scores as shares of the token: gaps are filled with a constant, and the norm loses the sign",

  async run(problem, options) {
    const { nSamples = DEFAULT_SAMPLES, maskProb = 0.3, regularization = 1 } = options;
    checkSamples(nSamples);
    checkLime(options);
    const masks = Array.from({ length: nSamples }, (_, k): Mask => {
      // A stream for each sample and input: what a token draws does not depend on how long the text is.
      return problem.inputs.map(({ shape: [S = 0] }, i) => {
        const random = problem.random(1 + k * problem.inputs.length + i);
        return Uint8Array.from({ length: S }, () => (random.uniform() < maskProb ? 0 : 1));
      });
    });
    return await fitMasks(problem, masks, regularization);
  },
};

/**
 * The coefficients that some samples give.
 * @throws OptionError when no token, but something else stands for "nothing"
 */
export async function fitMasks(problem: Problem, masks: readonly Mask[], regularization: number): Promise<Answer> {
  const fills = problem.inputs.map((_, i) => fillOf(problem, i));
  const points = tidy(() =>
    problem.inputs.map((x_SD, i) => {
      const [S = 0] = x_SD.shape;
      const numbers = masks.flatMap((mask) => [...(mask[i]?.subarray(0, S) ?? [])]);
      const kept_KS1 = tensor(numbers, [masks.length, S, 1]);
      return add(mul(kept_KS1, x_SD), mul(sub(scalar(1), kept_KS1), scalar(fills[i] ?? 0)));
    }),
  );
  let values: Float32Array;
  try {
    values = await readFloats(await problem.value(points, { counted: true }));
  } finally {
    for (const point of points) point.dispose();
  }
  const tokens = (await Promise.all(problem.inputs.map((x_SD, i) => tokensOf(x_SD, i, fills[i] ?? 0)))).flat();
  const N = problem.steps;
  const factors = problem.inputs.map(({ shape: [S = 0] }) => new Float32Array(N * S));
  for (let n = 0; n < N; n++) {
    const seen = tokens.filter(({ input, place }) => place < problem.sees(n, input));
    const rows = masks.map((mask) => seen.map(({ input, place, r }) => (mask[input]?.[place] ? r : 0)));
    const weights = masks.map((mask) =>
      seen.reduce((sum, { input, place, width, equal }) => sum + (mask[input]?.[place] ? width : equal), 0),
    );
    const responses = masks.map((_, k) => values[k * N + n] ?? Number.NaN);
    // When all samples lack everything there is nothing to fit.
    if (weights.every((weight) => weight === 0)) continue;
    const { coefficients } = ridge(rows, responses, weights, regularization);
    for (const [j, { input, place, r }] of seen.entries()) {
      const [S = 0] = problem.inputs[input]?.shape ?? [];
      if (r > 0) (factors[input] as Float32Array)[n * S + place] = (coefficients[j] ?? 0) / r;
    }
  }
  const attributions = problem.inputs.map((x_SD, i) =>
    tidy(() => {
      const [S = 0] = x_SD.shape;
      const factors_NS1 = reshape(tensor(factors[i] ?? new Float32Array(), [N, S]), [N, S, 1]);
      return mul(factors_NS1, sub(x_SD, scalar(fills[i] ?? 0)));
    }),
  );
  return { attributions };
}

interface FittedToken {
  readonly input: number;
  readonly place: number;
  /** D, and how many of its entries are c anyway. */
  readonly width: number;
  readonly equal: number;
  /** ‖x − c 1‖ */
  readonly r: number;
}

async function tokensOf(x_SD: Tensor, input: number, fill: number): Promise<FittedToken[]> {
  const [S = 0, width = 0] = x_SD.shape;
  const numbers = await readFloats(x_SD);
  return Array.from({ length: S }, (_, place) => {
    const row = numbers.subarray(place * width, (place + 1) * width);
    const r = Math.sqrt(row.reduce((sum, value) => sum + (value - fill) ** 2, 0));
    return { input, place, width, equal: row.filter((value) => value === fill).length, r };
  });
}

/** c: the id that the baseline puts in a token's place. */
function fillOf({ baseline, words }: Problem, input: number): number {
  const ids = baseline.ids[input];
  const own = words[input]?.ids ?? [];
  if (ids) return ids.find((id, s) => id !== own[s]) ?? ids[0] ?? 0;
  throw new OptionError(
    'features: "embeddings" fills gaps with a token\'s number: expected a baseline of tokens, received other embeddings; ' +
      'take baseline "unk", "pad" or a token id, or features: "players"',
  );
}
