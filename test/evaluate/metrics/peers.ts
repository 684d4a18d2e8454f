/** Numbers of Python peers (test/golden/make_metrics.py), in float64 on both sides. */

import { readFileSync } from "node:fs";
import type { Question } from "../../../src/evaluate/metric.ts";
import { listMetrics, type MetricId, type MetricOptions } from "../../../src/evaluate/registry.ts";
import type { Random } from "../../../src/random.ts";
import { additive, measure, question } from "../../support/questions.ts";

/** What a metric is given, and what the peer makes of it. */
export interface PeerCase {
  readonly metric: MetricId;
  /** A package, a project's code, or `formula`: the paper's, in NumPy. */
  readonly peer: string;
  readonly value: number;
  readonly scores: readonly number[];
  readonly options?: MetricOptions;
  readonly evidence?: readonly number[];
  readonly nearby?: readonly (readonly number[])[];
  readonly randomized?: readonly number[];
  /** ln p is the sum of those that are kept, instead of the table's. */
  readonly weights?: readonly number[];
  /** Infidelity: which players are removed in each sample. */
  readonly removed?: readonly (readonly number[])[];
  readonly soft?: SoftCase;
}

type Steps = readonly (readonly number[])[];

/** Next-token distributions [N][V] of the text, of samples of the text thinned out, and of no text. */
interface SoftCase {
  readonly text: Steps;
  readonly thinned: readonly Steps[];
  readonly nothing: Steps;
}

interface Golden {
  readonly table: readonly number[];
  readonly correlations: readonly (Record<"a" | "b", readonly number[]> &
    Record<"kendall" | "spearman" | "pearson", number>)[];
  readonly cases: readonly PeerCase[];
}

const golden = JSON.parse(readFileSync(new URL("../../golden/metrics.json", import.meta.url), "utf8")) as Golden;

export const { correlations } = golden;

export const peerCases = Object.fromEntries(
  listMetrics().map((id) => [id, golden.cases.filter(({ metric }) => metric === id)]),
) as Record<string, readonly PeerCase[]> as Readonly<Record<MetricId, readonly PeerCase[]>>;

/** The metric's answer to what the peer was asked. */
export async function answerTo({ metric, options, weights, removed, soft, value: _, peer: __, ...given }: PeerCase) {
  const ofTable = (kept: Uint8Array): number =>
    golden.table[kept.reduce((bits, one, p) => bits + one * 2 ** p, 0)] ?? Number.NaN;
  const inTable: Question = question({
    ...given,
    value: (kept, of) => (of === "logprob" ? Math.log(ofTable(kept)) : ofTable(kept)),
    ...(weights && { value: additive(weights) }),
    ...(soft && { thinned: async (kept) => kept.map((shares, k) => distancesOf(soft, shares, k)) }),
  });
  const asked = removed === undefined ? inTable : { ...inTable, random: () => drawing(removed) };
  return (await measure(metric, asked, options)).value;
}

/** Random numbers with which exactly the given players fall below one half. */
function drawing(removed: readonly (readonly number[])[]): Random {
  const draws = removed.flat().map((one) => (one === 1 ? 0 : 0.9));
  return { uniform: () => draws.shift() ?? Number.NaN } as unknown as Random;
}

/** Σ (√p − √q)² at each step, of what is left when these shares are kept. */
function distancesOf({ text, thinned, nothing }: SoftCase, shares: Float64Array, sample: number): Float64Array {
  const left = shares.every((share) => share === 0) ? nothing : (thinned[sample] ?? []);
  return Float64Array.from(text, (p, n) => squaredDistance(p, left[n] ?? []));
}

/** Σ (√p − √q)² of two distributions. */
export function squaredDistance(p: readonly number[], q: readonly number[]): number {
  return p.reduce((sum, one, v) => sum + (Math.sqrt(one) - Math.sqrt(q[v] ?? Number.NaN)) ** 2, 0);
}
