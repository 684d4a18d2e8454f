/** The functions of a target that are explained and measured, from the scores of its tokens. */

import { OptionError } from "../errors.ts";
import { findScore } from "../score/registry.ts";
import type { Score, ScoreOptions } from "../score/score.ts";
import type { FunctionName } from "./metric.ts";

/** A score with its options, by the names that `attribute` uses. */
export interface FunctionChoice {
  readonly attributedFn: string;
  readonly attributedFnArgs?: ScoreOptions;
}

/** How a function of the whole target is made of one score for each of its tokens. */
export interface TargetFunction {
  /** Equal for functions that are made of the same scores. */
  readonly key: string;
  readonly score: Score;
  readonly options: ScoreOptions;
  readonly combine: (perStep: Float64Array) => number;
}

const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);
const logprob = { attributedFn: "probability", attributedFnArgs: { logprob: true } } as const;

/**
 * The three functions that a question can ask for. The probability of a target is the product of its tokens', computed from
 * their logarithms; what is explained is the sum over its tokens, as the scores of a method are.
 * @throws OptionError when a function compares with something that is not there
 */
export function targetFunctions(
  explained: FunctionChoice,
  measured: FunctionChoice,
  hasFoil: boolean,
): Readonly<Record<FunctionName, TargetFunction>> {
  return {
    explained: targetFunction(explained, hasFoil, (ofLogarithms) => sum(ofLogarithms.map(Math.exp))),
    measured: targetFunction(measured, hasFoil, (ofLogarithms) => Math.exp(sum(ofLogarithms))),
    logprob: targetFunction(logprob, hasFoil, sum),
  };
}

function targetFunction(
  { attributedFn, attributedFnArgs = {} }: FunctionChoice,
  hasFoil: boolean,
  probability: TargetFunction["combine"],
): TargetFunction {
  const score = findScore(attributedFn);
  if (score.contrast === "context") {
    throw new OptionError(`${attributedFn}: expected a function of one context, this one compares two`);
  }
  if (score.samples) {
    throw new OptionError(`${attributedFn}: expected a function of one pass, this one compares passes with dropout`);
  }
  if (score.contrast === "token" && !hasFoil) {
    throw new OptionError(`${attributedFn}: expected a foil in every item to compare with, received none`);
  }
  const isProbability = attributedFn === "probability" && !attributedFnArgs.logprob;
  const options = isProbability ? logprob.attributedFnArgs : attributedFnArgs;
  const key = JSON.stringify([attributedFn, Object.entries(options).sort()]);
  return { key, score, options, combine: isProbability ? probability : sum };
}
