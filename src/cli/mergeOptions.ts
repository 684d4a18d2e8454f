/** The options of `inseq merge`. */

import type { OptionTable, OptionValues } from "./optionTable.ts";

export const mergeOptions = {
  inputFiles: {
    kind: "texts",
    aliases: ["-i"],
    placeholder: "file",
    group: "Files",
    help: "The result files of all shards, in any order. Required.",
  },
  savePath: {
    kind: "text",
    aliases: ["-o"],
    placeholder: "file",
    group: "Files",
    help: "The merged file: .json, which Inseq reads, too; or .jsonl, the file that one process would have written. Required.",
  },
  overwrite: { kind: "flag", group: "Files", help: "Replace a file that exists." },
} as const satisfies OptionTable;

export type MergeArguments = OptionValues<typeof mergeOptions>;
