/** The command `inseq` as a user runs it, built, in a process of its own, and without one. */

import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "../../src/cli/run.ts";

export const storiesModel = fileURLToPath(new URL("../../models/demo/stories-gpt2", import.meta.url));
export const translationModel = fileURLToPath(new URL("../../models/demo/translation-marian", import.meta.url));

const commands = fileURLToPath(new URL("../../dist/src/cli", import.meta.url));

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  /** Environment variables; undefined removes one. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The file that is run. Default: main.js. */
  readonly program?: "main.js" | "demo.js";
  /** The folder that it is run in. */
  readonly cwd?: string;
  /** Called with everything on the error stream so far, whenever something is added. */
  readonly onReport?: (err: string, child: ChildProcess) => void;
  /** A shell command in which `$INSEQ` is the program; its arguments follow as `"$@"`. */
  readonly shell?: string;
}

/** Runs it without a terminal and without any input. */
export async function runInseq(
  args: readonly string[],
  { env, onReport, shell, cwd, program = "main.js" }: RunOptions = {},
): Promise<Ended> {
  const node = [process.execPath, join(commands, program)];
  const [command = "", ...rest] = shell === undefined ? [...node, ...args] : ["sh", "-c", shell, "sh", ...args];
  const child = spawn(command, rest, {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
    // What says on this machine which colours a terminal has; under CI there are none.
    env: { ...process.env, NO_COLOR: undefined, FORCE_COLOR: undefined, CI: undefined, INSEQ: node.join(" "), ...env },
  });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
    onReport?.(err, child);
  });
  return await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status, signal) => resolve({ status, signal, out, err }));
  });
}

/** Runs it within this process, on an uncoloured screen of 80 columns. */
export async function runHere(args: readonly string[]): Promise<Omit<Ended, "signal">> {
  let out = "";
  let err = "";
  const status = await run(args, {
    colorLevel: 0,
    width: 80,
    print: (text) => {
      out += text;
    },
    report: (text) => {
      err += `${text}\n`;
    },
  });
  return { status, out, err };
}
