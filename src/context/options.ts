/** What attributing a context can be told, checked. Names and defaults are those of Inseq's `attribute-context`. */

import type { AggregateOptions } from "../aggregate/aggregate.ts";
import type { AttributeOptions } from "../attribution/options.ts";
import { OptionError } from "../errors.ts";
import { type MethodId, methods } from "../method/registry.ts";
import { knownName, rejectUnknownOptions } from "../names.ts";
import type { FeatureAttributionOutput } from "../output.ts";
import { checkSalience, type SalienceOptions } from "../result/salience.ts";
import { findScore, listStepFunctions, type ScoreId } from "../score/registry.ts";
import { type Placeholder, parseTemplate, places, type TemplatePart } from "./template.ts";

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
  /** Called after each token whose cues were found. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What the procedure itself says to `attribute`. */
const decided = [
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
  "generationArgs",
  "generateFromTargetPrefix",
  "outputStepAttributions",
  "overrideDefaultAttribution",
  "skipSpecialTokens",
  "retokenize",
  "chat",
  "cleanSpecialChars",
  "batchSize",
  "neuron",
  "signal",
  "onProgress",
] as const satisfies readonly (keyof AttributeOptions)[];

const optionNames = [
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

/** Scores that compare two contexts or tokens, and so can say how much a token depends on a context. */
export function listContextSensitivityMetrics(): string[] {
  return listStepFunctions().filter(isContrastive);
}

export const isContrastive = (score: string): boolean => findScore(score).contrast !== "none";

/** The options with their defaults, and templates in parts. */
export interface ResolvedContextOptions extends Omit<ContextOptions, "aggregation"> {
  readonly templates: {
    readonly input: readonly TemplatePart[];
    readonly output: readonly TemplatePart[];
    readonly contextlessInput: readonly TemplatePart[];
    readonly contextlessOutput: readonly TemplatePart[];
  };
  readonly inputTemplate: string;
  readonly outputTemplate: string;
  readonly contextlessInputCurrentText: string;
  readonly contextlessOutputCurrentText: string;
  readonly hasInputContext: boolean;
  readonly hasOutputContext: boolean;
  readonly attributionMethod: MethodId;
  /** Whether `attributedFn` compares. */
  readonly compares: boolean;
  readonly contextSensitivityMetric: string;
  readonly handleOutputContextStrategy: "manual" | "auto" | "pre";
  readonly contextlessOutputNextTokens: readonly string[];
  readonly promptUserForContextlessOutputNextTokens: boolean;
  readonly specialTokensToKeep: readonly string[];
  readonly decoderInputOutputSeparator: string;
  readonly sensitivity: SalienceOptions;
  readonly cues: SalienceOptions;
  readonly aggregation: readonly AggregateOptions[];
  readonly attribution: CueOptions;
  readonly generationArgs: Readonly<Record<string, unknown>>;
}

/**
 * @param defaultMethod the model's own
 * @throws OptionError for options that are unknown, missing or contradict each other
 */
export function resolveContextOptions(options: ContextOptions, defaultMethod: MethodId): ResolvedContextOptions {
  rejectUnknownOptions("attributeContext", options, optionNames);
  const { inputContextText, outputContextText, attributedFn } = options;
  if (typeof options.inputCurrentText !== "string" || options.inputCurrentText.trim() === "") {
    throw new OptionError("inputCurrentText: expected a text, received none");
  }
  const inputTemplate = options.inputTemplate ?? defaultTemplate(inputContextText);
  const outputTemplate = options.outputTemplate ?? defaultTemplate(outputContextText);
  const { contextlessInputCurrentText = "{current}", contextlessOutputCurrentText = "{current}" } = options;
  const templates = {
    input: template("inputTemplate", inputTemplate, ["current"]),
    output: template("outputTemplate", outputTemplate, ["current"]),
    contextlessInput: template("contextlessInputCurrentText", contextlessInputCurrentText, []),
    contextlessOutput: template("contextlessOutputCurrentText", contextlessOutputCurrentText, ["current"]),
  };
  for (const name of ["contextlessInput", "contextlessOutput"] as const) {
    if (!places(templates[name]).includes("context")) continue;
    throw new OptionError(`${name}CurrentText: expected no {context} in what has none`);
  }
  const hasInputContext = places(templates.input).includes("context");
  const hasOutputContext = places(templates.output).includes("context");
  checkContexts(options, { inputTemplate, hasInputContext, outputTemplate, hasOutputContext });
  if (hasOutputContext && places(templates.output)[0] !== "context") {
    throw new OptionError(`outputTemplate: expected {context} before {current}, received "${outputTemplate}"`);
  }
  const { contextlessOutputNextTokens = [], promptUserForContextlessOutputNextTokens = false } = options;
  const compares = attributedFn !== undefined && isContrastive(attributedFn);
  checkNextTokens(contextlessOutputNextTokens, promptUserForContextlessOutputNextTokens, compares, attributedFn);
  const { contextSensitivityMetric = "kl_divergence", attribution = {} } = options;
  knownName("context sensitivity metric", contextSensitivityMetric, listContextSensitivityMetrics());
  const stated = decided.filter((name) => name in attribution);
  if (stated.length > 0) {
    throw new OptionError(`attribution: expected no ${stated.join(", ")}, which attributeContext decides itself`);
  }
  const sensitivity = salience(options.contextSensitivityStdThreshold, options.contextSensitivityTopk);
  const cues = salience(options.attributionStdThreshold, options.attributionTopk);
  checkSalience(["contextSensitivityStdThreshold", "contextSensitivityTopk"], sensitivity);
  checkSalience(["attributionStdThreshold", "attributionTopk"], cues);
  return {
    ...options,
    templates,
    inputTemplate,
    outputTemplate,
    contextlessInputCurrentText,
    contextlessOutputCurrentText,
    hasInputContext,
    hasOutputContext,
    attributionMethod: knownMethod(options.attributionMethod ?? defaultMethod),
    compares,
    contextSensitivityMetric,
    handleOutputContextStrategy: knownName(
      "strategy for the output context",
      options.handleOutputContextStrategy ?? "manual",
      outputContextStrategies,
    ),
    contextlessOutputNextTokens,
    promptUserForContextlessOutputNextTokens,
    specialTokensToKeep: options.specialTokensToKeep ?? [],
    decoderInputOutputSeparator: options.decoderInputOutputSeparator ?? " ",
    sensitivity,
    cues,
    aggregation: options.aggregation ?? [{ normalize: false }],
    attribution,
    generationArgs: options.generationArgs ?? {},
  };
}

function defaultTemplate(context: string | undefined): string {
  return context === undefined ? "{current}" : "{context} {current}";
}

function template(name: string, text: string, required: readonly Placeholder[]): TemplatePart[] {
  const parts = parseTemplate(name, text);
  for (const place of required) {
    if (!places(parts).includes(place)) throw new OptionError(`${name}: expected {${place}} in "${text}"`);
  }
  return parts;
}

/** @throws OptionError for a context without a place, and for a place without a context where one has to be given */
function checkContexts(
  { inputContextText, outputContextText, handleOutputContextStrategy }: ContextOptions,
  t: { inputTemplate: string; hasInputContext: boolean; outputTemplate: string; hasOutputContext: boolean },
): void {
  const without = (name: string, value: string) =>
    new OptionError(`${name}Template: expected {context} beside ${name}ContextText, received "${value}"`);
  if (inputContextText !== undefined && !t.hasInputContext) throw without("input", t.inputTemplate);
  if (outputContextText !== undefined && !t.hasOutputContext) throw without("output", t.outputTemplate);
  if (!inputContextText && t.hasInputContext) {
    throw new OptionError(`inputContextText: expected a text for {context} in "${t.inputTemplate}", received none`);
  }
  if (outputContextText === "") throw new OptionError("outputContextText: expected a text, received an empty one");
  if (outputContextText === undefined && t.hasOutputContext && handleOutputContextStrategy === "pre") {
    throw new OptionError(
      `outputContextText: expected a text for {context} in "${t.outputTemplate}", because the strategy "pre" asks nobody ` +
        "and guesses nothing; received none",
    );
  }
}

function checkNextTokens(
  given: readonly string[],
  prompts: boolean,
  compares: boolean,
  attributedFn: string | undefined,
): void {
  if (given.length === 0 && !prompts) return;
  if (given.length > 0 && prompts) {
    throw new OptionError(
      "contextlessOutputNextTokens: expected none beside promptUserForContextlessOutputNextTokens; give one of them",
    );
  }
  if (!compares) {
    throw new OptionError(
      `${given.length > 0 ? "contextlessOutputNextTokens" : "promptUserForContextlessOutputNextTokens"}: expected an ` +
        `attributedFn that compares, such as contrast_prob_diff, received ${attributedFn ?? "none"}`,
    );
  }
  const empty = given.findIndex((word) => word.trim() === "");
  if (empty >= 0)
    throw new OptionError(`contextlessOutputNextTokens: expected words, received an empty one at ${empty}`);
}

function salience(stdThreshold: number | null = 1, topk: number | null = null): SalienceOptions {
  return { stdThreshold, topk };
}

/** @throws OptionError for a method that gives no scores of tokens */
function knownMethod(method: string): MethodId {
  const id = knownName("attribution method", method, Object.keys(methods) as MethodId[]);
  if (methods[id].on !== "nothing") return id;
  throw new OptionError(`attributionMethod: expected a method that scores tokens, received ${id}`);
}
