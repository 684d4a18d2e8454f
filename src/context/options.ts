/** What attributing a context can be told. Names and defaults are those of Inseq's `attribute-context`. */

import type { AggregateOptions } from "../aggregate/aggregate.ts";
import type { AttributeOptions } from "../attribution/options.ts";
import type { MethodId } from "../method/registry.ts";
import type { FeatureAttributionOutput } from "../output.ts";
import type { ScoreId } from "../score/registry.ts";

/** Questions to a person. */
export interface ContextQuestions {
  /** Which beginning of a generated output is its context; `candidate` is a guess. */
  outputContext(output: string, candidate: string | null): Promise<string>;
  /** The word to compare a token with, behind a beginning of the output; null to let the model write one. */
  nextToken(prefix: string, token: string): Promise<string | null>;
}

/** Options of `attribute` for the second step that are not decided by the procedure. */
export type CueOptions = Omit<AttributeOptions, (typeof decided)[number]>;

/** Which texts, templates and methods a context is attributed with. */
export interface ContextOptions {
  /** What the model reads: a prompt, or a source text. */
  readonly inputCurrentText: string;
  /** What comes before it. */
  readonly inputContextText?: string | undefined;
  /** How they are put together; `{context} {current}` when there is a context, else `{current}`. */
  readonly inputTemplate?: string | undefined;
  /** What the output begins with, and which is context, too (a translation of the context, a chain of thought). */
  readonly outputContextText?: string | undefined;
  /** The output that is analysed; without it, the model writes one. */
  readonly outputCurrentText?: string | undefined;
  /** As `inputTemplate`. With `{context}` but no `outputContextText`, the model writes both. */
  readonly outputTemplate?: string | undefined;
  /** The input without context: a template with `{current}`, or another text. Default: `{current}`. */
  readonly contextlessInputCurrentText?: string | undefined;
  /** The output without context, a template with `{current}`. Default: `{current}`. */
  readonly contextlessOutputCurrentText?: string | undefined;
  /** The method that finds cues; by default that of the model. */
  readonly attributionMethod?: MethodId | undefined;
  /** What is explained about tokens that depend on the context; by default what `attribute` explains. */
  readonly attributedFn?: ScoreId | (string & {}) | undefined;
  /** How much an output token depends on the context: a score that compares. Default: `kl_divergence`. */
  readonly contextSensitivityMetric?: ScoreId | (string & {}) | undefined;
  /**
   * Who says where the context ends in an output that the model wrote: a person (`manual`, by default), the best guess where
   * there is one (`auto`), or nobody (`pre`: `outputContextText` has to be given).
   */
  readonly handleOutputContextStrategy?: "manual" | "auto" | "pre" | undefined;
  /** With an attributed function that compares: the word to compare with, for each token that depends on the context. */
  readonly contextlessOutputNextTokens?: readonly string[] | undefined;
  /** Ask a person for these words. */
  readonly promptUserForContextlessOutputNextTokens?: boolean | undefined;
  /** Special tokens that are part of the texts, such as a mark between context and current text. */
  readonly specialTokensToKeep?: readonly string[] | undefined;
  /** Decoder-only models: what stands between input and output unless one of them has it. Default: a space. */
  readonly decoderInputOutputSeparator?: string | undefined;
  /** λ: a token depends on the context from mean + λ standard deviations. Default: 1. Null: all do. */
  readonly contextSensitivityStdThreshold?: number | null | undefined;
  /** Of those, only so many. */
  readonly contextSensitivityTopk?: number | null | undefined;
  /** The same for tokens of the contexts, where they are shown. All scores are in the result. */
  readonly attributionStdThreshold?: number | null | undefined;
  readonly attributionTopk?: number | null | undefined;
  /** Aggregations, one after another, of the scores of cues; by default the method's own, not normalised. */
  readonly aggregation?: readonly AggregateOptions[] | undefined;
  /** Options of the method and of the attributed function. */
  readonly attribution?: CueOptions | undefined;
  /** Of what the model writes, in Hugging Face's names or camelCase. */
  readonly generationArgs?: Readonly<Record<string, unknown>> | undefined;
  /** Keep in the result what was asked. Default: true. */
  readonly addOutputInfo?: boolean | undefined;
  /** Who answers questions; without it, what needs an answer is refused. */
  readonly questions?: ContextQuestions | undefined;
  /** Called with what both steps see: scores of the output, then the attribution of each dependent token. */
  readonly onIntermediateOutput?: ((output: FeatureAttributionOutput) => void) | undefined;
  /**
   * Called whenever the search for cues has come further: of how many dependent tokens they were found, with a fraction for the
   * one in work, and how many such tokens there are.
   */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What the procedure itself says to `attribute`. */
export const decided = [
  "method",
  "attributedFn",
  "stepScores",
  "attrPosStart",
  "attrPosEnd",
  "attributeTarget",
  "contrastSources",
  "contrastTargets",
  "contrastTargetsAlignments",
  "contrastForceInputs",
  "foilReduction",
  "outputSpans",
  "spanReduction",
  "generationArgs",
  "generateFromTargetPrefix",
  "outputStepAttributions",
  "overrideDefaultAttribution",
  "skipSpecialTokens",
  "retokenize",
  "chat",
  "cleanSpecialChars",
  "widthReduction",
  "batchSize",
  "neuron",
  "signal",
  "onProgress",
] as const satisfies readonly (keyof AttributeOptions)[];

export const optionNames = [
  "inputCurrentText",
  "inputContextText",
  "inputTemplate",
  "outputContextText",
  "outputCurrentText",
  "outputTemplate",
  "contextlessInputCurrentText",
  "contextlessOutputCurrentText",
  "attributionMethod",
  "attributedFn",
  "contextSensitivityMetric",
  "handleOutputContextStrategy",
  "contextlessOutputNextTokens",
  "promptUserForContextlessOutputNextTokens",
  "specialTokensToKeep",
  "decoderInputOutputSeparator",
  "contextSensitivityStdThreshold",
  "contextSensitivityTopk",
  "attributionStdThreshold",
  "attributionTopk",
  "aggregation",
  "attribution",
  "generationArgs",
  "addOutputInfo",
  "questions",
  "onIntermediateOutput",
  "onProgress",
  "signal",
] as const satisfies readonly (keyof ContextOptions)[];

/** Who decides where the context ends in an output that the model wrote. */
export const outputContextStrategies = ["manual", "auto", "pre"] as const;
