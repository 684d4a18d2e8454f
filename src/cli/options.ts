/** The options of `inseq attribute`. Names, aliases and defaults are Inseq's; the last ones of each group are ours. */

import { listAggregationFunctions } from "../aggregate/functions.ts";
import { listAggregators } from "../aggregate/registry.ts";
import { widthReductions } from "../attribution/gradient/widthReduction.ts";
import { precisions } from "../backend/definition.ts";
import { quantizations, storageTypes } from "../loadModel.ts";
import { listFeatureAttributionMethods } from "../method/registry.ts";
import { listStepFunctions } from "../score/registry.ts";
import type { Choices, OptionTable, OptionValues } from "./optionTable.ts";

const methodNames: Choices = { of: "attribution method", names: listFeatureAttributionMethods };
const scoreNames: Choices = { of: "step function", names: listStepFunctions };
const aggregatorNames: Choices = {
  of: "aggregator or aggregation function",
  names: () => [...listAggregators(), ...listAggregationFunctions()],
};

export const attributeOptions = {
  modelNameOrPath: {
    kind: "text",
    aliases: ["-m"],
    placeholder: "model",
    group: "Model and texts",
    help: "Folder of a model in Hugging Face's layout (config.json, weights, tokenizer), or its name on the Hugging Face hub. Required.",
  },
  inputTexts: {
    kind: "texts",
    aliases: ["-i"],
    placeholder: "text",
    group: "Model and texts",
    help: "Prompts, or source texts of an encoder-decoder model. Required unless there are messages.",
  },
  messages: {
    kind: "text",
    placeholder: "file",
    group: "Model and texts",
    help: 'Instead of input texts: a JSON file with a conversation [{"role": "user", "content": "..."}], or a list of several. The model\'s chat template makes prompts of them.',
  },
  chat: {
    kind: "flag",
    group: "Model and texts",
    help: "The input texts are what a user says to a chat model; generated texts are its replies.",
  },
  generatedTexts: {
    kind: "texts",
    aliases: ["-g"],
    placeholder: "text",
    group: "Model and texts",
    help: "Outputs to explain instead of what the model writes; for decoder-only models they begin with their prompts.",
  },
  generateFromTargetPrefix: {
    kind: "flag",
    group: "Model and texts",
    help: "The generated texts are beginnings, which an encoder-decoder model continues.",
  },
  batchSize: {
    kind: "integer",
    aliases: ["-bs"],
    placeholder: "n",
    default: 8,
    group: "Model and texts",
    help: "Texts that are generated together.",
  },
  modelKwargs: {
    kind: "record",
    placeholder: "json",
    group: "Model and texts",
    help: "Keyword arguments for the model: revision, token, cache_dir, local_files_only. Others are refused.",
  },
  tokenizerKwargs: {
    kind: "record",
    placeholder: "json",
    group: "Model and texts",
    help: 'Keyword arguments for the tokenizer, such as languages: \'{"src_lang": "eng_Latn", "tgt_lang": "fra_Latn"}\'.',
  },
  generationKwargs: {
    kind: "record",
    placeholder: "json",
    group: "Model and texts",
    help: 'How to generate, in Hugging Face\'s names: \'{"num_beams": 4, "max_new_tokens": 20}\'.',
  },
  skipSpecialTokens: { kind: "flag", group: "Model and texts", help: "Encode texts without special tokens." },
  retokenize: {
    kind: "flag",
    group: "Model and texts",
    help: "Explain the tokens that the generated text has when it is encoded again (as Inseq does), not those generated.",
  },

  attributionMethod: {
    kind: "text",
    aliases: ["-a"],
    placeholder: "name",
    choices: methodNames,
    default: "saliency",
    group: "Attribution",
    help: "How to attribute.",
  },
  attributedFn: {
    kind: "text",
    aliases: ["-fn"],
    placeholder: "name",
    choices: scoreNames,
    group: "Attribution",
    help: "What to explain; probability when not given. Its arguments, such as contrast_targets, go into --attribution_kwargs.",
  },
  attributionKwargs: {
    kind: "record",
    placeholder: "json",
    group: "Attribution",
    help: 'Arguments of the method and of the attributed function: \'{"n_steps": 100, "contrast_targets": "..."}\'.',
  },
  outputSpans: {
    kind: "texts",
    placeholder: "span",
    group: "Attribution",
    help: "Explain spans of the output as one step each: all, word, sentence, or characters of the target text such as 12:30 40:52.",
  },
  widthReduction: {
    kind: "text",
    placeholder: "name",
    choices: { of: "width reduction", names: () => widthReductions },
    group: "Attribution",
    help: "vnorm or sum: keep this one number of each score's width, for long texts and small files. Default: all of the width.",
  },
  attributeTarget: {
    kind: "flag",
    group: "Attribution",
    help: "Encoder-decoder models: attribute the target prefix, too.",
  },
  stepScores: {
    kind: "texts",
    placeholder: "name",
    choices: scoreNames,
    group: "Attribution",
    help: "Scores to compute for each generated token.",
  },
  startPos: {
    kind: "integer",
    aliases: ["-s"],
    placeholder: "n",
    group: "Attribution",
    help: "First position to attribute; negative numbers count from the end. Default: the first generated token.",
  },
  endPos: {
    kind: "integer",
    aliases: ["-e"],
    placeholder: "n",
    group: "Attribution",
    help: "First position not to attribute any more. Default: the end.",
  },
  includeEosBaseline: {
    kind: "flag",
    aliases: ["--eos"],
    group: "Attribution",
    help: "Replace the end-of-sequence token in baselines, too.",
  },
  baseline: {
    kind: "texts",
    placeholder: "name",
    group: "Attribution",
    help: 'What stands for "no information": inseq (default), unk, pad, mask, zero, mean, random, a token id, or text:... Several are averaged.',
  },
  seed: {
    kind: "integer",
    placeholder: "n",
    group: "Attribution",
    help: "Seed of what the method or the baseline draws. Default: 0. (That of generation goes into --generation_kwargs.)",
  },
  outputStepAttributions: {
    kind: "flag",
    group: "Attribution",
    help: "Save the attributions of each generation step apart, too.",
  },

  attributionAggregators: {
    kind: "texts",
    placeholder: "name",
    choices: aggregatorNames,
    group: "Aggregation",
    help: "Aggregators, one after another, for what is shown and saved. Default for what is shown: the method's own.",
  },
  attributionSelectors: {
    kind: "integers",
    placeholder: "n",
    group: "Aggregation",
    help: "Index (a layer, a head) that each of the aggregators takes.",
  },
  aggregationKwargs: {
    kind: "record",
    placeholder: "json",
    group: "Aggregation",
    help: 'Further options of the aggregators, as JSON: {"aggregate_generated": false}. inseq explain <aggregator> lists them.',
  },
  normalizeAttributions: {
    kind: "flag",
    group: "Aggregation",
    help: "Divide the scores of each generated token by the sum of their magnitudes.",
  },
  rescaleAttributions: {
    kind: "flag",
    group: "Aggregation",
    help: "Divide all scores by the largest magnitude.",
  },
  aggregateOutput: {
    kind: "flag",
    group: "Aggregation",
    help: "Save aggregated scores also when no aggregators are named. Otherwise scores are saved as the method gives them.",
  },

  hideAttributions: {
    kind: "flag",
    aliases: ["--hide"],
    group: "Output",
    help: "Show nothing in the terminal.",
  },
  savePath: {
    kind: "text",
    aliases: ["-o"],
    placeholder: "file",
    group: "Output",
    help: "Save the attributions as JSON, which Inseq reads, too. An existing file is replaced.",
  },
  vizPath: {
    kind: "text",
    placeholder: "file",
    group: "Output",
    help: "Write an HTML page that needs no network.",
  },
  svgPath: {
    kind: "text",
    placeholder: "file",
    group: "Output",
    help: "Write a vector figure; of several texts one each, _0, _1, ... behind the name.",
  },
  pngPath: {
    kind: "text",
    placeholder: "file",
    group: "Output",
    help: "Write the figure as a picture, too (needs the package @resvg/resvg-js).",
  },
  verbose: { kind: "flag", aliases: ["-v"], group: "Output", help: "Tell what is done, on the error stream." },
  veryVerbose: {
    kind: "flag",
    aliases: ["-vv"],
    group: "Output",
    help: "Tell more: all options and each pass; where an error arose.",
  },

  device: {
    kind: "text",
    aliases: ["--dev"],
    placeholder: "name",
    group: "Computing",
    help: "cuda for the first GPU, cuda:1 for the second, or cpu. Default: the fastest backend present.",
  },
  quantize: {
    kind: "text",
    placeholder: "name",
    choices: { of: "quantization", names: () => quantizations },
    group: "Computing",
    help: "int8 or int4: matrices of linear layers in fewer bits, made while loading.",
  },
  dtype: {
    kind: "text",
    placeholder: "name",
    choices: { of: "dtype", names: () => storageTypes },
    group: "Computing",
    help: "bfloat16: these matrices in half the memory; products are computed in float32. Default: float32.",
  },
  precision: {
    kind: "text",
    placeholder: "name",
    choices: { of: "precision", names: () => precisions },
    group: "Computing",
    help: "high: matrix products with fewer bits where the device is faster then (TF32 on cuda, bfloat16 on native where the processor has it); bfloat16: with fewer still, and half the memory for weights (cuda). Default: float32.",
  },
  backend: {
    kind: "text",
    placeholder: "name",
    group: "Computing",
    help: "Which implementation computes: auto, native, cuda, tensorflow, wasm or cpu. Default: auto, the fastest one.",
  },
  memoryBudget: {
    kind: "bytes",
    placeholder: "bytes",
    group: "Computing",
    help: "Memory for the activations of one pass, such as 512M or 2G (powers of 1024). Default: 1G.",
  },
} as const satisfies OptionTable;

export type AttributeArguments = OptionValues<typeof attributeOptions>;
