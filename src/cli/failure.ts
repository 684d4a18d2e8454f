/** What is said when a command fails. */

import { attributeOptionNames } from "../attribution/options.ts";
import * as errors from "../errors.ts";
import { commandOption, keywordName } from "./keywordArguments.ts";
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

/** A name of several words, as the library writes it. */
const severalWords = /(?<![\w.-])[a-z]+[A-Z]\w*/g;

/**
 * The library's names of options as they are written for the command: `inputContextText` is `--input_context_text`, and `nSteps`,
 * which goes into a record such as `--attribution_kwargs`, `n_steps`. A name that is a plain word, such as `seed`, is one only
 * where the message begins with it; what stands in quotes is somebody's text, but for options that nobody knows.
 */
function inCommandNames(message: string, options: OptionTable): string {
  return message
    .split(/((?:unknown option |did you mean )?"[^"]*"|\(known: [^)]*\))/)
    .map((part, i) => {
      if (part.startsWith("unknown option ")) return part.replace(severalWords, keywordName);
      if (/^(did you mean|\(known:) /.test(part)) return part.replace(severalWords, inRecord);
      if (i % 2 === 1) return part;
      const names = i === 0 ? new RegExp(`${severalWords.source}|^[a-z]+(?=:)`, "g") : severalWords;
      return part.replace(names, (name) => commandOption(name, options) ?? inRecord(name));
    })
    .join("");
}

/** An option of `attribute` as a record has it; any other name, such as a site's, as it is. */
const inRecord = (name: string): string => (attributeOptionNames.includes(name) ? keywordName(name) : name);

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${stackOf(error.cause)}` : "";
  return `${error.stack ?? error.message}${cause}`;
}
