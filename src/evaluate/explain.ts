/** A method's scores of the players of an item, and the floors that stand beside the methods. */

import type { AttributeOptions } from "../attribution/options.ts";
import type { InputNoise } from "../attribution/runner/inputNoise.ts";
import type { AttributionModel } from "../attributionModel.ts";
import { NumericError } from "../errors.ts";
import { everyone } from "../method/perturbation/game.ts";
import { type MethodId, methods } from "../method/registry.ts";
import { Random } from "../random.ts";
import type { Scores } from "../result/attribution.ts";
import { findScore } from "../score/registry.ts";
import type { EvaluationItem } from "./item.ts";
import { removing } from "./ranking.ts";
import type { Subject } from "./subject.ts";

/**
 * What every method is compared with, by the same functions and the same removal as the metrics:
 *   random         scores drawn at random
 *   recency        scores that grow towards the end of the text
 *   leave_one_out  f(x) − f(x without i): what removing tells about each player alone
 */
export const floors = ["random", "recency", "leave_one_out"] as const;
/** What every method has to beat. */
export type FloorId = (typeof floors)[number];

/** How the scores of a token's embedding become one: added up, or the length of the vector. */
export type TokenScore = "sum" | "vnorm";

/** A method as it is evaluated: its name and options. */
export interface EvaluatedMethod {
  /** How results call it. */
  readonly name: string;
  readonly method: MethodId | FloorId;
  readonly options?: AttributeOptions;
  /** `sum`, which keeps the sign, but `vnorm` for methods that give gradients which are not multiplied by an input. */
  readonly tokenScore?: TokenScore;
}

/** What an explanation took. */
export interface Cost {
  readonly seconds: number;
  /**
   * Rows (step × path point, or perturbed inputs) that went forward through the model, and those that came back; null for
   * methods that read the inside of the model, which count none.
   */
  readonly forwards: number | null;
  readonly backwards: number | null;
  /** The most bytes that tensors took at the end of a pass; null for floors and for methods that read the inside of the model. */
  readonly peakBytes: number | null;
}

export interface Explanation {
  /** [P] */
  readonly scores: Float64Array;
  readonly cost: Cost;
}

export interface ExplainOptions {
  readonly attributeTarget: boolean;
  readonly seed: number;
  /** How the input's embeddings are moved, for methods; floors are asked of a subject that has moved. */
  readonly noise?: InputNoise | undefined;
  readonly memoryBudget?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The stream of random numbers that scores are drawn from. */
const STREAM = 2 ** 24;

/**
 * @throws OptionError when the method or its options do not fit the model
 * @throws NumericError when a score is not finite
 */
export async function explain(
  model: AttributionModel,
  item: EvaluationItem,
  subject: Subject,
  evaluated: EvaluatedMethod,
  options: ExplainOptions,
): Promise<Explanation> {
  const { method } = evaluated;
  const { scores, cost } = isFloor(method)
    ? await floorScores(method, subject, options.seed)
    : await methodScores(model, item, subject, { ...evaluated, method }, options);
  const bad = scores.findIndex((score) => !Number.isFinite(score));
  if (bad < 0) return { scores, cost };
  throw new NumericError(`${evaluated.name}: expected finite scores, received ${scores[bad]} for player ${bad}`);
}

export const isFloor = (method: string): method is FloorId => floors.some((floor) => floor === method);

async function floorScores(floor: FloorId, subject: Subject, seed: number): Promise<Explanation> {
  const started = performance.now();
  const before = subject.rows();
  const scores = await scoresOf(floor, subject, seed);
  const seconds = (performance.now() - started) / 1000;
  return { scores, cost: { seconds, forwards: subject.rows() - before, backwards: 0, peakBytes: null } };
}

async function scoresOf(floor: FloorId, subject: Subject, seed: number): Promise<Float64Array> {
  const players = Array.from({ length: subject.players }, (_, p) => p);
  switch (floor) {
    case "random": {
      const random = new Random(seed, STREAM);
      return Float64Array.from(players, () => random.uniform());
    }
    case "recency":
      return Float64Array.from(players);
    case "leave_one_out": {
      const alone = players.map((player) => removing(subject, [player]));
      const [whole = Number.NaN, ...parts] = await subject.value([everyone(subject), ...alone], "explained");
      return Float64Array.from(parts, (part) => whole - part);
    }
    default:
      throw floor satisfies never;
  }
}

async function methodScores(
  model: AttributionModel,
  item: EvaluationItem,
  subject: Subject,
  { method, options = {}, tokenScore = defaultTokenScore(method, options) }: EvaluatedMethod & { method: MethodId },
  { attributeTarget, seed, noise, memoryBudget, signal }: ExplainOptions,
): Promise<Explanation> {
  const [start, end] = subject.positions;
  const started = performance.now();
  const aligned = { contrastTargetsAlignments: [[start, start]] } as const;
  const { attributedFn, attributedFnArgs } = subject.explained;
  const about = methods[method];
  const hasBaselines = about.on === "embeddings" && "defaultBaselines" in about;
  const isPair = item.foil !== undefined && findScore(attributedFn).contrast !== "none";
  const output = await model.attribute(item.input, item.target, {
    attributedFn,
    ...(attributedFnArgs && { attributedFnArgs: { ...attributedFnArgs } }),
    ...(isPair && { contrastTargets: item.foil, ...(item.positions === undefined && aligned) }),
    attrPosStart: start,
    attrPosEnd: end,
    ...(attributeTarget && { attributeTarget }),
    ...(about.usesBaseline && !hasBaselines && { baseline: subject.baseline }),
    ...(about.draws && { seed }),
    ...(noise && { inputNoise: noise }),
    ...(memoryBudget !== undefined && { memoryBudget }),
    ...(signal && { signal }),
    ...options,
    method,
  });
  const sequence = output.sequenceAttributions[0];
  const isGranular = sequence?.kind === "granular";
  const single = isGranular
    ? sequence.aggregate({
        aggregator: [tokenScore, ...sequence.defaultAggregators.slice(1)] as TokenScore[],
        normalize: false,
      })
    : sequence?.aggregate({ normalize: false });
  const inputs = [single?.sourceAttributions ?? null, single?.targetAttributions ?? null].filter((one) => one !== null);
  const { rows = 0, peak_bytes = 0 } = (output.info.inseq_tfjs ?? {}) as { rows?: number; peak_bytes?: number };
  const isInside = about.on === "internals";
  const hasGradient = ["embeddings", "sites"].includes(about.on);
  return {
    scores: Float64Array.from(subject.descriptions, ({ input, tokens }) =>
      tokens.reduce((total, token) => total + overSteps(inputs[input], token), 0),
    ),
    cost: {
      seconds: (performance.now() - started) / 1000,
      forwards: isInside ? null : rows,
      backwards: isInside ? null : hasGradient ? rows : 0,
      peakBytes: isInside ? null : peak_bytes,
    },
  };
}

/** Gradients that are not multiplied by an input, or were squared, have no sign that could be added up. */
function defaultTokenScore(method: MethodId, { smoothing }: AttributeOptions): TokenScore {
  const isGradient = method === "saliency" || method === "internal_influence";
  return isGradient || smoothing === "squaregrad" || smoothing === "vargrad" ? "vnorm" : "sum";
}

/** The sum of a token's scores [S, G] over the explained steps. */
function overSteps(scores: Scores | undefined, token: number): number {
  const [, G = 0] = scores?.shape ?? [];
  const row = scores?.values.subarray(token * G, (token + 1) * G) ?? [];
  return row.length === 0 ? Number.NaN : [...row].reduce((total, score) => total + score, 0);
}
