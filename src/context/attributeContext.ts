/**
 * PECoRe (Sarti et al. 2024, https://arxiv.org/abs/2310.01188): which tokens of an output depend on the context, and on what in
 * it. What Inseq's command `attribute-context` does.
 */

import type { AttributionModel } from "../attributionModel.ts";
import { OptionError } from "../errors.ts";
import type { ContextualCues } from "../result/contextAttribution.ts";
import { contextualCues } from "./cues.ts";
import { contextInfo } from "./info.ts";
import type { ContextOptions } from "./options.ts";
import { AttributeContextOutput } from "./output.ts";
import { findOutputs } from "./outputs.ts";
import { tokensWithin } from "./regions.ts";
import { resolveContextOptions } from "./request.ts";
import { contextSensitivity } from "./sensitivity.ts";
import { type Context, createExchanges, type Exchanges } from "./texts.ts";

/**
 * Finds the tokens of an output that depend on its context, and attributes each of them to the context's tokens.
 *
 * The output is given, or the model writes it with all contexts. Tokens depend on the context as far as `contextSensitivityMetric`
 * says that the model would have written something else without it. Those that stand out are attributed in the text with context;
 * an `attributedFn` that compares does so with what the model would have written instead.
 * @throws OptionError for options that are unknown, missing or contradict each other, for an output that is not as its template
 *   says, and for questions that nobody answers
 */
export async function attributeContext(
  model: AttributionModel,
  options: ContextOptions,
): Promise<AttributeContextOutput> {
  const started = performance.now();
  const resolved = resolveContextOptions(options, model.method);
  const outputs = await findOutputs(model, resolved);
  const exchanges = createExchanges(model.languageModel, resolved, outputs);
  checkDifference(exchanges);
  const { inputContext, outputContext } = exchanges;
  const { tokens, sensitive, output } = await contextSensitivity(model, exchanges, resolved);
  resolved.onIntermediateOutput?.(output);
  checkNextTokens(resolved.contextlessOutputNextTokens, sensitive.length);
  const cciScores: ContextualCues[] = [];
  if (sensitive.length > 0) resolved.onProgress?.(0, sensitive.length);
  for (const [nth, index] of sensitive.entries()) {
    const token = tokens[index];
    if (token === undefined) continue;
    const found = await contextualCues(model, exchanges, resolved, token, index, nth, (part) =>
      resolved.onProgress?.(nth + part, sensitive.length),
    );
    resolved.onIntermediateOutput?.(found.output);
    cciScores.push(found.cues);
    resolved.onProgress?.(nth + 1, sensitive.length);
  }
  const tokensOf = (context: Context | null) =>
    context &&
    tokensWithin(context.tokens, context.region, model.tokenizer, resolved.specialTokensToKeep).map(
      (position) => context.tokens.tokens[position] ?? "",
    );
  const seconds = (performance.now() - started) / 1000;
  return new AttributeContextOutput({
    inputContext: inputContext?.text ?? null,
    inputContextTokens: tokensOf(inputContext),
    outputContext: outputContext?.text ?? null,
    outputContextTokens: tokensOf(outputContext),
    outputCurrent: outputs.current,
    outputCurrentTokens: tokens.map(({ token }) => token),
    ctiScores: tokens.map(({ score }) => score),
    cciScores,
    info: resolved.addOutputInfo === false ? null : contextInfo(model, resolved, outputs, seconds),
  });
}

/** @throws OptionError when there is no context at all: every score would be zero */
function checkDifference({ contextual, contextless, inputContext, outputContext }: Exchanges): void {
  if (inputContext !== null || outputContext !== null) return;
  if (contextual.input !== contextless.input || contextual.target !== contextless.target) return;
  throw new OptionError(
    "inputContextText: expected a context of the input or of the output, or templates that tell the texts with and without " +
      "context apart, received none",
  );
}

/** @throws OptionError when words are not as many as tokens that they are to be compared with */
function checkNextTokens(words: readonly string[], sensitive: number): void {
  if (words.length === 0 || words.length === sensitive) return;
  throw new OptionError(
    `contextlessOutputNextTokens: expected one for each of the ${sensitive} tokens that depend on the context, received ` +
      `${words.length}`,
  );
}
