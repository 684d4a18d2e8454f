/** Theorems about metrics that remove players along a ranking. */

import fc from "fast-check";
import { expect } from "vitest";
import { type MetricId, type MetricOptions, metrics } from "../../../src/evaluate/registry.ts";
import type { Coalition } from "../../../src/method/perturbation/game.ts";
import { additive, measure, question } from "../../support/questions.ts";
import {
  always,
  ask,
  distinct,
  eighth,
  entangled,
  expectClose,
  factor,
  few,
  number,
  ordersOf,
  scored,
  sum,
  type Theorem,
} from "./cases.ts";
import { affine, linear, orderAlone, scaleIsFree, shapeAlone, staysInRange } from "./generalTheorems.ts";

const bestOrder: Theorem = [
  "of all orders of a sum's players none beats that of their weights, and none is worse than its reverse",
  async (id) => {
    const sign = metrics[id].better === "higher" ? 1 : -1;
    const run = async (weights: number[]) => {
      const worth = async (scores: readonly number[]) =>
        sign * (await number(id, { scores, value: additive(weights) }, manyShares(id)));
      const [best, worst] = [await worth(weights), await worth(weights.map((weight) => -weight))];
      for (const scores of ordersOf(weights)) {
        const some = await worth(scores);
        expect(best - some).toBeGreaterThanOrEqual(-1e-9);
        expect(some - worst).toBeGreaterThanOrEqual(-1e-9);
      }
    };
    await always(few, run, 12);
  },
];

/** With one share the order within the rationale does not matter, with many it does. */
const manyShares = (id: MetricId): MetricOptions =>
  "shares" in metrics[id].defaults ? { shares: [0.2, 0.4, 0.6, 0.8] } : {};

const paperCountsEmpty: Theorem = [
  "is in the paper's form smaller by the empty rationale, which loses nothing",
  (id) =>
    always(fc.tuple(distinct, fc.integer({ min: 1, max: 5 })), async ([scores, n]) => {
      const shares = Array.from({ length: n }, (_, i) => (i + 1) / n);
      const given = { scores, value: entangled(scores) };
      const eraser = await number(id, given, { shares, protocol: "eraser" });
      expectClose(await ask(id, given, { shares, protocol: "paper" }), (eraser * n) / (n + 1));
    }),
];

/** Comprehensiveness and sufficiency together. */
const complements = (other: MetricId): Theorem => [
  `and ${other} add up, for a sum, to what the whole text is worth`,
  (id) =>
    always(fc.tuple(scored, factor), async ([{ weights, scores, seed }, c]) => {
      const given = { scores, seed, value: (kept: Coalition) => c + additive(weights)(kept) };
      expectClose((await number(id, given)) + (await number(other, given)), sum(weights));
    }),
];

const wholeRationale = (of: (all: number, none: number) => number): Theorem => [
  "of the whole text alone is known",
  (id) =>
    always(scored, async ({ weights, scores, seed }) => {
      const f = entangled(weights);
      const expected = of(f(Uint8Array.from(weights, () => 1)), f(new Uint8Array(weights.length)));
      expectClose(await ask(id, { scores, seed, value: f }, { shares: [1] }), expected);
    }),
];

const erasure = [staysInRange, orderAlone(), linear, paperCountsEmpty] as const;
const comprehensive = wholeRationale((all, none) => all - none);
const sufficient = wholeRationale(() => 0);

export const removalTheorems = {
  comprehensiveness: [...erasure, comprehensive, bestOrder, complements("sufficiency")],
  aopc_comprehensiveness: [...erasure, comprehensive, bestOrder, complements("aopc_sufficiency")],
  sufficiency: [...erasure, sufficient, bestOrder, complements("comprehensiveness")],
  aopc_sufficiency: [...erasure, sufficient, bestOrder, complements("aopc_comprehensiveness")],
  log_odds: [
    ...erasure,
    bestOrder,
    [
      "is the comprehensiveness of ln p, negated",
      (id) =>
        always(scored, async ({ weights, ...given }) => {
          const value = entangled(weights);
          expectClose(-(await number(id, { ...given, value })), await ask("comprehensiveness", { ...given, value }));
        }),
    ],
  ],
  insertion: [
    staysInRange,
    orderAlone(),
    affine,
    bestOrder,
    [
      "and deletion add up, for a sum, to what the text and no text are worth",
      (id) =>
        always(fc.tuple(distinct, eighth), async ([scores, b]) => {
          const given = { scores, value: (kept: Coalition) => b + additive(scores)(kept) };
          expectClose((await number(id, given)) + (await number("deletion", given)), sum(scores) + 2 * b);
        }),
    ],
  ],
  deletion: [
    staysInRange,
    orderAlone(),
    affine,
    bestOrder,
    [
      "is the insertion of the reverse order, read backwards",
      (id) =>
        always(distinct, async (scores) => {
          const value = entangled(scores);
          const deleted = await measure(id, question({ scores, value }));
          const inserted = await measure("insertion", question({ scores: scores.map((score) => -score), value }));
          expect(inserted.curve?.values).toEqual(deleted.curve?.values.toReversed());
          expectClose(inserted.value, deleted.value);
        }),
    ],
  ],
  morf_lerf: [
    staysInRange,
    orderAlone(),
    linear,
    bestOrder,
    [
      "of −s is that of s, negated: the deletion of −s minus that of s",
      (id) =>
        always(distinct, async (scores) => {
          const reversed = scores.map((score) => -score);
          const value = entangled(scores);
          const difference = await number(id, { scores, value });
          expectClose(await ask(id, { scores: reversed, value }), -difference);
          const deletion = await number("deletion", { scores, value });
          expectClose((await number("deletion", { scores: reversed, value })) - deletion, difference);
        }),
    ],
  ],
  rise: [
    staysInRange,
    orderAlone(),
    shapeAlone,
    bestOrder,
    [
      "is the deletion of a growing function of which nothing is worth 0 and all is worth 1",
      (id) =>
        always(distinct, async (weights) => {
          const value = (kept: Coalition) => additive(weights)(kept) / sum(weights);
          const scores = weights.map((weight) => (weight * 7) % 11);
          const given = { scores, value };
          expectClose(await ask(id, given, { steps: 100 }), await ask("deletion", given));
        }),
    ],
  ],
  mas: [
    staysInRange,
    scaleIsFree(),
    shapeAlone,
    [
      "is RISE where the scores are the effects, no less wherever they are not, and no order of the effects beats their own",
      (id) =>
        always(few, async (weights) => {
          const value = additive(weights);
          const best = await number(id, { scores: weights, value });
          expectClose(best, await ask("rise", { scores: weights, value }));
          for (const scores of ordersOf(weights)) {
            const given = { scores, value };
            expect(await number(id, given)).toBeGreaterThanOrEqual((await number("rise", given)) - 1e-9);
            expect(await number(id, given)).toBeGreaterThanOrEqual(best - 1e-9);
          }
        }),
    ],
  ],
} as const satisfies Partial<Record<MetricId, readonly Theorem[]>>;
