/** What a benchmark is run on: a model with its items. */

import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { OptionError } from "../../errors.ts";
import type { DataFormatId, ModelKind } from "../../evaluate/data/formats.ts";
import { inductionItems, needleItems } from "../../evaluate/data/generated.ts";
import { type ReadItemsOptions, readItems } from "../../evaluate/data/readItems.ts";
import type { EvaluationItem } from "../../evaluate/item.ts";
import type { BenchmarkArguments } from "../benchmarkOptions.ts";
import { packageRoot } from "../packageRoot.ts";

export interface Task {
  readonly name: string;
  /** The model's folder or name, and what is called so in results. */
  readonly model: string;
  readonly modelName: string;
  /** The items for a model of this kind, and the same for the same arguments; `onFault` as `readItems` has it. */
  readonly items: (kind: ModelKind, onFault?: ReadItemsOptions["onFault"]) => Promise<readonly EvaluationItem[]>;
  /** The text that the items are read from; empty for items that are made. */
  readonly data: () => Promise<string>;
}

/** @throws OptionError for a model without data or data without a model, and numbers out of range */
export function tasksOf(args: BenchmarkArguments): readonly Task[] {
  const { modelNameOrPath: model, data, maxItems, length, seed, format } = args;
  if (!(maxItems >= 1)) throw new OptionError(`--max_items: expected at least 1, received ${maxItems}`);
  if (model === undefined && data === undefined) return demoTasks(maxItems);
  if (model === undefined)
    throw new OptionError("--model_name_or_path: expected the model that the data are for, received none");
  if (data === undefined) {
    throw new OptionError("--data: expected a file of items, needle or induction for this model, received none");
  }
  const modelName = basename(model);
  const made = { needle: needleItems, induction: inductionItems }[data];
  if (made !== undefined) {
    return [
      {
        name: data,
        model,
        modelName,
        items: async (kind) => made(checkedKind(data, kind, { length, count: maxItems, seed })),
        data: async () => "",
      },
    ];
  }
  const text = async () => await readFile(data, "utf8");
  const read: Task["items"] = async (kind, onFault) => {
    const options = { name: data, format: format as DataFormatId | "auto", kind, ...(onFault && { onFault }) };
    return spread(readItems(await text(), options), maxItems);
  };
  return [{ name: basename(data).replace(/\.jsonl?$/, ""), model, modelName, items: read, data: text }];
}

function checkedKind<Options>(data: string, kind: ModelKind, options: Options): Options {
  if (kind === "decoder-only") return options;
  throw new OptionError(`--data ${data}: expected a decoder-only model, received one with an encoder`);
}

/** The prompts and translations beside the bundled models, of which it is known which words decide. */
function demoTasks(maxItems: number): readonly Task[] {
  const demo = join(packageRoot(), "models", "demo");
  const task = (name: string, folder: string, file: string, isKnown: (line: string) => boolean): Task => ({
    data: async () => await readFile(join(demo, file), "utf8"),
    name,
    model: join(demo, folder),
    modelName: folder,
    items: async (kind) => {
      const lines = (await readFile(join(demo, file), "utf8"))
        .split("\n")
        .filter((line) => line !== "" && isKnown(line));
      return spread(readItems(lines.join("\n"), { name: file, kind }), maxItems);
    },
  });
  // Not all translations are determined by a word; those have a foil, but no evidence.
  const isDetermined = (line: string): boolean => (JSON.parse(line) as { kind: string }).kind === "determined";
  return [
    task("stories", "stories-gpt2", "stories_groundtruth.jsonl", () => true),
    task("translations", "translation-marian", "translation_groundtruth.jsonl", isDetermined),
  ];
}

/** At most so many, at equal distances, so that all kinds are there. */
function spread<T>(items: readonly T[], most: number): readonly T[] {
  if (items.length <= most) return items;
  return Array.from({ length: most }, (_, i) => items[Math.floor((i * items.length) / most)] as T);
}
