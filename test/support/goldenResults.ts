/** The expected results under test/golden: raw ones are Inseq's own files, aggregated ones are plain lists of numbers. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Attribution, Scores } from "../../src/result/attribution.ts";
import { fromInseqJson } from "../../src/result/readInseqJson.ts";

/** Those with every kind of case: they are tested on every backend, the others on the fastest one present. */
export const referenceArchitectures = ["gpt2", "llama", "marian", "t5", "flan_t5"] as const;

/** Every golden model: each folder with a model is tested, so an architecture needs no entry in any test. */
export const architectures: readonly string[] = readdirSync(goldenPath())
  .filter((name) => existsSync(goldenPath(name, "model", "config.json")))
  .sort();

/** Whether a golden model has no encoder: what it was asked has no decoder ids of its own. */
export function isDecoderOnly(architecture: string): boolean {
  return !readFileSync(goldenPath(architecture, "forward.json"), "utf8").includes('"decoder_input_ids"');
}

/** Nested lists of numbers; null is NaN. */
export type Nested = number | null | readonly Nested[];

export interface AggregatedSequence {
  readonly source: readonly string[];
  readonly target: readonly string[];
  readonly source_attributions: Nested;
  readonly target_attributions: Nested;
  readonly step_scores: Readonly<Record<string, Nested>>;
  readonly sequence_scores: Readonly<Record<string, Nested>>;
  readonly attr_pos_start: number;
  readonly attr_pos_end: number;
}

export interface GoldenAggregation {
  readonly id: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly expected: string;
  readonly do?: "aggregate_first" | "select";
  readonly paired_case?: string;
}

export interface GoldenCase {
  readonly id: string;
  readonly expected: string | null;
  readonly aggregations: readonly GoldenAggregation[];
}

export function goldenPath(...parts: readonly string[]): string {
  return join(import.meta.dirname, "..", "golden", ...parts);
}

export function goldenCases(architecture: string): readonly GoldenCase[] {
  return JSON.parse(readFileSync(goldenPath(architecture, "cases.json"), "utf8"));
}

export async function goldenRaw(architecture: string, id: string): Promise<Attribution> {
  const path = goldenPath(architecture, "expected", `${id}.json`);
  return fromInseqJson(readFileSync(path, "utf8"), `${architecture}/${id}`);
}

export function goldenAggregated(architecture: string, expected: string): readonly AggregatedSequence[] {
  return JSON.parse(readFileSync(goldenPath(architecture, expected), "utf8")).sequences;
}

/** Where `received` differs from `expected`: shape, NaN, or by more than `tolerance` times the largest magnitude. */
export function difference(received: Scores | null, expected: Nested, tolerance: number): string | null {
  if (received === null || expected === null) return received === expected ? null : "one of them is missing";
  const wanted = flatten(expected);
  if (received.shape.join() !== wanted.shape.join()) return `shape ${received.shape} instead of ${wanted.shape}`;
  const finite = wanted.values.filter((value) => Number.isFinite(value));
  const largest = finite.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  for (const [i, value] of wanted.values.entries()) {
    const actual = received.values[i] ?? Infinity;
    const equal = Number.isNaN(value) ? Number.isNaN(actual) : Math.abs(actual - value) <= tolerance * largest;
    if (!equal) return `element ${i}: ${actual} instead of ${value}`;
  }
  return null;
}

export function flatten(nested: Nested): { readonly shape: number[]; readonly values: number[] } {
  if (!isList(nested)) return { shape: [], values: [nested ?? NaN] };
  const parts = nested.map(flatten);
  return { shape: [nested.length, ...(parts[0]?.shape ?? [])], values: parts.flatMap(({ values }) => values) };
}

function isList(nested: Nested): nested is readonly Nested[] {
  return Array.isArray(nested);
}
