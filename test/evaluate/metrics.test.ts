/** Every metric on examples that can be followed by hand, and the theorems that hold for it. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type AnyMetric,
  listMetrics,
  type MetricId,
  type MetricOptions,
  metrics,
} from "../../src/evaluate/registry.ts";
import { additive, type Given, measure, question } from "../support/questions.ts";

const ask = async (id: MetricId, given: Given, options: MetricOptions = {}) =>
  (await measure(id, question(given), options)).value;

/** f = 4·a + 2·b + 1·c + 1, the scores say b > a > c. */
const example: Given = { scores: [2, 3, 1], value: (kept) => additive([4, 2, 1])(kept) + 1, evidence: [0] };
/** ln p of the same players, with p(x) = 1/2. */
const inLogarithms: Given = { ...example, value: (kept, of) => (of === "logprob" ? additive([4, 2, 1])(kept) - 8 : 0) };

describe("by hand", () => {
  it.each<[MetricId, MetricOptions, number | null]>([
    // Without b: 6 instead of 8. Without b and a: 2.
    ["comprehensiveness", { shares: [1 / 3] }, 2],
    ["aopc_comprehensiveness", { shares: [1 / 3, 2 / 3] }, 4],
    ["aopc_comprehensiveness", { shares: [1 / 3, 2 / 3], protocol: "paper" }, 8 / 3],
    // Of three players half are one and a half: two for ERASER, one for ferret.
    ["comprehensiveness", { shares: [0.5], protocol: "eraser" }, 6],
    ["comprehensiveness", { shares: [0.5], protocol: "ferret" }, 2],
    ["sufficiency", { shares: [1 / 3] }, 8 - 3],
    ["aopc_sufficiency", { shares: [1 / 3, 1] }, 5 / 2],
    // f along b, a, c: 8, 6, 2, 1.
    ["deletion", {}, (8 / 2 + 6 + 2 + 1 / 2) / 3],
    ["deletion", { steps: 1 }, (8 + 1) / 2],
    // f of nothing, b, b a, all: 1, 3, 7, 8.
    ["insertion", {}, (1 / 2 + 3 + 7 + 8 / 2) / 3],
    // f along c, a, b: 8, 7, 3, 1.
    ["morf_lerf", {}, (0 + 1 + 1 + 0) / 3],
    // The scores add up to 6, the change from 1 to 8 is 7.
    ["completeness_gap", {}, 1],
    // Scores 2 3 1 beside effects 4 2 1: one pair of three is the other way round.
    ["leave_one_out_correlation", {}, 1 / 3],
    ["leave_one_out_correlation", { coefficient: "spearman" }, 1 / 2],
    ["top_1", {}, 0],
    ["recovery", { share: 1 / 3 }, 0],
    ["recovery", { share: 2 / 3 }, 1],
    ["mrr", {}, 1 / 2],
    ["probes_needed", {}, 1],
    ["auprc", {}, 1 / 2],
    ["token_f1", {}, (2 * 1) / (3 + 1)],
    ["token_f1", { k: "evidence" }, 0],
    ["token_iou", { k: 2 }, 1 / 2],
    ["dot_product", {}, 2],
    ["relevance_mass", {}, 2 / 6],
  ])("%s %o", async (id, options, value) => {
    expect(await ask(id, example, options)).toBeCloseTo(value ?? Number.NaN, 12);
  });

  it("log_odds and rise look at the logarithm of the probability", async () => {
    expect(await ask("log_odds", inLogarithms, { shares: [1 / 3, 2 / 3] })).toBeCloseTo(-(2 + 6) / 2, 12);
    // Along b, a, c: 7, 5, 1, 0 of 7.
    expect(await ask("rise", inLogarithms)).toBeCloseTo((1 / 2 + 5 / 7 + 1 / 7) / 3, 12);
    // The scores left are 6, 3, 1, 0 of 6: penalties 0, 5/7 − 3/6, 1/6 − 1/7, 0.
    expect(await ask("mas", inLogarithms)).toBeCloseTo((1 / 2 + 5 / 7 + (5 / 7 - 3 / 6) + 1 / 6) / 3, 12);
  });

  it("rise is monotone where the curve is not", async () => {
    // Removing the first helps the target: 1, then 3/2, clipped to the 1 before.
    const value = (kept: Uint8Array) => 2 * (kept[1] ?? 0) + 1 * (kept[2] ?? 0) - (kept[0] ?? 0);
    const { curve } = await measure("rise", question({ scores: [3, 2, 1], value }));
    expect(curve?.values).toEqual([1, 1, 0.5, 0]);
  });

  it("infidelity of one set: (what the scores tell − what changes)²", async () => {
    // Everybody is removed in every sample: (6 − 7)², and with the best factor nothing is left of it.
    expect(await ask("infidelity", example, { removed: 1, samples: 3 })).toBeCloseTo(1, 12);
    expect(await ask("infidelity", example, { removed: 1, samples: 3, normalize: true })).toBeCloseTo(0, 12);
  });

  it("max_sensitivity is the greatest relative change, parameter_randomization the correlation", async () => {
    const scores = [3, 4, 0];
    expect(await ask("max_sensitivity", { scores, nearby: [scores, [3, 4, 1], [0, 4, 4]] })).toBeCloseTo(1, 12);
    expect(await ask("max_sensitivity", { scores: [0, 0], nearby: [[3, 4]] })).toBeCloseTo(5, 12);
    expect(await ask("parameter_randomization", { scores, randomized: [1, 2, 3] })).toBeCloseTo(-0.5, 12);
  });

  it("the soft metrics by both distances, averaged over steps and samples", async () => {
    // Σ (√p − √q)²: nothing kept 1, half 1/2; two steps, of which the second never changes.
    const thinned = async (kept: readonly Float64Array[]) =>
      kept.map((shares) => Float64Array.of(1 - shares.reduce((sum, share) => sum + share, 0) / shares.length, 0));
    const given: Given = { scores: [0, 10], thinned };
    const half = Math.sqrt(0.5 / 2);
    expect(await ask("soft_comprehensiveness", given)).toBeCloseTo(half / 2, 12);
    expect(await ask("soft_sufficiency", given)).toBeCloseTo((1 - half + 1) / 2, 12);
    expect(await ask("soft_comprehensiveness", given, { distance: "reagent" })).toBeCloseTo(0.5 / Math.SQRT2 / 2, 12);
    // The second step loses nothing even without the text: it has no normalised form.
    expect(await ask("soft_normalized_comprehensiveness", given, { distance: "reagent" })).toBeCloseTo(0.5, 12);
    expect(await ask("soft_normalized_sufficiency", given, { distance: "reagent" })).toBeCloseTo(0.5, 12);
    expect(await ask("soft_normalized_sufficiency", given)).toBeCloseTo(1 - Math.SQRT1_2, 12);
  });
});

