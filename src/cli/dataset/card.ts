/**
 * What the README.md of a data set says about its files, in the YAML before its text, as the hub and the library `datasets`
 * read it (https://huggingface.co/docs/hub/datasets-manual-configuration):
 *
 *     configs:
 *     - config_name: default
 *       data_files:
 *       - split: train
 *         path: data/train-*
 */

import { parse } from "yaml";
import { FileError } from "../../errors.ts";

/** A configuration: one of the data sets that a repository has. */
export interface CardConfig {
  readonly name: string;
  readonly isDefault: boolean;
  /** Patterns of names by split; null where the names of files tell the splits. */
  readonly patterns: ReadonlyMap<string, readonly string[]> | null;
  /** The folder that its files are in. */
  readonly folder: string | undefined;
  /** How its tables are read. */
  readonly kwargs: Readonly<Record<string, unknown>>;
}

/**
 * The configurations that a README names; none when it names none.
 * @param where how to call it
 * @throws FileError when they are not as the hub has them
 */
export function configsOfCard(text: string, where: string): readonly CardConfig[] {
  const [, front] = /^\uFEFF?---\r?\n(.*?)\r?\n---\s*(?:\n|$)/s.exec(text) ?? [];
  if (front === undefined) return [];
  let card: unknown;
  try {
    card = parse(front);
  } catch (cause) {
    throw new FileError(`${where}: expected YAML between two lines of ---, but it cannot be read (${String(cause)})`, {
      cause,
    });
  }
  const { configs } = recordOf(card, where, "the YAML");
  if (configs === undefined || configs === null) return [];
  if (!Array.isArray(configs)) throw fault(where, "configs: expected a list", configs);
  return configs.map((config: unknown) => readConfig(recordOf(config, where, "configs"), where));
}

/** Keys that say nothing about how rows are read. */
const unread: readonly string[] = ["description", "features", "version"];

function readConfig(config: Readonly<Record<string, unknown>>, where: string): CardConfig {
  const { config_name: name, default: isDefault = false, data_files: data, data_dir: folder, ...others } = config;
  if (typeof name !== "string") throw fault(where, "config_name: expected a name", name);
  if (folder !== undefined && typeof folder !== "string") throw fault(where, "data_dir: expected a folder", folder);
  return {
    name,
    isDefault: isDefault === true,
    patterns: data === undefined ? null : patternsOf(data, where),
    folder,
    kwargs: Object.fromEntries(Object.entries(others).filter(([key]) => !unread.includes(key))),
  };
}

/** `a.csv`, `["a.csv", "b.csv"]`, which are the split train, or `[{ split, path }]`. */
function patternsOf(data: unknown, where: string): ReadonlyMap<string, readonly string[]> {
  const expected = "data_files: expected a name, a list of names, or a list of { split, path }";
  const names = namesOf(data);
  if (names !== undefined) return new Map([["train", names]]);
  if (!Array.isArray(data)) throw fault(where, expected, data);
  return new Map(
    data.map((item: unknown): [string, readonly string[]] => {
      const { split, path } = recordOf(item, where, "data_files");
      const paths = namesOf(path);
      if (typeof split !== "string" || paths === undefined) throw fault(where, expected, item);
      return [split, paths];
    }),
  );
}

function namesOf(value: unknown): readonly string[] | undefined {
  if (typeof value === "string") return [value];
  return Array.isArray(value) && value.every((name) => typeof name === "string") ? value : undefined;
}

function recordOf(value: unknown, where: string, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw fault(where, `${what}: expected keys with values`, value);
}

function fault(where: string, expected: string, received: unknown): FileError {
  return new FileError(
    `${where}: ${expected}, received ${JSON.stringify(received)}; --dataset_files names the files instead`,
  );
}
