/** Theorems about metrics that compare scores with evidence. */

import fc from "fast-check";
import { expect } from "vitest";
import { type MetricId, type MetricOptions, metrics } from "../../../src/evaluate/registry.ts";
import { always, ask, expectClose, factor, few, mean, number, ordersOf, scored, sum, type Theorem } from "./cases.ts";
import { orderAlone, scaleIsFree, staysInRange } from "./generalTheorems.ts";

const perfect = (
  value: number,
  options: (evidence: number, players: number) => MetricOptions = () => ({}),
): Theorem => [
  `is ${value} where all evidence stands above all else`,
  (id) =>
    always(scored, async ({ evidence, seed, scores: { length: P } }) => {
      const scores = Array.from({ length: P }, (_, p) => (evidence.includes(p) ? 10 + p : 1 / (p + 1)));
      expectClose(await ask(id, { scores, evidence, seed }, options(evidence.length, P)), value);
    }),
];

const worst = (
  of: (evidence: number, players: number) => number | null,
  options: (evidence: number, players: number) => MetricOptions = () => ({}),
): Theorem => [
  "is the worst there is where all evidence stands below all else",
  (id) =>
    always(scored, async ({ evidence, seed, scores: { length: P } }) => {
      const scores = Array.from({ length: P }, (_, p) => (evidence.includes(p) ? -10 - p : 1 / (p + 1)));
      expectClose(await ask(id, { scores, evidence, seed }, options(evidence.length, P)), of(evidence.length, P));
    }),
];

/** The exact expectation of an explanation that knows nothing. */
const chance = (
  sentence: string,
  of: (evidence: number, scores: readonly number[]) => number,
  options: (evidence: number) => MetricOptions = () => ({}),
  evidence: fc.Arbitrary<number> = fc.integer({ min: 1, max: 5 }),
): Theorem => [
  `is over all orders on average ${sentence}`,
  (id) =>
    always(
      fc.tuple(few, evidence),
      async ([scores, wanted]) => {
        const E = Math.min(wanted, scores.length);
        const players = scores.map((_, p) => p).slice(0, E);
        const values = ordersOf(scores).map((some) => number(id, { scores: some, evidence: players }, options(E)));
        expectClose(mean(await Promise.all(values)), of(E, scores));
      },
      12,
    ),
];

/** Mean of 1, 1/2, … 1/P. */
const meanReciprocal = (_: number, { length: P }: readonly number[]): number =>
  mean(Array.from({ length: P }, (_, r) => 1 / (r + 1)));

const upwardsIsBetter = (options: MetricOptions = {}): Theorem => [
  "is no worse when evidence changes places with what stands above it",
  (id) =>
    always(fc.tuple(scored, fc.nat(), fc.nat()), async ([{ scores, evidence, seed }, one, other]) => {
      const low = evidence[one % evidence.length] ?? 0;
      const high = other % scores.length;
      if (evidence.includes(high) || (scores[high] ?? 0) <= (scores[low] ?? 0)) return;
      const swapped = scores.map((score, p) => (p === low ? scores[high] : p === high ? scores[low] : score) ?? 0);
      const [before, after] = [
        await ask(id, { scores, evidence, seed }, options),
        await ask(id, { scores: swapped, evidence, seed }, options),
      ];
      if (before === null || after === null) {
        expect(after).toBe(before);
        return;
      }
      const sign = metrics[id].better === "higher" ? 1 : -1;
      // Ties, if there are any, are broken in another way for the two.
      if (new Set(scores).size === scores.length) expect(sign * (after - before)).toBeGreaterThanOrEqual(-1e-9);
    }),
];

const k = { k: "evidence" } as const;

