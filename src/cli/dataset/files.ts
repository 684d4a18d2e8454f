/** Which files a data set has: by name, as the library `datasets` finds them. */

import { extname } from "node:path";
import { OptionError } from "../../errors.ts";
import { knownName } from "../../names.ts";

export const formats = ["json", "csv", "tsv", "parquet", "text"] as const;

export type DataFormat = (typeof formats)[number];

const formatOfEnding: Readonly<Record<string, DataFormat>> = {
  ".jsonl": "json",
  ".ndjson": "json",
  ".json": "json",
  ".csv": "csv",
  ".tsv": "tsv",
  ".parquet": "parquet",
  ".txt": "text",
};

/** The format that a file's name says, `.gz` left out; undefined when it says none. */
export function formatOf(name: string): DataFormat | undefined {
  return formatOfEnding[extname(name.replace(/\.gz$/, "")).toLowerCase()];
}

/** Words in names of files that mean a split; any other split has its own name. */
const splitWords: Readonly<Record<string, readonly string[]>> = {
  train: ["train", "training"],
  validation: ["validation", "valid", "dev", "val"],
  test: ["test", "testing", "eval", "evaluation"],
};

/**
 * The files of a split, sorted: those with its name as a word (`train.csv`, `data/train-00000-of-00002.parquet`, `train/a.jsonl`).
 * When no file has any split's name, all are `train`.
 * @throws OptionError when there is none, naming the files
 */
export function filesOfSplit(names: readonly string[], split: string, where: string): string[] {
  const data = names.filter((name) => formatOf(name) !== undefined).sort();
  const words = (of: string) => splitWords[of] ?? [of];
  const has = (name: string, of: string) =>
    words(of).some((word) => new RegExp(`(?:^|[^a-zA-Z0-9])${escaped(word)}(?:[^a-zA-Z0-9]|$)`).test(name));
  const found = data.filter((name) => has(name, split));
  const isUnsplit = !data.some((name) => Object.keys(splitWords).some((of) => has(name, of)));
  const files = found.length === 0 && split === "train" && isUnsplit ? data : found;
  if (files.length > 0) return ofOneFormat(files, where);
  throw new OptionError(
    `${where}: expected files of the split "${split}" (${formats.join(", ")}), found ${data.join(", ") || "no data files"}; ` +
      "--dataset_split names another one, --dataset_files the files",
  );
}

/** Names that patterns match: `*` stands for anything but a slash, `**` for anything. */
export function matchingFiles(names: readonly string[], patterns: readonly string[], where: string): string[] {
  return patterns.flatMap((pattern) => {
    const source = pattern
      .split(/(\*\*|\*)/)
      .map((part) => (part === "**" ? ".*" : part === "*" ? "[^/]*" : escaped(part)));
    const found = names.filter((name) => new RegExp(`^${source.join("")}$`).test(name)).sort();
    if (found.length > 0) return found;
    throw new OptionError(`--dataset_files: expected files in ${where}, found none of the name ${pattern}`);
  });
}

/** A folder may have the same data in several formats: Parquet first, then the one with the most files. */
function ofOneFormat(files: readonly string[], where: string): string[] {
  const present = [...new Set(files.map((name) => formatOf(name)))];
  if (present.length <= 1) return [...files];
  const parquet = files.filter((name) => formatOf(name) === "parquet");
  if (parquet.length > 0) return parquet;
  throw new OptionError(
    `${where}: expected data in one format, found ${files.join(", ")}; --dataset_files names those that are meant`,
  );
}

/**
 * The format of files that are read as one data set.
 * @throws OptionError when they have several, or none that is known
 */
export function commonFormat(names: readonly string[], asked: string | undefined): DataFormat {
  if (asked !== undefined) return knownName("data format", asked, formats);
  const found = [...new Set(names.map((name) => formatOf(name)))];
  const [format] = found;
  if (found.length === 1 && format !== undefined) return format;
  throw new OptionError(
    `--dataset_files: expected files of one format (${Object.keys(formatOfEnding).join(", ")}, each also .gz but Parquet), received ` +
      names.join(", "),
  );
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
