/** The golden cases as calls of ours: what the real Inseq was asked, in our names. */

import { readFileSync } from "node:fs";
import type { AttributeOptions } from "../../src/attribution/options.ts";
import type { MethodId } from "../../src/method/registry.ts";
import { goldenPath } from "./goldenResults.ts";

export interface AttributionCase {
  readonly id: string;
  readonly method: string;
  readonly loadOptions: Record<string, unknown>;
  readonly inputTexts: string | string[];
  readonly generatedTexts: string | string[] | undefined;
  readonly options: AttributeOptions;
  /** The random numbers that Inseq drew, in order. */
  readonly draws: readonly (readonly [kind: string, numbers: readonly number[]])[];
}

/**
 * Where and by how many threads Inseq computes and caches its graph of neighbours (here nothing is kept in files), and how
 * many neighbours it has: Inseq forgets that number on the way, and always takes 50.
 */
const withoutMeaning = ["nJobs", "saveCache", "overwriteCache", "nNeighbors"];

interface RawCase {
  readonly id: string;
  readonly args: Record<string, unknown>;
  readonly load_args: Record<string, unknown>;
  readonly draws?: AttributionCase["draws"];
}

/** All cases of an architecture with one of these methods. */
export function attributionCases(architecture: string, methods: readonly MethodId[]): AttributionCase[] {
  const raw = JSON.parse(readFileSync(goldenPath(architecture, "cases.json"), "utf8")) as RawCase[];
  return raw
    .map(({ id, args, load_args, draws = [] }) => {
      const { input_texts, generated_texts, method, ...rest } = args;
      return {
        id,
        method: method as string,
        draws,
        loadOptions: Object.fromEntries(
          Object.entries(camelCased(load_args)).filter(([name]) => !withoutMeaning.includes(name)),
        ),
        inputTexts: input_texts as string | string[],
        generatedTexts: generated_texts as string | string[] | undefined,
        options: camelCased(rest) as AttributeOptions,
      };
    })
    .filter(({ method }) => (methods as readonly string[]).includes(method));
}

function camelCased(record: Record<string, unknown>): Record<string, unknown> {
  const camelCase = (key: string) => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [camelCase(key), value]));
}
