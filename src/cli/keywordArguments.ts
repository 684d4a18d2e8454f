/** The JSON records of the command line: from Python's names to ours. */

import type { AttributeOptions } from "../attribution/options.ts";
import type { BaselineChoice, BaselineName } from "../attribution/texts/baseline.ts";
import type { OutputSpansChoice } from "../attribution/texts/outputSpans.ts";
import { OptionError } from "../errors.ts";
import type { KeywordArguments } from "../pretrainedArguments.ts";
import type { Span } from "../text/span.ts";
import type { AttributeArguments } from "./options.ts";
import { longName, type OptionTable } from "./optionTable.ts";

/** Arguments that are records of arguments themselves. */
const nested = ["attribution_args", "attributed_fn_args", "step_scores_args"];

/** Options of the library's `attribute` that are options of the command themselves, and under which names. */
const ownOptions: Readonly<Partial<Record<keyof AttributeOptions, keyof AttributeArguments>>> = {
  attributedFn: "attributedFn",
  stepScores: "stepScores",
  attrPosStart: "startPos",
  attrPosEnd: "endPos",
  attributeTarget: "attributeTarget",
  outputSpans: "outputSpans",
  widthReduction: "widthReduction",
  baseline: "baseline",
  seed: "seed",
  includeEosBaseline: "includeEosBaseline",
  skipSpecialTokens: "skipSpecialTokens",
  outputStepAttributions: "outputStepAttributions",
  batchSize: "batchSize",
  generateFromTargetPrefix: "generateFromTargetPrefix",
  generationArgs: "generationKwargs",
  retokenize: "retokenize",
  memoryBudget: "memoryBudget",
};

/**
 * `--attribution_kwargs` as options of `attribute`: `{"n_steps": 20}` is `{ nSteps: 20 }`.
 * @throws OptionError for what has an option of its own
 */
export function attributionOptions(record: KeywordArguments): AttributeOptions {
  const renamed = inLibraryNames(record);
  for (const name of Object.keys(renamed) as (keyof AttributeOptions)[]) {
    const own = ownOptions[name];
    if (own === undefined) continue;
    throw new OptionError(
      `--attribution_kwargs: "${keywordName(name)}" has an option of its own: use ${longName(own)}`,
    );
  }
  return renamed;
}

/** The option of a command that says what an option of the library's says, as it is written; undefined if it has none. */
export function commandOption(name: string, table: OptionTable): string | undefined {
  const own: string = ownOptions[name as keyof AttributeOptions] ?? name;
  return Object.hasOwn(table, own) ? longName(own) : undefined;
}

/** `nSteps` as a record has it: `n_steps`. */
export const keywordName = (name: string): string => longName(name).slice(2);

/** The same, whatever has an option of its own. */
export function inLibraryNames(record: KeywordArguments): AttributeOptions {
  return inCamelCase(record, (name, value) => {
    const isRecord = typeof value === "object" && value !== null && !Array.isArray(value);
    return nested.includes(name) && isRecord ? inCamelCase(value as KeywordArguments) : value;
  });
}

/** `--baseline 42`, `--baseline "text:..."` or a name, as the library takes them. */
export function baselineChoice(written: string): BaselineChoice {
  if (/^\d+$/.test(written)) return Number(written);
  return written.startsWith("text:") ? { text: written.slice("text:".length) } : (written as BaselineName);
}

/** `--output_spans all`, or `12:30 40:52`: characters from 12 up to, not including, 30. */
export function outputSpansChoice(written: readonly string[]): OutputSpansChoice {
  const [only = "", ...others] = written;
  if (others.length === 0 && !only.includes(":")) return only as Exclude<OutputSpansChoice, readonly Span[]>;
  return written.map((span): Span => {
    const ends = /^(\d+):(\d+)$/.exec(span);
    if (ends !== null) return [Number(ends[1]), Number(ends[2])];
    throw new OptionError(`--output_spans: expected spans of characters such as 12:30, received "${span}"`);
  });
}

/** `{"n_steps": 20}` as `{ nSteps: 20 }`. */
export function inCamelCase(
  record: KeywordArguments,
  change: (name: string, value: unknown) => unknown = (_, value) => value,
): Record<string, unknown> {
  const camelCase = (name: string) => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [camelCase(name), change(name, value)]));
}
