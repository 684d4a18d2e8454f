/** The options of `inseq attribute-context`. Names, aliases and defaults are Inseq's. */

import { outputContextStrategies } from "../context/options.ts";
import { listContextSensitivityMetrics } from "../context/request.ts";
import { attributeOptions } from "./options.ts";
import type { OptionTable, OptionValues } from "./optionTable.ts";

const TEXTS = "Model and texts";
const TEMPLATES = "Templates";
const SENSITIVITY = "Which tokens depend on the context";
const CUES = "What they depend on";
const OUTPUT = "Output";

export const contextOptions = {
  modelNameOrPath: attributeOptions.modelNameOrPath,
  inputCurrentText: {
    kind: "text",
    placeholder: "text",
    group: TEXTS,
    help: "A prompt, or the source text of an encoder-decoder model. Required.",
  },
  inputContextText: { kind: "text", placeholder: "text", group: TEXTS, help: "What comes before it." },
  outputContextText: {
    kind: "text",
    placeholder: "text",
    group: TEXTS,
    help: "What the output begins with and which is context, too: a translation of the context, a chain of thought.",
  },
  outputCurrentText: {
    kind: "text",
    placeholder: "text",
    group: TEXTS,
    help: "The output to analyse. Default: what the model writes with all contexts.",
  },
  modelKwargs: attributeOptions.modelKwargs,
  tokenizerKwargs: attributeOptions.tokenizerKwargs,
  generationKwargs: attributeOptions.generationKwargs,

  inputTemplate: {
    kind: "text",
    placeholder: "template",
    group: TEMPLATES,
    help: 'How the input is put together. Default: "{context} {current}" with a context, else "{current}".',
  },
  outputTemplate: {
    kind: "text",
    placeholder: "template",
    group: TEMPLATES,
    help: "The same for the output. With {context} but no --output_context_text, the model writes both.",
  },
  contextlessInputCurrentText: {
    kind: "text",
    placeholder: "template",
    group: TEMPLATES,
    help: 'The input without context: a template, or another text. Default: "{current}".',
  },
  contextlessOutputCurrentText: {
    kind: "text",
    placeholder: "template",
    group: TEMPLATES,
    help: 'The output without context. Default: "{current}".',
  },
  specialTokensToKeep: {
    kind: "texts",
    placeholder: "token",
    group: TEMPLATES,
    help: "Special tokens that are part of the texts, such as a mark between context and current text.",
  },
  decoderInputOutputSeparator: {
    kind: "text",
    placeholder: "text",
    default: " ",
    group: TEMPLATES,
    help: "Decoder-only models: what stands between input and output, unless one of them has it there.",
  },
  handleOutputContextStrategy: {
    kind: "text",
    placeholder: "name",
    choices: { of: "strategy for the output context", names: () => outputContextStrategies },
    default: "manual",
    group: TEMPLATES,
    help: "Who says where the context ends in an output that the model wrote: you are asked (manual), the best guess is taken (auto), or nobody, and the output context has to be given (pre).",
  },

  contextSensitivityMetric: {
    kind: "text",
    placeholder: "name",
    choices: { of: "context sensitivity metric", names: listContextSensitivityMetrics },
    default: "kl_divergence",
    group: SENSITIVITY,
    help: "How much an output token depends on the context.",
  },
  contextSensitivityStdThreshold: {
    kind: "number",
    placeholder: "λ",
    default: 1,
    group: SENSITIVITY,
    help: "Tokens are taken from mean + λ standard deviations on.",
  },
  contextSensitivityTopk: { kind: "integer", placeholder: "n", group: SENSITIVITY, help: "Of those, the n strongest." },

  attributionMethod: { ...attributeOptions.attributionMethod, group: CUES },
  attributedFn: { ...attributeOptions.attributedFn, group: CUES, help: "What to explain; probability when not given." },
  attributionKwargs: {
    ...attributeOptions.attributionKwargs,
    group: CUES,
    help: "Arguments of the method and of the attributed function: '{\"n_steps\": 100}'.",
  },
  contextlessOutputNextTokens: {
    kind: "texts",
    placeholder: "word",
    group: CUES,
    help: "With a function that compares: the word to compare with, for each token that depends on the context, the strongest first. Default: what the model writes without context.",
  },
  promptUserForContextlessOutputNextTokens: {
    kind: "flag",
    group: CUES,
    help: "Ask for these words.",
  },
  attributionStdThreshold: {
    kind: "number",
    placeholder: "λ",
    default: 1,
    group: CUES,
    help: "Tokens of the contexts are marked from mean + λ standard deviations on. All scores are saved.",
  },
  attributionTopk: {
    kind: "integer",
    placeholder: "n",
    group: CUES,
    help: "Of those, the n strongest of each context.",
  },
  baseline: { ...attributeOptions.baseline, group: CUES },
  seed: { ...attributeOptions.seed, group: CUES },
  attributionAggregators: {
    ...attributeOptions.attributionAggregators,
    help: "Aggregators, one after another, that leave one score for each token. Default: the method's own.",
  },
  attributionSelectors: attributeOptions.attributionSelectors,
  aggregationKwargs: attributeOptions.aggregationKwargs,
  normalizeAttributions: attributeOptions.normalizeAttributions,
  rescaleAttributions: attributeOptions.rescaleAttributions,

  showIntermediateOutputs: {
    kind: "flag",
    group: OUTPUT,
    help: "Show the scores and attributions of both steps, too.",
  },
  savePath: {
    ...attributeOptions.savePath,
    help: "Save the result as JSON, which Inseq reads, too. An existing file is replaced.",
  },
  addOutputInfo: { kind: "flag", default: true, group: OUTPUT, help: "Save all options with it." },
  vizPath: attributeOptions.vizPath,
  showViz: { kind: "flag", default: true, group: OUTPUT, help: "Show the result in the terminal." },
  verbose: attributeOptions.verbose,
  veryVerbose: attributeOptions.veryVerbose,

  device: attributeOptions.device,
  quantize: attributeOptions.quantize,
  dtype: attributeOptions.dtype,
  precision: attributeOptions.precision,
  backend: attributeOptions.backend,
  memoryBudget: attributeOptions.memoryBudget,
} as const satisfies OptionTable;

export type ContextArguments = OptionValues<typeof contextOptions>;
