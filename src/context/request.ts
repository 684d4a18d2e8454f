/** The options of `attributeContext`, checked and complete. */

import type { AggregateOptions } from "../aggregate/aggregate.ts";
import { OptionError } from "../errors.ts";
import { type MethodId, methods, scoresTokens } from "../method/registry.ts";
import { knownName, rejectUnknownOptions } from "../names.ts";
import { checkSalience, type SalienceOptions } from "../result/salience.ts";
import { findScore, listStepFunctions } from "../score/registry.ts";
import { type ContextOptions, type CueOptions, decided, optionNames, outputContextStrategies } from "./options.ts";
import { type Placeholder, parseTemplate, places, type TemplatePart } from "./template.ts";

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
  if (scoresTokens(id)) return id;
  throw new OptionError(`attributionMethod: expected a method that scores tokens, received ${id}`);
}
