/** The options of `inseq benchmark`. */

import { dataFormats } from "../evaluate/data/formats.ts";
import { floors } from "../evaluate/explain.ts";
import { listMetrics } from "../evaluate/registry.ts";
import { listRemovalOperators } from "../evaluate/removal.ts";
import { playerKinds } from "../method/perturbation/perturbation.ts";
import { listTokenMethods } from "../method/registry.ts";
import { listStepFunctions } from "../score/registry.ts";
import { attributeOptions } from "./options.ts";
import type { OptionTable, OptionValues } from "./optionTable.ts";

const scoreNames = { of: "step function", names: listStepFunctions };

export const benchmarkOptions = {
  modelNameOrPath: {
    kind: "text",
    aliases: ["-m"],
    placeholder: "model",
    group: "Model and data",
    help: "Folder of a model in Hugging Face's layout, or its name on the hub. Default: the two bundled models.",
  },
  data: {
    kind: "text",
    aliases: ["-d"],
    placeholder: "name or file",
    group: "Model and data",
    help: "A file of items, or needle or induction, which are made. Default: the ground truth of the bundled models.",
  },
  format: {
    kind: "text",
    placeholder: "name",
    choices: { of: "format", names: () => ["auto", ...Object.keys(dataFormats)] },
    default: "auto",
    group: "Model and data",
    help: "Format of the file; jsonl has prompt (or source), target, and optionally foil and evidence.",
  },
  maxItems: {
    kind: "integer",
    aliases: ["-n"],
    placeholder: "n",
    default: 48,
    group: "Model and data",
    help: "At most so many items, evenly spread over the data; as many are made.",
  },
  length: {
    kind: "integer",
    placeholder: "n",
    default: 100,
    group: "Model and data",
    help: "Words of made items.",
  },
  onError: {
    kind: "text",
    placeholder: "what",
    choices: { of: "way to go on", names: () => ["stop", "skip"] },
    default: "stop",
    group: "Model and data",
    help: "A malformed row, or an item that does not fit the model, ends the run (stop), or is left out and named in the results (skip).",
  },

  methods: {
    kind: "texts",
    aliases: ["-a"],
    placeholder: "name",
    choices: {
      of: "attribution method",
      names: () => ["all", ...floors, ...listTokenMethods().filter((id) => id !== "leave_one_out")],
    },
    group: "Methods and metrics",
    help: "Methods to compare; random, recency and leave_one_out are there always. all: every one that the model and the items allow; the results say which failed, and why.",
  },
  methodKwargs: {
    kind: "record",
    placeholder: "json",
    group: "Methods and metrics",
    help: 'Options of methods by their names: \'{"integrated_gradients": {"n_steps": 50}}\'.',
  },
  metrics: {
    kind: "texts",
    placeholder: "name",
    choices: { of: "metric", names: listMetrics },
    group: "Methods and metrics",
    help: "Metrics; the first one ranks. Default: auprc and top_1 where the data name evidence, aopc_comprehensiveness, aopc_sufficiency, deletion. For parameter_randomization the model is loaded a second time, and gets random weights.",
  },
  removal: {
    kind: "texts",
    placeholder: "name",
    choices: { of: "removal", names: listRemovalOperators },
    group: "Methods and metrics",
    help: "How metrics remove words, and with the first of them what methods with a baseline start from. Default: mean, the mean of all embeddings.",
  },
  players: {
    kind: "text",
    placeholder: "name",
    choices: { of: "players", names: () => playerKinds },
    default: "word",
    group: "Methods and metrics",
    help: "What scores are of.",
  },
  attributedFn: {
    kind: "text",
    aliases: ["-fn"],
    placeholder: "name",
    choices: scoreNames,
    group: "Methods and metrics",
    help: "What methods explain. Default: contrast_prob_diff for items with a foil, else probability.",
  },
  measuredFn: {
    kind: "text",
    placeholder: "name",
    choices: scoreNames,
    group: "Methods and metrics",
    help: "What metrics measure. Default: probability, of the whole target.",
  },
  attributeTarget: {
    kind: "flag",
    group: "Methods and metrics",
    help: "Encoder-decoder models: words of the target before the explained ones count, too.",
  },
  seed: {
    kind: "integer",
    placeholder: "n",
    default: 0,
    group: "Methods and metrics",
    help: "Of everything that is drawn.",
  },

  savePath: {
    kind: "text",
    aliases: ["-o"],
    placeholder: "folder",
    default: "inseq-benchmark",
    group: "Output",
    help: "Folder for records.jsonl, results.json, results.csv and report.html. What is there already is not computed again.",
  },
  restart: { kind: "flag", group: "Output", help: "Begin anew, whatever the folder has." },
  examples: {
    kind: "integer",
    placeholder: "n",
    default: 3,
    group: "Output",
    help: "Items of which the report has a map.",
  },
  hideProgress: { kind: "flag", group: "Output", help: "Show no progress bar." },

  device: attributeOptions.device,
  backend: attributeOptions.backend,
  quantize: attributeOptions.quantize,
  dtype: attributeOptions.dtype,
  precision: attributeOptions.precision,
  memoryBudget: attributeOptions.memoryBudget,
} as const satisfies OptionTable;

export type BenchmarkArguments = OptionValues<typeof benchmarkOptions>;
