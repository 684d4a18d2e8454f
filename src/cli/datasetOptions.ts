/** The options of `inseq attribute-dataset`: those of `attribute` but the texts and views, and where the texts come from. */

import { attributeOptions } from "./options.ts";
import type { OptionTable, OptionValues } from "./optionTable.ts";

const {
  modelNameOrPath,
  inputTexts: _inputTexts,
  messages: _messages,
  generatedTexts: _generatedTexts,
  vizPath: _vizPath,
  svgPath: _svgPath,
  pngPath: _pngPath,
  ...shared
} = attributeOptions;

export const datasetOptions = {
  modelNameOrPath,
  datasetName: {
    kind: "text",
    aliases: ["-d", "--dataset"],
    placeholder: "name",
    group: "Data",
    help: "A file (.jsonl, .json, .csv, .tsv, .txt, each also .gz, or .parquet), a folder of such files, a format (json, csv, tsv, text, parquet) with --dataset_files, or the name of a data set on the hub. Required.",
  },
  datasetConfig: {
    kind: "text",
    aliases: ["--config"],
    placeholder: "name",
    group: "Data",
    help: "Which one of the data sets that it has (its configuration, or subset).",
  },
  inputTextField: {
    kind: "text",
    aliases: ["-in", "--input"],
    placeholder: "field",
    group: "Data",
    help: "Field (column) with the prompts or source texts, or with conversations. A dot goes into records: translation.en. Required.",
  },
  generatedTextField: {
    kind: "text",
    aliases: ["-gen", "--generated"],
    placeholder: "field",
    group: "Data",
    help: "Field with the texts to explain, instead of what the model writes.",
  },
  contrastTargetsField: {
    kind: "text",
    placeholder: "field",
    group: "Data",
    help: "Field with each row's contrast_targets, for contrastive attributed functions and step scores.",
  },
  datasetDir: {
    kind: "text",
    aliases: ["--dir"],
    placeholder: "folder",
    group: "Data",
    help: "Folder with the data files; of a data set on the hub, a folder in its repository.",
  },
  datasetFiles: {
    kind: "texts",
    aliases: ["--files"],
    placeholder: "file",
    group: "Data",
    help: "The data files; in a folder, *, ?, [ab] and ** stand for parts of names.",
  },
  datasetSplit: {
    kind: "text",
    aliases: ["--split"],
    placeholder: "split",
    default: "train",
    group: "Data",
    help: "The split, or rows of it: test, train[:100], train[10%:20%].",
  },
  datasetRevision: {
    kind: "text",
    aliases: ["--revision"],
    placeholder: "name",
    group: "Data",
    help: "Branch, tag or commit of a data set on the hub. Default: the hub's Parquet copy of main, or else main.",
  },
  datasetAuthToken: {
    kind: "text",
    aliases: ["--auth"],
    placeholder: "token",
    group: "Data",
    help: "Token for a data set on the hub that not everybody may read. Default: HF_TOKEN, or the token that hf auth login stored.",
  },
  datasetKwargs: {
    kind: "record",
    placeholder: "json",
    group: "Data",
    help: 'How tables are read: \'{"sep": ";", "column_names": ["question", "answer"]}\'; the field of a JSON file that has the rows: \'{"field": "data"}\'.',
  },
  onError: {
    kind: "text",
    placeholder: "what",
    choices: { of: "way to go on", names: () => ["stop", "skip"] },
    default: "stop",
    group: "Data",
    help: "A malformed row, or one that cannot be attributed, ends the run (stop), or is noted in the results (skip).",
  },
  ...shared,
  savePath: {
    kind: "text",
    aliases: ["-o"],
    placeholder: "file",
    group: "Output",
    help: "Where results go: .jsonl, a line for each row, written as it is done; .json, one file that Inseq reads, made of those lines at the end. Required.",
  },
  shard: {
    kind: "text",
    placeholder: "i/n",
    group: "Output",
    help: "Do one of n parts, i from 0: 2/8. In a Slurm array: auto. In a Kubernetes Indexed Job: auto/8. inseq merge puts the parts together.",
  },
  resume: {
    kind: "flag",
    group: "Output",
    help: "Go on where a run with the same data and options ended, however it ended; begin when there is none.",
  },
  overwrite: { kind: "flag", group: "Output", help: "Replace results that exist." },
  dryRun: {
    kind: "flag",
    group: "Output",
    help: "Read all rows, attribute a few of them, and tell how many rows, tokens and passes there are, how large the results will be and how long it will take.",
  },
} as const satisfies OptionTable;

export type DatasetArguments = OptionValues<typeof datasetOptions>;

/** Those that say which data. */
export type DataArguments = Pick<
  DatasetArguments,
  | "datasetName"
  | "datasetConfig"
  | "datasetDir"
  | "datasetFiles"
  | "datasetSplit"
  | "datasetRevision"
  | "datasetAuthToken"
  | "datasetKwargs"
>;
