/**
 * Command lines in the manner of Python's argparse, which Inseq's users write: `-bs 4`, `-bs=4`, `-mgpt2`, `--eos`,
 * `--eos no`, `-i first second`, `--start_pos -3`, beginnings of names that only one option has. Dashes may stand for
 * underscores, and everything behind `--` is a value.
 *
 * The result is the same command line in the one form that the parser library is asked to read: `--kebab-name=value`,
 * once for each value.
 */

import { OptionError } from "../errors.ts";
import { suggestion } from "../names.ts";
import { kebabName, type OptionKind, type OptionTable, type Spelling, spellings } from "./optionTable.ts";

/** An option as it was written, with the value that was joined to it (`--x=value`, `-xvalue`). */
interface Occurrence extends Spelling {
  readonly written: string;
  readonly joined: string | null;
}

/**
 * @param argv the arguments after the command's name
 * @returns `["--help"]` when help is asked for, otherwise one `--kebab-name=value` for each value
 * @throws OptionError for an option that is unknown (naming the nearest), ambiguous, or lacks its value, and for a value
 * that belongs to no option
 */
export function canonicalArguments(argv: readonly string[], table: OptionTable): string[] {
  const known = spellings(table);
  const found = new Map<string, readonly string[]>();
  for (let at = 0; at < argv.length; ) {
    const argument = argv[at] ?? "";
    const option = readOption(argument, known);
    if (option === null) throw strayValue(argument, known);
    if (option.name === "help") return ["--help"];
    const { values, taken } = readValues(option, table[option.name]?.kind ?? "flag", argv.slice(at + 1), known);
    // As with argparse, the last occurrence of an option counts.
    found.set(option.name, values);
    at += 1 + taken;
  }
  return [...found].flatMap(([name, values]) => values.map((value) => `${kebabName(name)}=${value}`));
}

/**
 * The option that an argument is, or null when it is a value: no dash in front, a negative number, or, if no option
 * begins like it, something with a space in it.
 */
function readOption(argument: string, known: ReadonlyMap<string, Spelling>): Occurrence | null {
  if (!argument.startsWith("-") || argument === "-" || argument === "--") return null;
  const whole = known.get(underscored(argument));
  if (whole !== undefined) return { ...whole, written: argument, joined: null };

  const equals = argument.indexOf("=");
  const written = equals < 0 ? argument : argument.slice(0, equals);
  const joined = equals < 0 ? null : argument.slice(equals + 1);
  const named = known.get(underscored(written));
  if (named !== undefined) return { ...named, written, joined };

  const begun = [...known].filter(([spelling]) => spelling.startsWith(underscored(written)));
  const short = known.get(argument.slice(0, 2));
  if (short !== undefined && short.name !== "help" && !argument.startsWith("--")) {
    return { ...short, written: argument.slice(0, 2), joined: argument.slice(2) };
  }
  const [first] = begun;
  if (first !== undefined) {
    const names = new Set(begun.map(([, { name }]) => name));
    if (names.size === 1) return { ...first[1], written: first[0], joined };
    throw new OptionError(
      `${written}: expected the beginning of one option, but it begins ${begun.map(([spelling]) => spelling).join(", ")}; ` +
        "write more of it",
    );
  }
  if (/^-(\d+|\d*\.\d+)$/.test(argument) || argument.includes(" ")) return null;
  const meant = written.startsWith("--") ? suggestion(underscored(written), [...known.keys()]) : "";
  throw new OptionError(
    `unknown option "${written}"${meant || '; a value that begins with a dash is joined to its option by "=", or follows "--"'}`,
  );
}

/** The values behind an option, and how many arguments they take. */
function readValues(
  { written, negated, joined }: Occurrence,
  kind: OptionKind,
  following: readonly string[],
  known: ReadonlyMap<string, Spelling>,
): { readonly values: readonly string[]; readonly taken: number } {
  if (negated) {
    if (joined !== null) throw new OptionError(`${written}: expected no value, received "${joined}"`);
    return { values: ["false"], taken: 0 };
  }
  if (joined !== null) return { values: [joined], taken: 0 };
  const most = kind === "texts" || kind === "integers" ? following.length : 1;
  const values: string[] = [];
  let taken = 0;
  for (let literal = false; taken < following.length && values.length < most; taken++) {
    const argument = following[taken] ?? "";
    if (!literal && argument === "--") literal = kind !== "flag";
    else if (literal || readOption(argument, known) === null) values.push(argument);
    else break;
    if (kind === "flag" && argument === "--") break;
  }
  if (kind === "flag") return { values: [values[0] ?? "true"], taken: values.length };
  if (values.length > 0) return { values, taken };
  throw new OptionError(`${written}: expected ${most === 1 ? "a value" : "one or more values"}, received none`);
}

function strayValue(argument: string, known: ReadonlyMap<string, Spelling>): OptionError {
  const meant = suggestion(`--${argument}`, [...known.keys()]);
  return new OptionError(`expected an option, received "${argument}"${meant}; texts with spaces need quotes`);
}

/** `--batch_size` for `--batch-size`; what stands behind `=` and short options stay as they are. */
function underscored(written: string): string {
  return written.startsWith("--") ? `--${written.slice(2).replaceAll("-", "_")}` : written;
}
