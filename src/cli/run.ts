/**
 * Running the command `inseq` on its arguments.
 *
 * Exit status: 0 done, 2 wrong usage, 1 any other failure; 130 after Ctrl-C, 143 after SIGTERM, as shells report them.
 */

import { CommanderError } from "commander";
import { OptionError } from "../errors.ts";
import { canonicalArguments } from "./arguments.ts";
import { describeFailure } from "./failure.ts";
import { Interrupted } from "./interruption.ts";
import { createProgram, optionTables } from "./program.ts";
import { type Screen, withoutColorFlags } from "./screen.ts";

const DONE = 0;
const FAILED = 1;
const WRONG_USAGE = 2;

/** @returns the exit status; errors are reported, not thrown */
export async function run(argv: readonly string[], screen: Screen): Promise<number> {
  const program = createProgram(screen);
  try {
    const [command, ...rest] = withoutColorFlags(argv);
    if (command === undefined) {
      screen.print(program.helpInformation());
      return FAILED;
    }
    const canonical = hasTable(command) ? canonicalArguments(named(command, rest), optionTables[command]) : rest;
    await program.parseAsync([command, ...canonical], { from: "user" });
    return DONE;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? DONE : WRONG_USAGE;
    if (error instanceof Interrupted) {
      screen.report(`inseq: ${error.message}`);
      return error.status;
    }
    const withStack = argv.includes("-vv") || argv.some((argument) => /^--very[_-]verbose/.test(argument));
    const [command = ""] = argv;
    const name = hasTable(command) || command === "explain" ? command : "attribute";
    screen.report(describeFailure(error, withStack, { name, options: hasTable(name) ? optionTables[name] : {} }));
    return error instanceof OptionError ? WRONG_USAGE : FAILED;
  }
}

/** `merge` takes its files without an option's name, too. */
function named(command: string, rest: readonly string[]): readonly string[] {
  return command === "merge" && rest[0] !== undefined && !rest[0].startsWith("-") ? ["--input_files", ...rest] : rest;
}

function hasTable(command: string): command is keyof typeof optionTables {
  return Object.hasOwn(optionTables, command);
}
