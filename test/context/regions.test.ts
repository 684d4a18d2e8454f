import { expect, test } from "vitest";
import { counterparts, tokensWithin } from "../../src/context/regions.ts";
import type { Span } from "../../src/text/span.ts";
import type { Encoding } from "../../src/text/tokenizer.ts";

const encoding = (...parts: [id: number, token: string, span: Span | null][]): Encoding => ({
  ids: parts.map(([id]) => id),
  tokens: parts.map(([, token]) => token),
  spans: parts.map(([, , span]) => span),
});
const special = { bos: 0, eos: 1, unk: 2, pad: 1, sep: null, cls: null, mask: null };
const tokenizer = { special, specialIds: new Set([0, 1, 2, 3]) };

/** `a. b<brk>c d` with a BOS, an unknown word and a mark. */
const text = encoding(
  [0, "<s>", null],
  [5, "▁a", [0, 1]],
  [6, ".", [1, 2]],
  [7, "▁", [2, 3]],
  [2, "<unk>", [3, 4]],
  [3, "<brk>", [4, 9]],
  [8, "c", [9, 10]],
  [9, "▁d", [11, 12]],
);

test("a part has the tokens that begin in it, with the space of its first word and words that are unknown", () => {
  expect(tokensWithin(text, [0, 2], tokenizer, [])).toEqual([1, 2]);
  expect(tokensWithin(text, [3, 12], tokenizer, [])).toEqual([3, 4, 6, 7]);
  expect(tokensWithin(text, [3, 12], tokenizer, ["<brk>"])).toEqual([3, 4, 5, 6, 7]);
  expect(tokensWithin(text, [2, 2], tokenizer, [])).toEqual([]);
});

test("tokens correspond one to one, or by their characters where a text is cut in other ways", () => {
  const other = encoding([5, "x", [0, 1]], [10, "▁c", [2, 3]], [9, "▁d", [4, 5]]);
  const part = { encoding: text, region: [9, 12] as const, positions: [6, 7] };
  expect(counterparts(part, { encoding: other, region: [2, 5], positions: [1, 2] })).toEqual([1, 2]);
  const merged = encoding([5, "x", [0, 1]], [11, "▁c▁d", [2, 5]]);
  expect(counterparts(part, { encoding: merged, region: [2, 5], positions: [1] })).toEqual([1, 1]);
  const bytes = encoding([20, "Ã", [0, 1]], [21, "¼", [0, 1]], [22, "!", [1, 2]]);
  const moved = encoding([30, "y", [0, 2]], [20, "Ã", [2, 3]], [21, "¼", [2, 3]], [23, "!", [3, 4]], [24, "", [4, 4]]);
  const all = { encoding: bytes, region: [0, 2] as const, positions: [0, 1, 2] };
  expect(counterparts(all, { encoding: moved, region: [2, 4], positions: [1, 2, 3, 4] })).toEqual([1, 2, 3]);
});
