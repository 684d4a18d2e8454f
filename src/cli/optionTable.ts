/** What a table of command-line options says, and the types of the values that it declares. */

/** A flag is yes or no; bytes are a number with an optional k, M or G; a record is one JSON object. */
export type OptionKind = "flag" | "text" | "integer" | "number" | "bytes" | "texts" | "integers" | "record";

/** The names that an option takes, asked for when they are needed, and what they are names of. */
export interface Choices {
  readonly of: string;
  readonly names: () => readonly string[];
}

export interface OptionDeclaration {
  readonly kind: OptionKind;
  /** Other spellings, dashes included. */
  readonly aliases?: readonly string[];
  /** What stands for a value in the help. */
  readonly placeholder?: string;
  readonly choices?: Choices;
  readonly default?: boolean | string | number;
  readonly group: string;
  readonly help: string;
}

/** Options by their names in camelCase. */
export type OptionTable = Readonly<Record<string, OptionDeclaration>>;

interface Values {
  readonly flag: boolean;
  readonly text: string;
  readonly integer: number;
  readonly number: number;
  readonly bytes: number;
  readonly texts: readonly string[];
  readonly integers: readonly number[];
  readonly record: Readonly<Record<string, unknown>>;
}

export type OptionValue = Values[OptionKind];

/** Flags not given are false and records are empty; other options without a default are undefined. */
type ValueOf<Option extends OptionDeclaration> = Option extends { readonly kind: "flag" | "record" }
  ? Values[Option["kind"]]
  : Option extends { readonly default: string | number }
    ? Values[Option["kind"]]
    : Values[Option["kind"]] | undefined;

/** The values of a table's options, by their names. */
export type OptionValues<Table extends OptionTable> = { readonly [Name in keyof Table]: ValueOf<Table[Name]> };

export interface Spelling {
  readonly name: string;
  /** It says no to a flag that is on by default. */
  readonly negated: boolean;
}

/** All spellings of all options, and those of help. */
export function spellings(table: OptionTable): ReadonlyMap<string, Spelling> {
  const all = new Map<string, Spelling>([
    ["-h", { name: "help", negated: false }],
    ["--help", { name: "help", negated: false }],
  ]);
  for (const [name, declaration] of Object.entries(table)) {
    for (const spelling of [longName(name), ...(declaration.aliases ?? [])])
      all.set(spelling, { name, negated: false });
    if (declaration.kind === "flag" && declaration.default === true) {
      all.set(longName(name).replace("--", "--no_"), { name, negated: true });
    }
  }
  return all;
}

/** `--model_name_or_path` for `modelNameOrPath`. */
export function longName(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`;
}

/** `--model-name-or-path` for `modelNameOrPath`. */
export function kebabName(name: string): string {
  return longName(name).replaceAll("_", "-");
}