const finite = fc.double({ min: -5, max: 5, noNaN: true });
const weighted = fc.array(fc.tuple(finite, finite), { minLength: 1, maxLength: 13 }).chain((pairs) =>
  fc.record({
    weights: fc.constant(pairs.map(([weight]) => weight)),
    scores: fc.constant(pairs.map(([, score]) => score)),
    evidence: fc
      .uniqueArray(fc.nat(pairs.length - 1), { minLength: 1, maxLength: pairs.length })
      .map((players) => players.sort((a, b) => a - b)),
    seed: fc.nat(99),
  }),
);
const distinct = fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { minLength: 2, maxLength: 9 });
/** With fewer cases these run in a second together. */
const check = (property: fc.IAsyncProperty<[never]> | fc.IAsyncProperty<unknown>) =>
  fc.assert(property as fc.IAsyncProperty<unknown>, { numRuns: 60 });
/** Values of the thinned text that depend on what is kept and stay in [0, 2]. */
const thinned: NonNullable<Given["thinned"]> = async (kept) =>
  kept.map((shares) => Float64Array.of(2 - (2 * shares.reduce((sum, share) => sum + share, 0)) / shares.length));

describe("theorems", () => {
  it.each(listMetrics())("%s stays within its range", async (id) => {
    const { range }: AnyMetric = metrics[id];
    await check(
      fc.asyncProperty(weighted, async ({ weights, ...given }) => {
        const others = { nearby: [weights], randomized: weights, thinned };
        const value = await ask(id, { ...given, ...others, value: additive(weights) });
        if (value === null) return;
        expect(value).toBeGreaterThanOrEqual(range[0] - 1e-9);
        expect(value).toBeLessThanOrEqual(range[1] + 1e-9);
      }),
    );
  });

  const byOrder = listMetrics().filter(
    (id) =>
      !/^soft_|^(?:infidelity|completeness_gap|mas|dot_product|relevance_mass|max_sensitivity|parameter_rand.*)$/.test(
        id,
      ),
  );
  it.each(byOrder)("%s depends on the order of the scores alone", async (id) => {
    await check(
      fc.asyncProperty(weighted, async ({ weights, scores, ...given }) => {
        // Increasing, keeps the sign (which some look at) and, on multiples of 1/8, ties and differences.
        const rounded = scores.map((score) => Math.round(8 * score) / 8);
        const rescaled = rounded.map((score) => score ** 3 + score / 2);
        const value = additive(weights);
        const options = id === "leave_one_out_correlation" ? { coefficient: "spearman" as const } : {};
        const [one, other] = [
          await ask(id, { ...given, scores: rounded, value }, options),
          await ask(id, { ...given, scores: rescaled, value }, options),
        ];
        if (one === null || other === null) expect(other).toBe(one);
        else expect(other).toBeCloseTo(one, 9);
      }),
    );
  });

  it("no order beats the true one on an additive function, and its reverse is the worst", async () => {
    const ids = ["aopc_comprehensiveness", "insertion", "morf_lerf", "aopc_sufficiency", "deletion", "rise"] as const;
    await check(
      fc.asyncProperty(distinct, fc.nat(), async (weights, seed) => {
        const value = additive(weights);
        const shuffled = question({ scores: weights, seed }).random(9).permutation(weights.length);
        for (const id of ids) {
          const of = async (scores: readonly number[]) => (await ask(id, { scores, value })) ?? Number.NaN;
          const [best, some, worst] = [await of(weights), await of(shuffled), await of(weights.map((w) => -w))];
          const sign = metrics[id].better === "higher" ? 1 : -1;
          expect(sign * (best - some), id).toBeGreaterThanOrEqual(-1e-9);
          expect(sign * (some - worst), id).toBeGreaterThanOrEqual(-1e-9);
        }
      }),
    );
  });

  it("the true weights of an additive function are complete, without infidelity, and those of leave-one-out", async () => {
    await check(
      fc.asyncProperty(distinct, async (scores) => {
        const given = { scores, value: (kept: Uint8Array) => additive(scores)(kept) - 7 };
        expect(await ask("completeness_gap", given)).toBeCloseTo(0, 9);
        expect(await ask("infidelity", given)).toBeCloseTo(0, 9);
        expect(await ask("leave_one_out_correlation", given)).toBe(1);
      }),
    );
  });

  it("evidence on top of all else is perfect, below all else the worst", async () => {
    await check(
      fc.asyncProperty(weighted, async ({ scores, evidence, seed }) => {
        const P = scores.length;
        const top = scores.map((_, p) => (evidence.includes(p) ? 10 + p : 1 / (p + 1)));
        const given = { scores: top, evidence, seed };
        for (const id of ["top_1", "mrr", "auprc"] as const) expect(await ask(id, given)).toBe(1);
        for (const id of ["token_f1", "token_iou"] as const) expect(await ask(id, given, { k: "evidence" })).toBe(1);
        expect(await ask("recovery", given, { share: evidence.length / P })).toBe(1);
        expect(await ask("probes_needed", given)).toBe(0);
        if (evidence.length === P) return;
        const low = { ...given, scores: top.map((score) => -score) };
        expect(await ask("top_1", low)).toBe(0);
        expect(await ask("probes_needed", low)).toBe(P - evidence.length);
        expect(await ask("relevance_mass", low)).toBe(null);
        const least = 1 / (P - evidence.length + 1);
        expect(await ask("mrr", low)).toBeCloseTo(least, 12);
      }),
    );
  });

  it("deletion of the whole order and insertion of its reverse are the same curve, read backwards", async () => {
    await check(
      fc.asyncProperty(distinct, async (scores) => {
        const value = (kept: Uint8Array) => Math.sin(additive(scores)(kept));
        const deleted = await measure("deletion", question({ scores, value }));
        const inserted = await measure("insertion", question({ scores: scores.map((s) => -s), value }));
        expect(inserted.curve?.values).toEqual(deleted.curve?.values.toReversed());
        expect(inserted.value).toBeCloseTo(deleted.value ?? Number.NaN, 12);
      }),
    );
  });
});

