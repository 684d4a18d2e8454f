/** Captum's, scikit-learn's and SciPy's numbers (test/golden/make_metrics.py), in float64 on both sides. */

import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { coefficients, correlation } from "../../src/evaluate/correlation.ts";
import { meanSquaredError } from "../../src/evaluate/metrics/infidelity.ts";
import type { MetricId, MetricOptions } from "../../src/evaluate/registry.ts";
import { measure, question } from "../support/questions.ts";

interface Golden {
  readonly table: readonly number[];
  readonly scores: readonly number[];
  readonly infidelity: { readonly removed: readonly (readonly number[])[]; plain: number; normalized: number };
  readonly sensitivity: { readonly nearby: readonly (readonly number[])[]; value: number };
  readonly aopc: readonly { readonly metric: MetricId; readonly options: MetricOptions; readonly value: number }[];
  readonly averagePrecision: readonly { labels: readonly number[]; scores: readonly number[]; value: number }[];
  readonly correlations: readonly (Record<"a" | "b", readonly number[]> &
    Record<(typeof coefficients)[number], number>)[];
}

const golden = JSON.parse(readFileSync(new URL("../golden/metrics.json", import.meta.url), "utf8")) as Golden;
const { table, scores } = golden;
const value = (kept: Uint8Array): number => table[kept.reduce((bits, one, p) => bits + one * 2 ** p, 0)] ?? Number.NaN;

it.each([false, true])("infidelity is Captum's, normalize: %s", (normalize) => {
  const coalitions = golden.infidelity.removed.map((removed) => Uint8Array.from(removed, (one) => 1 - one));
  const whole = value(new Uint8Array(scores.length).fill(1));
  const changes = coalitions.map((kept) => whole - value(kept));
  const error = meanSquaredError(Float64Array.from(scores), coalitions, changes, normalize);
  expect(error).toBeCloseTo(normalize ? golden.infidelity.normalized : golden.infidelity.plain, 12);
});

it("max-sensitivity is Captum's", async () => {
  const { nearby, value: captums } = golden.sensitivity;
  expect((await measure("max_sensitivity", question({ scores, nearby }))).value).toBeCloseTo(captums, 12);
});

it.each(golden.aopc)("$metric over several sizes is the published mean, $options.protocol", async (given) => {
  const found = await measure(given.metric, question({ scores, value }), given.options);
  expect(found.value).toBeCloseTo(given.value, 12);
});

it.each(golden.averagePrecision)("average precision of $labels.length players is scikit-learn's", async (given) => {
  const evidence = given.labels.flatMap((label, i) => (label === 1 ? [i] : []));
  const found = await measure("auprc", question({ scores: given.scores, evidence }));
  expect(found.value).toBeCloseTo(given.value, 12);
});

it.each(golden.correlations)("correlations of $a.length numbers are SciPy's", (given) => {
  for (const coefficient of coefficients) {
    expect(correlation(given.a, given.b, coefficient)).toBeCloseTo(given[coefficient], 12);
  }
});
