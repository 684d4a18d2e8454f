/**
 * Context-sensitive token identification: how much each token of an output depends on the context.
 *
 * The model is run once with and once without the context, and a score that compares is computed for each token: the original
 * is what has no context, the contrast what has it. Kullback-Leibler's divergence is then KL(P without ‖ P with).
 */

import type { AttributionModel } from "../attributionModel.ts";
import { OptionError } from "../errors.ts";
import type { FeatureAttributionOutput } from "../output.ts";
import { salient } from "../result/salience.ts";
import { counterparts, tokensWithin } from "./regions.ts";
import type { ResolvedContextOptions } from "./request.ts";
import type { Exchanges } from "./texts.ts";

/** A token of the output. */
export interface OutputToken {
  /** The vocabulary's string, as it is without context. */
  readonly token: string;
  readonly score: number;
  /** Positions in the targets without and with context. */
  readonly contextless: number;
  readonly contextual: number;
}

export interface Sensitivity {
  readonly tokens: readonly OutputToken[];
  /** Indices of those that depend on the context, strongest first. */
  readonly sensitive: readonly number[];
  readonly output: FeatureAttributionOutput;
}

/** @throws OptionError when the output has no token */
export async function contextSensitivity(
  model: AttributionModel,
  { contextual, contextless }: Exchanges,
  options: ResolvedContextOptions,
): Promise<Sensitivity> {
  const { contextSensitivityMetric: metric, sensitivity, specialTokensToKeep, signal } = options;
  const { targetTokens } = contextless;
  const positions = tokensWithin(targetTokens, contextless.current, model.tokenizer, specialTokensToKeep);
  const [first] = positions;
  const last = positions.at(-1);
  if (first === undefined || last === undefined) {
    throw new OptionError("outputCurrentText: expected at least one token to analyse, received none");
  }
  const contextualPositions = tokensWithin(
    contextual.targetTokens,
    contextual.current,
    model.tokenizer,
    specialTokensToKeep,
  );
  const others = counterparts(
    { encoding: targetTokens, region: contextless.current, positions },
    { encoding: contextual.targetTokens, region: contextual.current, positions: contextualPositions },
  );
  const output = await model.attribute(contextless.input, contextless.target, {
    method: "dummy",
    stepScores: [metric],
    ...(model.model.kind === "encoder-decoder" && { contrastSources: contextual.input }),
    contrastTargets: contextual.target,
    contrastTargetsAlignments: positions.map((position, i) => [position, others[i] ?? position] as const),
    attrPosStart: first,
    attrPosEnd: last + 1,
    ...(signal && { signal }),
  });
  const scores = output.sequenceAttributions[0]?.stepScores[metric]?.values ?? new Float32Array();
  const tokens = positions.map((position, i) => ({
    token: targetTokens.tokens[position] ?? "",
    score: scores[position - first] ?? Number.NaN,
    contextless: position,
    contextual: others[i] ?? position,
  }));
  return {
    tokens,
    sensitive: salient(
      tokens.map(({ score }) => score),
      sensitivity,
    ),
    output,
  };
}
