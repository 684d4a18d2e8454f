/** The published drift of quantised weights: of every model, and measured by ranks that are Spearman's. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { compactFormats } from "../../src/ops/compactMatrix.ts";
import { architectures } from "../support/goldenResults.ts";
import { rankCorrelation, readDrift } from "./driftTable.ts";

test("every golden model and both demo models are published (npm run drift measures them)", () => {
  const drift = readDrift();
  const trained = ["stories-gpt2 (trained)", "translation-marian (trained)"];
  expect(Object.keys(drift)).toEqual([...trained, ...architectures]);
  for (const formats of Object.values(drift)) expect(Object.keys(formats).sort()).toEqual([...compactFormats].sort());
  // What the README's users rely on: trained models keep their strongest tokens, even in int4.
  for (const name of trained) for (const format of compactFormats) expect(drift[name]?.[format]?.top).toBe(1);
});

test("the rank correlation is 1 for what rises together, -1 for what is turned around, and averages equals", () => {
  const distinct = fc.uniqueArray(fc.integer(), { minLength: 2, maxLength: 12 });
  fc.assert(
    fc.property(distinct, (values) => {
      const [rising, falling] = [values.map((value) => 2 * value + 1), values.map((value) => -value)];
      expect(rankCorrelation(values, rising)).toBeCloseTo(1, 12);
      expect(rankCorrelation(values, falling)).toBeCloseTo(-1, 12);
    }),
  );
  // scipy.stats.spearmanr([1, 2, 2, 3], [1, 3, 2, 4])
  expect(rankCorrelation([1, 2, 2, 3], [1, 3, 2, 4])).toBeCloseTo(0.9486832980505138, 12);
  expect(() => rankCorrelation([1], [1, 2])).toThrow(RangeError);
});
