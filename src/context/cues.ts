/**
 * Contextual cues imputation: which tokens of the contexts a token of the output depends on.
 *
 * The token is attributed in the text with context. A function that compares needs another token that might have stood in its
 * place: one that is given, or what the model writes there without the context.
 */

import { sliceEncoding } from "../attribution/texts/texts.ts";
import type { AttributionModel } from "../attributionModel.ts";
import { OptionError } from "../errors.ts";
import type { FeatureAttributionOutput, FeatureAttributionSequenceOutput } from "../output.ts";
import type { ContextualCues } from "../result/contextAttribution.ts";
import type { Encoding } from "../text/tokenizer.ts";
import { textOf } from "./keptText.ts";
import { tokensWithin } from "./regions.ts";
import type { ResolvedContextOptions } from "./request.ts";
import type { OutputToken } from "./sensitivity.ts";
import type { Context, Exchanges } from "./texts.ts";

/**
 * @param nth the how-manieth dependent token it is, which says what word it is compared with
 * @param onProgress called with the part of the work that is done, 0 to 1
 */
export async function contextualCues(
  model: AttributionModel,
  exchanges: Exchanges,
  options: ResolvedContextOptions,
  token: OutputToken,
  index: number,
  nth: number,
  onProgress: (part: number) => void,
): Promise<{ readonly cues: ContextualCues; readonly output: FeatureAttributionOutput }> {
  const { contextual, contextless, inputContext, outputContext } = exchanges;
  const { attributionMethod: method, attributedFn, signal } = options;
  const isEncoderDecoder = model.model.kind === "encoder-decoder";
  const foil = options.compares ? await foilOf(model, exchanges, options, token, nth) : null;
  const same = foil?.ids.at(-1) === contextual.targetTokens.ids[token.contextual];
  const attributed = await model.attribute(contextual.input, contextual.target, {
    ...options.attribution,
    method,
    ...(attributedFn !== undefined && { attributedFn }),
    attrPosStart: token.contextual,
    attrPosEnd: token.contextual + 1,
    ...(isEncoderDecoder && outputContext !== null && { attributeTarget: true }),
    ...(foil !== null && {
      ...(isEncoderDecoder && { contrastSources: contextless.input }),
      contrastTargets: [foil],
      contrastTargetsAlignments: [[token.contextual, foil.ids.length - 1] as const],
      // Two equal tokens differ in nothing but their contexts; a divergence is one of contexts.
      contrastForceInputs: attributedFn === "kl_divergence" || same,
    }),
    ...(signal && { signal }),
    onProgress: ({ done, total }) => onProgress(total > 0 ? done / total : 0),
  });
  const output = options.aggregation.reduce((result, way) => result.aggregate(way), attributed);
  const scoresOf = (context: Context | null) => context && contextScores(model, output, context, options);
  const [, end = contextual.target.length] = contextual.targetTokens.spans[token.contextual] ?? [];
  return {
    cues: {
      ctiIdx: index,
      ctiToken: token.token,
      ctiScore: token.score,
      contextualOutput: contextual.target.slice(0, end),
      contrastToken: foil?.tokens.at(-1) ?? null,
      contextlessOutput: foil && textOf(model, foil, options),
      inputContextScores: scoresOf(inputContext),
      outputContextScores: scoresOf(outputContext),
    },
    output,
  };
}

/** The target without context up to the token, and another token in its place. */
async function foilOf(
  model: AttributionModel,
  { contextless }: Exchanges,
  options: ResolvedContextOptions,
  token: OutputToken,
  nth: number,
): Promise<Encoding> {
  const prefix = sliceEncoding(contextless.targetTokens, 0, token.contextless);
  const word = await givenWord(model, options, contextless.target, contextless.targetTokens, token, nth);
  const id =
    word === null
      ? await likeliestNext(model, contextless.input, prefix, options)
      : firstTokenOf(model, word, contextless.target, contextless.targetTokens, token);
  return {
    ids: [...prefix.ids, id],
    tokens: [...prefix.tokens, model.tokenizer.idToToken(id)],
    spans: [...prefix.spans, null],
  };
}

