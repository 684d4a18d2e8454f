/** What is said when a command fails. */

import * as errors from "../errors.ts";
import { commandOption } from "./keywordArguments.ts";
import type { OptionTable } from "./optionTable.ts";

/** The command that failed: its name, and its options. */
export interface FailedCommand {
  readonly name: string;
  readonly options: OptionTable;
}

const attribute: FailedCommand = { name: "attribute", options: {} };

/** One line or two on what was expected; the stack when it is asked for. What nobody foresaw is said to be a defect. */
export function describeFailure(error: unknown, withStack: boolean, command = attribute): string {
  const { name, options } = command;
  if (!(error instanceof Error)) return `inseq: ${String(error)}`;
  const message = isForeseen(error) ? inCommandNames(error.message, options) : `${error.name}: ${error.message}`;
  const lines = [`inseq: ${message}`];
  if (!isForeseen(error) && !withStack) lines.push("inseq: this is a defect of inseq-tfjs; --very_verbose shows where");
  if (error instanceof errors.OptionError && !withStack && !error.message.includes("\n"))
    lines.push(`inseq: see inseq ${name} --help`);
  if (withStack) lines.push(stackOf(error));
  return lines.join("\n");
}

/** The library's own errors and the system's (no space left, no permission), which say what was wrong. */
export function isForeseen(error: Error): boolean {
  return Object.values(errors).some((known) => error instanceof known) || "syscall" in error;
}

/**
 * The library's names of options as the command spells them: `inputContextText` is `--input_context_text`. A name that is a
 * plain word, such as `seed`, is one only where the message begins with it; what stands in quotes is somebody's text, and lists
 * of known names are the library's.
 */
function inCommandNames(message: string, options: OptionTable): string {
  return message
    .split(/("[^"]*"|\(known: [^)]*\))/)
    .map((part, i) => {
      if (i % 2 === 1) return part;
      const names = i === 0 ? /(?<![\w.-])[a-z]+[A-Z]\w*|^[a-z]+(?=:)/g : /(?<![\w.-])[a-z]+[A-Z]\w*/g;
      return part.replace(names, (name) => commandOption(name, options) ?? name);
    })
    .join("");
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${stackOf(error.cause)}` : "";
  return `${error.stack ?? error.message}${cause}`;
}
