/** Theorems that hold for many metrics. */

import fc from "fast-check";
import { expect } from "vitest";
import { type MetricOptions, metrics } from "../../../src/evaluate/registry.ts";
import { always, ask, eighth, entangled, everything, expectClose, factor, scored, type Theorem } from "./cases.ts";

export const staysInRange: Theorem = [
  "stays within its range, for one player, ties and scores that are all the same, too",
  async (id) => {
    const [least, greatest] = metrics[id].range;
    await always(scored, async ({ weights, scores, ...given }) => {
      for (const some of [scores, scores.map(() => 1), scores.map(() => 0), scores.map((s) => -s)]) {
        const value = await ask(id, { ...given, ...everything(weights), scores: some });
        if (value === null) continue;
        expect(Number.isFinite(value)).toBe(true);
        expect(value).toBeGreaterThanOrEqual(least - 1e-9);
        expect(value).toBeLessThanOrEqual(greatest + 1e-9);
      }
    });
  },
];

export const orderAlone = (options: MetricOptions = {}): Theorem => [
  "depends on the order of the scores alone",
  (id) =>
    always(scored, async ({ weights, scores, ...given }) => {
      const others = everything(weights);
      // Increasing, and keeps the sign, which some look at.
      const rescaled = scores.map((score) => score ** 3 + score / 2);
      const expected = await ask(id, { ...given, ...others, scores }, options);
      expectClose(await ask(id, { ...given, ...others, scores: rescaled }, options), expected);
    }),
];

export const scaleIsFree = (options: MetricOptions = {}): Theorem => [
  "does not change when all scores are multiplied by a positive factor",
  (id) =>
    always(fc.tuple(scored, factor), async ([{ weights, scores, ...given }, c]) => {
      const times = (values: readonly number[]) => values.map((value) => c * value);
      const others = { ...everything(weights), nearby: [weights, scores] };
      const expected = await ask(id, { ...given, ...others, scores }, options);
      const scaled = { ...others, nearby: others.nearby.map(times), scores: times(scores) };
      expectClose(await ask(id, { ...given, ...scaled }, options), expected);
    }),
];

/** The metric of a·f + b is `of` that of f. */
export const ofFunction = (
  sentence: string,
  of: (value: number, a: number, b: number) => number,
  sign: 1 | -1 | 0 = 0,
): Theorem => [
  sentence,
  (id) =>
    always(fc.tuple(scored, factor, eighth, fc.boolean()), async ([{ weights, ...given }, c, b, isFalling]) => {
      const a = sign === 0 ? (isFalling ? -c : c) : sign * c;
      const f = entangled(weights);
      const value = await ask(id, { ...given, value: f });
      const changed = await ask(id, { ...given, value: (kept) => a * f(kept) + b });
      expectClose(changed, value === null ? null : of(value, a, b));
    }),
];
export const linear = ofFunction("is linear in the function and blind to a constant", (value, a) => a * value);
export const affine = ofFunction("is a mean of the function", (value, a, b) => a * value + b);
export const shapeAlone = ofFunction("does not change with the unit and the zero of the function", (value) => value, 1);
