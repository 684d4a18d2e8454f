/**
 * The file of a benchmark's records, one line each, written as they are made. Whenever the process dies, what is written
 * stays: a line that was not finished is cut off, and the work goes on behind it.
 */

import { appendFileSync, existsSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { FileError, OptionError } from "../../errors.ts";
import type { Evaluation } from "../../evaluate/evaluate.ts";
import { writing } from "../writing.ts";

/** How a benchmark goes on after it ended early. */
export const goOn = "the same command goes on";

/** A method that does not fit a task's model or items, and why. */
export interface LeftOut {
  readonly method: string;
  readonly reason: string;
}

type Line =
  | { readonly asked: string }
  | { readonly task: string; readonly evaluation: Evaluation }
  | { readonly task: string; readonly leftOut: LeftOut };

export interface Journal {
  /** What is there of a task. */
  readonly evaluations: (task: string) => readonly Evaluation[];
  readonly leftOut: (task: string) => readonly LeftOut[];
  readonly has: (task: string, item: number, method: string) => boolean;
  /** @throws FileError when it cannot be written; what was written before stays */
  readonly add: (line: Exclude<Line, { readonly asked: string }>) => Promise<void>;
  /** How many records the file had when it was opened. */
  readonly found: number;
}

/**
 * Opens the file, or makes it.
 * @param asked all that the records depend on; it stands in the first line
 * @throws OptionError when the file has records of something else
 * @throws FileError when a line in it is damaged
 */
export function openJournal(path: string, asked: string, restart: boolean): Journal {
  const lines = restart || !existsSync(path) ? [] : readLines(path);
  const [first, ...rest] = lines;
  // Without a record there is nothing that could be of something else.
  if (first === undefined || rest.length === 0) writeFileSync(path, `${JSON.stringify({ asked })}\n`);
  else if (!("asked" in first) || first.asked !== asked) {
    throw new OptionError(
      `${path}: expected records of this model, these data and these options, found others; ` +
        "--restart begins anew, --save_path names another folder",
    );
  }
  const evaluations = new Map<string, Evaluation[]>();
  const leftOut = new Map<string, LeftOut[]>();
  const known = new Set<string>();
  const keyOf = (task: string, item: number, method: string): string => JSON.stringify([task, item, method]);
  const note = (line: Line): void => {
    if ("evaluation" in line) {
      put(evaluations, line.task, line.evaluation);
      known.add(keyOf(line.task, line.evaluation.item, line.evaluation.method));
    }
    if ("leftOut" in line) put(leftOut, line.task, line.leftOut);
  };
  for (const line of rest) note(line);
  return {
    evaluations: (task) => evaluations.get(task) ?? [],
    leftOut: (task) => leftOut.get(task) ?? [],
    has: (task, item, method) => known.has(keyOf(task, item, method)),
    add: async (line) => {
      await writing(path, () => appendFileSync(path, `${JSON.stringify(line)}\n`), goOn);
      note(line);
    },
    found: [...evaluations.values()].reduce((sum, list) => sum + list.length, 0),
  };
}

/** The lines of the file, from which an unfinished last one is cut off. */
function readLines(path: string): Line[] {
  const bytes = readFileSync(path);
  const end = bytes.lastIndexOf("\n") + 1;
  if (end < bytes.length) truncateSync(path, end);
  const lines = bytes.subarray(0, end).toString("utf8").split("\n").slice(0, -1);
  return lines.map((line, i) => {
    try {
      return JSON.parse(line) as Line;
    } catch (cause) {
      throw new FileError(`${path}, line ${i + 1}: expected a record, found a damaged line; --restart begins anew`, {
        cause,
      });
    }
  });
}

function put<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