async function givenWord(
  model: AttributionModel,
  options: ResolvedContextOptions,
  target: string,
  tokens: Encoding,
  token: OutputToken,
  nth: number,
): Promise<string | null> {
  const { contextlessOutputNextTokens: words, promptUserForContextlessOutputNextTokens: prompts, questions } = options;
  if (words.length > 0) return words[nth] ?? null;
  if (!prompts) return null;
  if (questions === undefined) {
    throw new OptionError(
      "promptUserForContextlessOutputNextTokens: expected somebody who answers, but there is no terminal and no questions " +
        "were given; use contextlessOutputNextTokens",
    );
  }
  const [start] = tokens.spans[token.contextless] ?? [0];
  const [readable = token.token] = model.tokenizer.readable([token.token]);
  return await questions.nextToken(target.slice(0, start), readable);
}

/** The token that a word begins with, written behind the text before `token` with the space that stands there. */
function firstTokenOf(
  model: AttributionModel,
  word: string,
  target: string,
  { spans }: Encoding,
  token: OutputToken,
): number {
  const [start] = spans[token.contextless] ?? [0];
  const text = target.slice(0, start) + word.trimStart();
  const asTarget = model.model.kind === "encoder-decoder";
  const written = model.tokenizer.encode(text, { asTarget, addSpecialTokens: false });
  const first = written.spans.findIndex((span) => span && span[0] >= start && span[1] > start);
  const id = written.ids[first];
  if (id !== undefined) return id;
  throw new OptionError(`contextlessOutputNextTokens: expected a word that is a token of its own, received "${word}"`);
}

/** What the model writes next, without context: of a generation that may go on, the first token. */
async function likeliestNext(
  model: AttributionModel,
  input: string,
  prefix: Encoding,
  { generationArgs, signal }: ResolvedContextOptions,
): Promise<number> {
  const isEncoderDecoder = model.model.kind === "encoder-decoder";
  const args = Object.entries(generationArgs).filter(([name]) => !/^(min|max)_?(new_?tokens|length)$/i.test(name));
  const ids = await model.generateIds(isEncoderDecoder ? model.encode(input) : prefix, {
    ...(isEncoderDecoder && { targetPrefix: prefix }),
    // Some models end every output of full length with a fixed token: one more leaves room for it.
    generationArgs: { ...Object.fromEntries(args), max_new_tokens: isEncoderDecoder ? 2 : 1 },
    signal,
  });
  const id = ids[prefix.ids.length];
  if (id === undefined) throw new RangeError("generation wrote no token");
  return id;
}

/** The scores of a context's tokens, from an attribution of one step. */
function contextScores(
  model: AttributionModel,
  { sequenceAttributions: [sequence] }: FeatureAttributionOutput,
  { side, region, tokens }: Context,
  { specialTokensToKeep }: ResolvedContextOptions,
): number[] {
  const scores = sequence && (side === "source" ? sequence.sourceAttributions : sequence.targetAttributions);
  const known = (side === "source" ? sequence?.source : sequence?.target) ?? [];
  if (!sequence || !scores || !isOfTokens(sequence, known.length, tokens.ids.length) || scores.shape.length !== 2) {
    throw new OptionError(
      "aggregation: expected one score for each token of a context, received " +
        `[${scores?.shape.join(", ") ?? "none"}]; aggregators that merge tokens, or leave layers apart, cannot be used here`,
    );
  }
  const positions = tokensWithin(tokens, region, model.tokenizer, specialTokensToKeep);
  return positions.map((position) => scores.values[position] ?? Number.NaN);
}

/** Whether a sequence has one step and as many tokens as before. */
function isOfTokens({ attrPosStart, attrPosEnd }: FeatureAttributionSequenceOutput, has: number, had: number): boolean {
  return attrPosEnd - attrPosStart === 1 && has === had;
}
