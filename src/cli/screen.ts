/** The terminal: what it can show, and writing to it. */

import { createInterface } from "node:readline/promises";
import { supportsColor } from "chalk";
import { OptionError } from "../errors.ts";
import type { TerminalOptions } from "../render/terminal.ts";
import { statusOf } from "./interruption.ts";

/** Asks a person for a line of text. */
export type Ask = (question: string) => Promise<string>;

export interface Screen {
  readonly colorLevel: NonNullable<TerminalOptions["colorLevel"]>;
  /** Columns. */
  readonly width: number;
  /** Results, to the standard output. */
  readonly print: (text: string) => void;
  /** Everything else, to the error stream. */
  readonly report: (text: string) => void;
  /** Questions on the error stream; absent where nobody sits at a terminal. */
  readonly ask?: Ask;
}

/** What a view needs at least. */
const NARROWEST = 24;
const WITHOUT_TERMINAL = 80;

/**
 * The terminal of this process. A reader that goes away (`inseq ... | head -1`) only ends the printing: files are still
 * written. A disk that is full does so, too, but is a failure.
 */
export function openScreen(): Screen {
  const gone = { is: false };
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (stream === process.stderr || gone.is) return;
      gone.is = true;
      if (error.code !== "EPIPE") failToPrint(error);
    });
  }
  return {
    colorLevel: colorLevel(),
    // A terminal that does not know its size says 0.
    width: Math.max(NARROWEST, process.stdout.columns || (columnsAsked() ?? WITHOUT_TERMINAL)),
    print: (text) => {
      if (!gone.is) process.stdout.write(text);
    },
    report: (text) => {
      process.stderr.write(`${text}\n`);
    },
    ...(process.stdin.isTTY && process.stderr.isTTY && { ask: createAsk() }),
  };
}

function failToPrint({ message }: Error): void {
  process.stderr.write(`inseq: the standard output cannot be written: ${message}\n`);
  process.once("exit", () => {
    process.exitCode ||= 1;
  });
}

/** What COLUMNS says for output that is no terminal. */
function columnsAsked(): number | undefined {
  const { COLUMNS = "" } = process.env;
  return /^\d+$/.test(COLUMNS) ? Number(COLUMNS) : undefined;
}

/**
 * Asks one question after another. Between them the terminal is as it was, so that Ctrl-C ends the work; what was typed or pasted
 * behind an answer answers the next question.
 */
function createAsk(): Ask {
  const typedAhead: string[] = [];
  return async (question) => {
    const ahead = typedAhead.shift();
    if (ahead !== undefined) {
      process.stderr.write(`${question}${ahead}\n`);
      return ahead;
    }
    return await askOnTerminal(question, typedAhead);
  };
}

/** @throws OptionError when the terminal ends instead of an answer */
async function askOnTerminal(question: string, typedAhead: string[]): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new Promise<never>((_, reject) => {
    lines.once("close", () => reject(new OptionError("expected an answer, but the input has ended")));
  });
  lines.on("line", (line) => typedAhead.push(line));
  // Here the terminal sends no signal but the key itself; the command knows what it has left undone.
  lines.once("SIGINT", () => {
    process.stderr.write("\n");
    if (process.emit("SIGINT", "SIGINT")) lines.close();
    else process.exit(statusOf.SIGINT);
  });
  try {
    return await Promise.race([lines.question(question), closed]);
  } finally {
    lines.close();
  }
}

const colorFlags = /^--(?:no-color|no-colors|color|colors|color=(?:true|always|false|never|256|16m|full|truecolor))$/;

/**
 * Arguments without `--color` and `--no-color`, which chalk reads by itself wherever they stand before `--`.
 * @throws OptionError for `--color=` with something that chalk does not know
 */
export function withoutColorFlags(argv: readonly string[]): string[] {
  const end = argv.includes("--") ? argv.indexOf("--") : argv.length;
  const unknown = argv.slice(0, end).find((argument) => /^--colors?=/.test(argument) && !colorFlags.test(argument));
  if (unknown !== undefined) {
    throw new OptionError(`--color: expected true, always, false, never, 256 or 16m, received "${unknown}"`);
  }
  return argv.filter((argument, i) => i >= end || !colorFlags.test(argument));
}

/**
 * As chalk finds it: terminals, FORCE_COLOR, --color; but a level in FORCE_COLOR is that level whatever the terminal is.
 * NO_COLOR (https://no-color.org) is a wish that FORCE_COLOR and --color outdo.
 */
function colorLevel(): Screen["colorLevel"] {
  const { NO_COLOR, FORCE_COLOR } = process.env;
  const byFlag = process.argv.some((argument) => /^--(?:no-)?colors?(?:=|$)/.test(argument));
  if (!byFlag) {
    const level = { "0": 0, "1": 1, "2": 2, "3": 3 } as const;
    if (FORCE_COLOR !== undefined && FORCE_COLOR in level) return level[FORCE_COLOR as keyof typeof level];
    if (FORCE_COLOR === undefined && NO_COLOR) return 0;
  }
  return supportsColor === false ? 0 : supportsColor.level;
}
