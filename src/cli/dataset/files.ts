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
  const data = names.filter(isData).sort();
  const words = (of: string) => splitWords[of] ?? [of];
  const has = (name: string, of: string) =>
    words(of).some((word) => new RegExp(`(?:^|[^a-zA-Z0-9])${escaped(word)}(?:[^a-zA-Z0-9]|$)`).test(name));
  const found = data.filter((name) => has(name, split));
  const isUnsplit = !data.some((name) => Object.keys(splitWords).some((of) => has(name, of)));
  const files = found.length === 0 && split === "train" && isUnsplit ? data : found;
  if (files.length > 0) return ofOneFormat(files, where);
  const others = Object.keys(splitWords).filter((of) => data.some((name) => has(name, of)));
  if (others.length > 0) throw unknownSplit(split, others, where);
  throw new OptionError(
    `${where}: expected files of the split "${split}" (${formats.join(", ")}), found ${data.join(", ") || "no data files"}; ` +
      "--dataset_split names another one, --dataset_files the files",
  );
}

/** An error that offers the splits there are. */
export function unknownSplit(asked: string, splits: readonly string[], where: string): OptionError {
  return new OptionError(
    `--dataset_split: expected one of those that ${where} has (${splits.join(", ")}), received "${asked}"`,
  );
}

/** Files that describe data, and hidden ones, are no data. */
const descriptions = ["config.json", "dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"];

function isData(name: string): boolean {
  const parts = name.split("/");
  if (parts.some((part) => part.startsWith(".") || part.startsWith("__"))) return false;
  return formatOf(name) !== undefined && !descriptions.includes(parts.at(-1) ?? "");
}

/** Names that patterns match: `*` and `?` stand for anything but a slash, `**` for anything, `[ab]` for one of a and b. */
export function matchingFiles(names: readonly string[], patterns: readonly string[], where: string): string[] {
  return patterns.flatMap((pattern) => {
    const source = pattern
      .split(/(\*\*\/|\*\*|\*|\?|\[[^\]/]+\])/)
      .map((part) => wildcards[part] ?? (/^\[.+\]$/.test(part) ? characters(part) : escaped(part)));
    const found = names.filter((name) => new RegExp(`^${source.join("")}$`).test(name)).sort();
    if (found.length > 0) return found;
    throw new OptionError(`--dataset_files: expected files in ${where}, found none of the name ${pattern}`);
  });
}

const wildcards: Readonly<Record<string, string>> = { "**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]" };

/** `[a-c]`, and `[!a-c]` for others, as a regular expression. */
function characters(written: string): string {
  return `[${written.slice(1, -1).replace(/^!/, "^").replaceAll("\\", "\\\\")}]`;
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