describe("scores that say nothing, or are none", () => {
  it("constant scores rank at random: on average as the middle of all orders", async () => {
    const constant = Array.from({ length: 400 }, (_, seed) => ({ scores: [1, 1, 1, 1], evidence: [0], seed }));
    const values = await Promise.all(constant.map((given) => ask("mrr", given)));
    const expected = (1 + 1 / 2 + 1 / 3 + 1 / 4) / 4;
    const mean = values.reduce((sum: number, value) => sum + (value ?? Number.NaN), 0) / values.length;
    // The standard deviation of 1 / rank is 0.29; four standard errors of the mean.
    expect(Math.abs(mean - expected)).toBeLessThan((4 * 0.29) / Math.sqrt(values.length));
    expect(await ask("top_1", { scores: [1, 1, 1, 1], evidence: [0] })).toBe(1 / 4);
    expect(await ask("auprc", { scores: [1, 1, 1, 1], evidence: [0] })).toBe(1 / 4);
    expect(await ask("probes_needed", { scores: [1, 1, 1, 1], evidence: [0] })).toBe(0);
    expect(await ask("leave_one_out_correlation", { scores: [1, 1], value: additive([1, 2]) })).toBe(null);
  });

  it("where a metric has no meaning its value is null", async () => {
    expect(await ask("comprehensiveness", { scores: [-1, -2], value: additive([1, 1]) }, { protocol: "ferret" })).toBe(
      null,
    );
    expect(await ask("rise", { scores: [1, 2] })).toBe(null);
    expect(await ask("mas", { scores: [-1, -2], value: additive([1, 1]) })).toBe(null);
    const still = {
      scores: [1, 2],
      thinned: async (kept: readonly Float64Array[]) => kept.map(() => Float64Array.of(0)),
    };
    expect(await ask("soft_normalized_sufficiency", still)).toBe(null);
    expect(await ask("soft_normalized_comprehensiveness", still)).toBe(null);
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
    ["leave_one_out_correlation", { coefficient: "kendal" as never }, /did you mean "kendall"/],
  ])("%s %o is refused", async (id, options, message) => {
    await expect(ask(id, { scores: [1], evidence: [0] }, options)).rejects.toThrow(message);
  });
});
