/** What is said when a command fails. */

import * as errors from "../errors.ts";

/** One line or two on what was expected; the stack when it is asked for. What nobody foresaw is said to be a defect. */
export function describeFailure(error: unknown, withStack: boolean, command = "attribute"): string {
  if (!(error instanceof Error)) return `inseq: ${String(error)}`;
  const lines = [`inseq: ${isForeseen(error) ? error.message : `${error.name}: ${error.message}`}`];
  if (!isForeseen(error) && !withStack) lines.push("inseq: this is a defect of inseq-tfjs; --very_verbose shows where");
  if (error instanceof errors.OptionError && !withStack && !error.message.includes("\n"))
    lines.push(`inseq: see inseq ${command} --help`);
  if (withStack) lines.push(stackOf(error));
  return lines.join("\n");
}

/** The library's own errors and the system's (no space left, no permission), which say what was wrong. */
function isForeseen(error: Error): boolean {
  return Object.values(errors).some((known) => error instanceof known) || "syscall" in error;
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${stackOf(error.cause)}` : "";
  return `${error.stack ?? error.message}${cause}`;
}
