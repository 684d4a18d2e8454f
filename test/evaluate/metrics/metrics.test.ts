/**
 * Each metric of the registry has examples by hand, theorems, and a Python peer or the reason why there is none: this walks the
 * registry, so a metric without them fails.
 */

import { describe, expect, it } from "vitest";
import { coefficients, correlation } from "../../../src/evaluate/correlation.ts";
import { listMetrics, type MetricId, type MetricOptions } from "../../../src/evaluate/registry.ts";
import { additive, type Given, measure, question } from "../../support/questions.ts";
import { examples } from "./examples.ts";
import { answerTo, correlations, peerCases } from "./peers.ts";
import { theorems } from "./theorems.ts";

const ask = async (id: MetricId, given: Given, options: MetricOptions = {}) =>
  (await measure(id, question(given), options)).value;

/** Float64 on both sides; the code of ReAGent has √2 in float32. */
const tolerance = (peer: string): number => (peer === "ReAGent" ? 1e-7 : 1e-11);

describe.each(listMetrics())("%s", (id) => {
  it("has an example, a theorem of its own and a peer", () => {
    expect(examples[id].length).toBeGreaterThan(0);
    expect(theorems[id].length).toBeGreaterThan(1);
    expect(peerCases[id].length).toBeGreaterThan(0);
  });

  it.each([...examples[id].entries()])("example %i by hand", async (_, [given, value, options]) => {
    const found = await ask(id, given, options);
    if (value === null) expect(found).toBe(null);
    else expect(found).toBeCloseTo(value, 12);
  });

  it.each(theorems[id])("%s", async (_, holds) => await holds(id));

  const peers = [...new Set(peerCases[id].map(({ peer }) => peer))];
  it.each(peers)("agrees with %s", async (peer) => {
    for (const given of peerCases[id].filter((one) => one.peer === peer)) {
      const value = await answerTo(given);
      expect(Math.abs((value ?? Number.NaN) - given.value)).toBeLessThanOrEqual(tolerance(peer));
    }
  });
});

it.each(correlations)("correlations of $a.length numbers are SciPy's", (given) => {
  for (const coefficient of coefficients) {
    expect(correlation(given.a, given.b, coefficient)).toBeCloseTo(given[coefficient], 12);
  }
});

describe("scores that say nothing, or are none", () => {
  it("constant scores rank at random: on average as the middle of all orders", async () => {
    const constant = Array.from({ length: 400 }, (_, seed) => ({ scores: [1, 1, 1, 1], evidence: [0], seed }));
    const values = await Promise.all(constant.map((given) => ask("mrr", given)));
    const expected = (1 + 1 / 2 + 1 / 3 + 1 / 4) / 4;
    const mean = values.reduce((sum: number, value) => sum + (value ?? Number.NaN), 0) / values.length;
    // The standard deviation of 1 / rank is 0.29; four standard errors of the mean.
    expect(Math.abs(mean - expected)).toBeLessThan((4 * 0.29) / Math.sqrt(values.length));
    const probes = await Promise.all(constant.map((given) => ask("probes_needed", given)));
    expect(new Set(probes)).toEqual(new Set([0, 1, 2, 3]));
  });

  it("rise is monotone where the curve is not", async () => {
    // Removing the first helps the target: 1, then 3/2, clipped to the 1 before.
    const value = (kept: Uint8Array) => 2 * (kept[1] ?? 0) + 1 * (kept[2] ?? 0) - (kept[0] ?? 0);
    const { curve } = await measure("rise", question({ scores: [3, 2, 1], value }));
    expect(curve?.values).toEqual([1, 1, 0.5, 0]);
  });

  it("where a metric has no meaning its value is null", async () => {
    const thinned = async (kept: readonly Float64Array[]) => kept.map(() => Float64Array.of(0));
    for (const id of ["soft_normalized_sufficiency", "soft_normalized_comprehensiveness"] as const) {
      expect(await ask(id, { scores: [1, 2], thinned })).toBe(null);
    }
    expect(await ask("rise", { scores: [1, 2] })).toBe(null);
    expect(await ask("mas", { scores: [-1, -2], value: additive([1, 1]) })).toBe(null);
  });

  it("scores that are not finite are refused", async () => {
    await expect(ask("deletion", { scores: [1, Number.NaN] })).rejects.toThrow(/player 1/);
    await expect(ask("mrr", { scores: [Number.POSITIVE_INFINITY], evidence: [0] })).rejects.toThrow(/player 0/);
  });

  it.each<[MetricId, MetricOptions, RegExp]>([
    ["comprehensiveness", { shares: [] }, /at least one share/],
    ["comprehensiveness", { protocol: "erasure" as never }, /did you mean "eraser"/],
    ["deletion", { steps: 0 }, /steps: expected a positive integer/],
    ["infidelity", { removed: 0 }, /removed: expected a share/],
    ["max_sensitivity", { radius: -1 }, /radius: expected a number above 0/],
    ["soft_sufficiency", { distance: "hellingers" as never }, /did you mean "hellinger"/],
    ["token_f1", { k: 0 }, /k: expected a positive integer/],
    ["token_iou", { positive: 1 as never }, /positive: expected true or false, received 1/],
    ["auprc", { area: "trapezoid" as never }, /did you mean "trapezoids"/],
    ["leave_one_out_correlation", { coefficient: "kendal" as never }, /did you mean "kendall"/],
  ])("%s %o is refused", async (id, options, message) => {
    await expect(ask(id, { scores: [1], evidence: [0] }, options)).rejects.toThrow(message);
  });
});
