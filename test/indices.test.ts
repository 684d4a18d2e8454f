import { expect, test } from "vitest";
import { OptionError } from "../src/errors.ts";
import { chosenIndices } from "../src/indices.ts";

test("entries are chosen by number, list or range, from the end where negative, in the order given", () => {
  expect(chosenIndices("heads", undefined, 3)).toEqual([0, 1, 2]);
  expect(chosenIndices("heads", -1, 3)).toEqual([2]);
  expect(chosenIndices("heads", [2, 0], 3)).toEqual([2, 0]);
  expect(chosenIndices("heads", { start: 1, end: 3 }, 3)).toEqual([1, 2]);
  expect(chosenIndices("heads", { start: -2, end: -1 }, 3)).toEqual([1]);
});

test.each([
  [3, "heads: expected indices from -3 to 2, of 3 entries, received 3"],
  [0.5, "indices from -3 to 2"],
  [[0, -4], "indices from -3 to 2"],
  [[1, -2], "every index once"],
  [[], "at least one index"],
  [{ start: 2, end: 2 }, 'a range with its start before its end, of 3 entries, received {"start":2,"end":2}'],
  [{ start: 0, end: 4 }, "indices from -3 to 2"],
])("%j is refused", (chosen, message) => {
  expect(() => chosenIndices("heads", chosen, 3)).toThrow(OptionError);
  expect(() => chosenIndices("heads", chosen, 3)).toThrow(message);
});
