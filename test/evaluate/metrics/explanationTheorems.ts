/** Theorems about metrics that compare scores with effects, or with other explanations. */

import fc from "fast-check";
import { expect } from "vitest";
import type { MetricId } from "../../../src/evaluate/registry.ts";
import type { Coalition } from "../../../src/method/perturbation/game.ts";
import { additive } from "../../support/questions.ts";
import {
  always,
  ask,
  distinct,
  eighth,
  entangled,
  expectClose,
  factor,
  number,
  scored,
  sum,
  type Theorem,
} from "./cases.ts";
import { ofFunction, orderAlone, scaleIsFree, staysInRange } from "./generalTheorems.ts";

export const explanationTheorems = {
  infidelity: [
    staysInRange,
    scaleIsFree({ normalize: true }),
    [
      "is 0 for the weights of a sum",
      (id) =>
        always(distinct, async (scores) => {
          expectClose(await ask(id, { scores, value: (kept) => additive(scores)(kept) - 7 }), 0);
        }),
    ],
    [
      "has the unit of the function, squared, and knows no constant",
      (id) =>
        always(fc.tuple(scored, factor, eighth), async ([{ weights, scores, seed }, a, b]) => {
          const f = entangled(weights);
          const value = await number(id, { scores, seed, value: f });
          const scaled = { scores: scores.map((s) => a * s), seed, value: (kept: Coalition) => a * f(kept) + b };
          expectClose(await ask(id, scaled), a * a * value);
        }),
    ],
    [
      "is with the best factor never more",
      (id) =>
        always(scored, async ({ weights, ...given }) => {
          const plain = await number(id, { ...given, value: entangled(weights) });
          const best = await number(id, { ...given, value: entangled(weights) }, { normalize: true });
          expect(best).toBeLessThanOrEqual(plain + 1e-9);
        }),
    ],
  ],
  max_sensitivity: [
    staysInRange,
    scaleIsFree(),
    [
      "is 0 for an explanation that never changes",
      (id) =>
        always(scored, async ({ scores }) => {
          expect(await ask(id, { scores, nearby: [scores, scores] })).toBe(0);
        }),
    ],
    [
      "is no less with more points nearby, and at least that of each of them",
      (id) =>
        always(scored, async ({ scores, weights }) => {
          const points = [weights, scores.map((score) => score + 1)];
          const alone = await Promise.all(points.map((point) => number(id, { scores, nearby: [point] })));
          expect(await ask(id, { scores, nearby: points })).toBe(Math.max(...alone));
        }),
    ],
  ],
  leave_one_out_correlation: [
    staysInRange,
    orderAlone({ coefficient: "spearman" }),
    ofFunction("does not change with the unit and the zero of the function", (value) => value, 1),
    ofFunction("changes its sign with the function's", (value) => -value, -1),
    [
      "is 1 for the effects themselves and −1 for their opposite, by every coefficient",
      (id) =>
        always(distinct, async (weights) => {
          if (weights.length < 2) return;
          for (const coefficient of ["kendall", "spearman", "pearson"] as const) {
            const value = additive(weights);
            expectClose(await ask(id, { scores: weights, value }, { coefficient }), 1);
            expectClose(await ask(id, { scores: weights.map((w) => 3 - 2 * w), value }, { coefficient }), -1);
          }
        }),
    ],
  ],
  completeness_gap: [
    staysInRange,
    [
      "is how far the sum of the scores is from that of a sum's weights",
      (id) =>
        always(fc.tuple(scored, eighth), async ([{ weights, scores, seed }, b]) => {
          const value = (kept: Coalition) => b + additive(weights)(kept);
          expectClose(await ask(id, { scores, seed, value }), Math.abs(sum(scores) - sum(weights)));
        }),
    ],
    [
      "looks at the sum of the scores alone",
      (id) =>
        always(scored, async ({ weights, scores, seed }) => {
          const value = entangled(weights);
          expectClose(
            await ask(id, { scores: scores.toReversed(), seed, value }),
            await ask(id, { scores, seed, value }),
          );
        }),
    ],
  ],
  parameter_randomization: [
    staysInRange,
    orderAlone(),
    scaleIsFree(),
    [
      "is 1 where the weights do not matter and −1 where they turn everything round; nothing where all scores are the same",
      (id) =>
        always(scored, async ({ scores }) => {
          const isConstant = new Set(scores).size === 1;
          expectClose(await ask(id, { scores, randomized: scores }), isConstant ? null : 1);
          expectClose(await ask(id, { scores, randomized: scores.map((s) => -s) }), isConstant ? null : -1);
        }),
    ],
    [
      "is the same from the random model's side",
      (id) =>
        always(scored, async ({ scores, weights }) => {
          const there = await ask(id, { scores, randomized: weights });
          expectClose(await ask(id, { scores: weights, randomized: scores }), there);
        }),
    ],
  ],
} as const satisfies Partial<Record<MetricId, readonly Theorem[]>>;
