import fc from "fast-check";
import { expect, test } from "vitest";
import { checkSalience, salienceThreshold, salient } from "../../src/result/salience.ts";

const scores = fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { maxLength: 17 });

test("the threshold is the mean and λ standard deviations of a sample", () => {
  expect(salienceThreshold([1, 2, 3, 6], 1)).toBeCloseTo(3 + Math.sqrt(14 / 3), 12);
  expect(salienceThreshold([1, 2, 3, 6], 0)).toBe(3);
  expect(salienceThreshold([4], 1)).toBe(4);
  expect(salienceThreshold([], 1)).toBe(0);
  expect(salienceThreshold([1, 2], null)).toBe(0);
});

test("what stands out reaches the threshold in magnitude, the largest first, and nothing else does", () => {
  fc.assert(
    fc.property(scores, fc.option(fc.double({ min: -2, max: 2, noNaN: true })), (values, stdThreshold) => {
      const chosen = salient(values, { stdThreshold, topk: null });
      const threshold = salienceThreshold(values, stdThreshold);
      const magnitudes = chosen.map((i) => Math.abs(values[i] ?? 0));
      expect(magnitudes).toEqual([...magnitudes].sort((a, b) => b - a));
      const least = threshold - Math.abs(threshold) * 1e-9;
      expect(new Set(chosen).size).toBe(chosen.length);
      for (const magnitude of magnitudes) expect(magnitude).toBeGreaterThanOrEqual(least);
      const left = values.filter((_, i) => !chosen.includes(i));
      for (const value of left) expect(Math.abs(value)).toBeLessThanOrEqual(Math.max(threshold, 0));
      expect(salient(values, { stdThreshold, topk: 2 })).toEqual(chosen.slice(0, 2));
    }),
  );
});

test("equal scores all reach their mean", () => {
  expect(salient([0.1, 0.1, 0.1], { stdThreshold: 1, topk: null })).toEqual([0, 1, 2]);
});

test("thresholds that are no numbers are refused", () => {
  expect(() => checkSalience(["std", "topk"], { stdThreshold: Number.NaN, topk: null })).toThrow("std: expected");
  expect(() => checkSalience(["std", "topk"], { stdThreshold: 1, topk: 0 })).toThrow("topk: expected");
});
