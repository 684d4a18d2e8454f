/** Theorems about soft erasure. */

import fc from "fast-check";
import { expect } from "vitest";
import type { MetricId, MetricOptions } from "../../../src/evaluate/registry.ts";
import type { Given } from "../../support/questions.ts";
import { always, ask, eighth, expectClose, factor, number, scored, shrinking, sum, type Theorem } from "./cases.ts";
import { staysInRange } from "./generalTheorems.ts";
import { squaredDistance } from "./peers.ts";

const distances: readonly MetricOptions[] = [{ distance: "hellinger" }, { distance: "reagent" }];

const soft: readonly Theorem[] = [
  staysInRange,
  [
    "does not change when scores are shifted and multiplied by a positive factor",
    (id) =>
      always(fc.tuple(scored, factor, eighth), async ([{ scores }, a, b]) => {
        const expected = await ask(id, { scores, thinned: shrinking });
        expectClose(await ask(id, { scores: scores.map((score) => a * score + b), thinned: shrinking }), expected);
      }),
  ],
  [
    "keeps of scores of two sizes the whole of one kind and nothing of the other: hard erasure",
    (id) =>
      always(fc.tuple(scored, factor, eighth), async ([{ scores, evidence }, a, b]) => {
        const asked: number[][] = [];
        const thinned: NonNullable<Given["thinned"]> = (kept, stream) => {
          asked.push(...kept.map((shares) => [...shares]));
          return shrinking(kept, stream);
        };
        const isTop = scores.map((_, p) => (evidence.includes(p) ? 1 : 0));
        if (new Set(isTop).size < 2) return;
        await ask(id, { scores: isTop.map((one) => a * one + b), thinned }, { samples: 1 });
        expect(asked[0]).toEqual(id.endsWith("comprehensiveness") ? isTop.map((one) => 1 - one) : isTop);
      }),
  ],
  [
    "is by the code of ReAGent in one step √2 times the square of Hellinger's distance",
    (id) =>
      always(fc.integer({ min: 0, max: 64 }), async (n) => {
        // A 64th of the text's loss, and all of it.
        const thinned: NonNullable<Given["thinned"]> = async (kept) =>
          kept.map((shares) => Float64Array.of(shares.every((share) => share === 0) ? 1 : n / 64));
        const asDistance = (value: number) => (id.endsWith("comprehensiveness") ? value : 1 - value);
        const most = id.startsWith("soft_normalized") ? [Math.SQRT1_2, Math.SQRT1_2] : [1, 1];
        const [hellinger, reagent] = await Promise.all(
          distances.map((options) => number(id, { scores: [1, 2], thinned }, options)),
        );
        const plain = asDistance(hellinger ?? Number.NaN) * (most[0] ?? 1);
        expectClose(asDistance(reagent ?? Number.NaN) * (most[1] ?? 1), Math.SQRT2 * plain ** 2);
      }),
  ],
];

/** Of s and −s each keeps what the other takes away. */
const mirrored: Theorem = [
  "of s and the other of −s add up to 1, by both distances",
  (id) =>
    always(scored, async ({ scores }) => {
      const other = id === "soft_sufficiency" ? "soft_comprehensiveness" : "soft_sufficiency";
      for (const options of distances) {
        const given = { scores, thinned: shrinking };
        const reversed = { scores: scores.map((score) => -score), thinned: shrinking };
        expectClose((await number(id, given, options)) + (await number(other, reversed, options)), 1);
      }
    }),
];

const shares = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 5, maxLength: 5 });
const distribution = shares.map((parts) => parts.map((part) => part / sum(parts)));
const triangle: Theorem = [
  "is with Hellinger's distance symmetric, and no way round is shorter",
  (id) =>
    always(fc.tuple(distribution, distribution, distribution), async ([p, q, r]) => {
      const between = async (one: number[], other: number[]) => {
        const given: Given = {
          scores: [0, 1],
          thinned: async (kept) => kept.map(() => Float64Array.of(squaredDistance(one, other))),
        };
        const value = await number(id, given);
        return id === "soft_sufficiency" ? 1 - value : value;
      };
      expect(await between(p, q)).toBeCloseTo(await between(q, p), 12);
      expect(await between(p, q)).toBeLessThanOrEqual((await between(p, r)) + (await between(r, q)) + 1e-12);
      expect(await between(p, p)).toBe(0);
    }),
];

const normalised = (nothingLost: number, allLost: number): Theorem => [
  `is ${nothingLost} where thinning out changes nothing and ${allLost} where it leaves no more than no text does`,
  (id) =>
    always(fc.tuple(scored, factor), async ([{ scores }, most]) => {
      const thinnedTo =
        (some: number): NonNullable<Given["thinned"]> =>
        async (kept) =>
          kept.map((all) => Float64Array.of(all.every((share) => share === 0) ? most / 2 : some));
      const ends = scores.length === 1 ? [0.5] : scores;
      for (const options of distances) {
        const given = { scores: [...ends, 6], thinned: thinnedTo(0) };
        expectClose(await ask(id, given, options), nothingLost);
        expectClose(await ask(id, { ...given, thinned: thinnedTo(most / 2) }, options), allLost);
      }
    }),
];

export const softTheorems = {
  soft_comprehensiveness: [...soft, mirrored, triangle],
  soft_normalized_comprehensiveness: [...soft, normalised(0, 1)],
  soft_sufficiency: [...soft, mirrored, triangle],
  soft_normalized_sufficiency: [...soft, normalised(1, 0)],
} as const satisfies Partial<Record<MetricId, readonly Theorem[]>>;
