/** The demo's questions: items of the ground truth beside the bundled models, whose answers are known. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FileError } from "../errors.ts";
import { packageRoot } from "./packageRoot.ts";

export interface DemoItem {
  /** The model's folder. */
  readonly model: string;
  /** Prompt or source text. */
  readonly input: string;
  /** What the model writes, and what it could have written instead: whole outputs, for decoder-only models with the prompt. */
  readonly target: string;
  readonly foil: string;
  /** The words in which they differ. */
  readonly targetWord: string;
  readonly foilWord: string;
  /** The characters of the input on which the choice depends. */
  readonly evidence: readonly [start: number, end: number];
  /** The word there, and the one that makes the model write the foil. */
  readonly evidenceWord: string;
  readonly alternative: string;
}

/** The lines of both ground-truth files, as far as they are read here. */
interface GroundTruth {
  readonly id: number;
  readonly prompt?: string;
  readonly source?: string;
  readonly target: string;
  readonly foil: string;
  readonly evidence: readonly (readonly [number, number])[];
  readonly counterfactual: string;
}

/**
 * An item of `<name>_groundtruth.jsonl` with one piece of evidence.
 * @throws FileError when the bundled files are not there or have no such item
 */
export async function readDemoItem(name: "stories" | "translation", id: number): Promise<DemoItem> {
  const folder = join(packageRoot(), "models", "demo");
  const lines = (await readFile(join(folder, `${name}_groundtruth.jsonl`), "utf8")).trim().split("\n");
  const item = lines.map((line) => JSON.parse(line) as GroundTruth).find((candidate) => candidate.id === id);
  const input = item?.prompt ?? item?.source;
  const [evidence] = item?.evidence ?? [];
  if (item === undefined || input === undefined || evidence === undefined) {
    throw new FileError(`${folder}: expected item ${id} in ${name}_groundtruth.jsonl, found none`);
  }
  const { target, foil, counterfactual } = item;
  const prefix = item.prompt === undefined ? "" : `${input} `;
  const [start, end] = evidence;
  return {
    model: join(folder, name === "stories" ? "stories-gpt2" : "translation-marian"),
    input,
    target: prefix + target,
    foil: prefix + foil,
    ...differingWords(target, foil),
    evidence,
    evidenceWord: input.slice(start, end),
    alternative: counterfactual.slice(start, end + counterfactual.length - input.length),
  };
}

function differingWords(target: string, foil: string): { readonly targetWord: string; readonly foilWord: string } {
  const [words, others] = [target.split(" "), foil.split(" ")];
  const at = words.findIndex((word, i) => word !== others[i]);
  return { targetWord: words[at] ?? "", foilWord: others[at] ?? "" };
}