export const evidenceTheorems = {
  top_1: [
    staysInRange,
    orderAlone(),
    perfect(1),
    worst((E, P) => (E === P ? 1 : 0)),
    upwardsIsBetter(),
    chance("the share of evidence", (E, { length: P }) => E / P),
  ],
  recovery: [
    staysInRange,
    orderAlone(),
    perfect(1, (E, P) => ({ share: E / P })),
    worst(
      (_E, _P) => 0,
      () => ({ share: 1 }),
    ),
    upwardsIsBetter({ share: 0.5 }),
    chance(
      "the share of the players that are looked at",
      (_, { length: P }) => Math.ceil(P / 2) / P,
      () => ({ share: 0.5 }),
    ),
  ],
  mrr: [
    staysInRange,
    orderAlone(),
    perfect(1),
    worst((E, P) => 1 / (P - E + 1)),
    upwardsIsBetter(),
    chance("for one piece of evidence the mean of 1, 1/2, … 1/P", meanReciprocal, undefined, fc.constant(1)),
  ],
  probes_needed: [
    staysInRange,
    orderAlone(),
    perfect(0),
    worst((E, P) => P - E),
    upwardsIsBetter(),
    chance("(P − E) / (E + 1)", (E, { length: P }) => (P - E) / (E + 1)),
  ],
  auprc: [
    staysInRange,
    orderAlone(),
    perfect(1),
    perfect(1, () => ({ area: "trapezoids" })),
    upwardsIsBetter(),
    upwardsIsBetter({ area: "trapezoids" }),
    chance("for one piece of evidence the mean of 1, 1/2, … 1/P", meanReciprocal, undefined, fc.constant(1)),
    [
      "is the share of evidence where all scores are the same, half way from there to 1 by trapezoids",
      (id) =>
        always(scored, async ({ scores, evidence, seed }) => {
          const given = { scores: scores.map(() => 0.3), evidence, seed };
          const share = evidence.length / scores.length;
          expectClose(await ask(id, given), share);
          expectClose(await ask(id, given, { area: "trapezoids" }), (1 + share) / 2);
        }),
    ],
  ],
  token_f1: [
    staysInRange,
    orderAlone(),
    perfect(1, () => k),
    worst(
      (E, P) => Math.max(0, 2 * E - P) / E,
      () => k,
    ),
    upwardsIsBetter({ k: 2 }),
    chance(
      "for as many players as there is evidence the share of evidence",
      (E, { length: P }) => E / P,
      () => k,
    ),
  ],
  token_iou: [
    staysInRange,
    orderAlone(),
    perfect(1, () => k),
    upwardsIsBetter({ k: 2 }),
    [
      "is F1 / (2 − F1)",
      (id) =>
        always(fc.tuple(scored, fc.integer({ min: 1, max: 6 }), fc.boolean()), async ([given, size, positive]) => {
          const f1 = await number("token_f1", given, { k: size, positive });
          expectClose(await ask(id, given, { k: size, positive }), f1 / (2 - f1));
        }),
    ],
  ],
  dot_product: [
    staysInRange,
    upwardsIsBetter(),
    [
      "is linear in the scores, and the sum of all of them for evidence and all else",
      (id) =>
        always(fc.tuple(scored, factor), async ([{ scores, weights, evidence }, a]) => {
          const of = (some: readonly number[], players = evidence) => number(id, { scores: some, evidence: players });
          const together = scores.map((score, p) => a * score + (weights[p] ?? 0));
          expectClose(await of(together), a * (await of(scores)) + (await of(weights)));
          const others = scores.map((_, p) => p).filter((p) => !evidence.includes(p));
          expectClose((await of(scores)) + (await of(scores, others)), sum(scores));
        }),
    ],
    chance("the mean score for each piece of evidence", (E, scores) => E * mean(scores)),
  ],
  relevance_mass: [
    staysInRange,
    scaleIsFree(),
    upwardsIsBetter(),
    worst((E, P) => (E === P ? null : 0)),
    [
      "of evidence and of all else add up to 1, whatever is negative",
      (id) =>
        always(scored, async ({ scores, evidence }) => {
          const others = scores.map((_, p) => p).filter((p) => !evidence.includes(p));
          const own = await ask(id, { scores, evidence });
          const rest = await ask(id, { scores, evidence: others });
          if (own === null || rest === null) expect([own, rest]).toEqual([null, null]);
          else expectClose(own + rest, 1);
        }),
    ],
    chance("the share of evidence", (E, { length: P }) => E / P),
  ],
} as const satisfies Partial<Record<MetricId, readonly Theorem[]>>;
