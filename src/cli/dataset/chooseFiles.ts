/** Which of many files, in a folder or in a repository of the hub, are one split of one configuration. */

import { OptionError } from "../../errors.ts";
import { type CardConfig, configsOfCard } from "./card.ts";
import { filesOfSplit, matchingFiles, unknownSplit } from "./files.ts";

/** Where files are looked for. */
export interface Shelf {
  /** How to call it. */
  readonly where: string;
  /** Names of the files, with the folders that they are in. */
  readonly names: readonly string[];
  /** The text of its README.md. */
  readonly card: string | undefined;
}

export interface Wanted {
  readonly split: string;
  readonly config: string | undefined;
  /** A folder on the shelf. */
  readonly folder: string | undefined;
  /** Patterns of names, within the folder. */
  readonly files: readonly string[] | undefined;
}

export interface Chosen {
  /** In order. */
  readonly names: readonly string[];
  /** How tables are read, where the README says it. */
  readonly kwargs: Readonly<Record<string, unknown>>;
}

/**
 * Files that are named are taken as they are; otherwise the README says which there are, or else their own names do.
 * @throws OptionError when there are none, naming what there is
 */
export function chooseFiles({ where, names, card }: Shelf, { split, config: asked, folder, files }: Wanted): Chosen {
  if (files !== undefined) {
    if (asked !== undefined) throw withoutMeaning("--dataset_config", "beside --dataset_files");
    return { names: within(folder, names, (inside) => matchingFiles(inside, files, where)), kwargs: {} };
  }
  const configs = folder === undefined && card !== undefined ? configsOfCard(card, `${where}/README.md`) : [];
  if (configs.length === 0) {
    if (asked !== undefined && asked !== "default") throw unknownConfig(asked, ["default"], where);
    return { names: within(folder, names, (inside) => filesOfSplit(inside, split, where)), kwargs: {} };
  }
  const config = configOf(configs, asked, where);
  const { patterns, kwargs } = config;
  const chosen = within(config.folder, names, (inside) => {
    if (patterns === null) return filesOfSplit(inside, split, where);
    const own = patterns.get(split);
    if (own !== undefined) return matchingFiles(inside, own, where);
    throw unknownSplit(split, [...patterns.keys()], where);
  });
  return { names: chosen, kwargs };
}

function configOf(configs: readonly CardConfig[], asked: string | undefined, where: string): CardConfig {
  const main = configs.find(({ isDefault }) => isDefault)?.name;
  const names = configs.map(({ name }) => name);
  const name = chooseConfig(names, asked, main, where);
  return configs.find((config) => config.name === name) as CardConfig;
}

/**
 * The configuration that is asked for; without a name the only one, or the one that is meant to be read.
 * @throws OptionError when there is no such one, or several
 */
export function chooseConfig(
  names: readonly string[],
  asked: string | undefined,
  main: string | undefined,
  where: string,
): string {
  const name = asked ?? (names.length === 1 ? names[0] : (main ?? "default"));
  if (name !== undefined && names.includes(name)) return name;
  if (asked !== undefined) throw unknownConfig(asked, names, where);
  throw new OptionError(
    `--dataset_config: expected the name of one of the data sets that ${where} has (${names.join(", ")}), received none`,
  );
}

function unknownConfig(asked: string, names: readonly string[], where: string): OptionError {
  return new OptionError(
    `--dataset_config: expected one of those that ${where} has (${names.join(", ")}), received "${asked}"`,
  );
}

/** An option that has no meaning in a place. */
export function withoutMeaning(option: string, what: string): OptionError {
  return new OptionError(`${option}: expected nothing, as it has no meaning ${what}; leave it out`);
}

/** Chooses among the names below a folder, and gives the whole ones. */
function within(
  folder: string | undefined,
  names: readonly string[],
  choose: (inside: readonly string[]) => readonly string[],
): readonly string[] {
  const start = folder === undefined ? "" : `${folder.replace(/^(?:\.\/)+|\/+$/g, "")}/`;
  if (start === "" || start === "./") return choose(names);
  const inside = names.filter((name) => name.startsWith(start)).map((name) => name.slice(start.length));
  return choose(inside).map((name) => `${start}${name}`);
}
