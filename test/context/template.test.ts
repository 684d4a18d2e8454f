import fc from "fast-check";
import { expect, test } from "vitest";
import { splitByAlignment, splitByText } from "../../src/context/split.ts";
import { fillTemplate, joined, literalBetween, parseTemplate, places } from "../../src/context/template.ts";

test("a filled template has its parts where it says", () => {
  const text = fc.string();
  fc.assert(
    fc.property(text, text, text, text, text, (context, current, a, b, c) => {
      const escaped = (literal: string) => literal.replace(/[{}]/g, "$&$&");
      const parts = parseTemplate("t", `${escaped(a)}{context}${escaped(b)}{current}${escaped(c)}`);
      const filled = fillTemplate(parts, { context, current });
      expect(filled.text).toBe(a + context + b + current + c);
      expect(filled.text.slice(...(filled.context ?? []))).toBe(context);
      expect(filled.text.slice(...(filled.current ?? []))).toBe(current);
      expect(literalBetween(parts, null, "context")).toBe(a);
      expect(literalBetween(parts, "context", "current")).toBe(b);
      expect(literalBetween(parts, "current", null)).toBe(c);
      expect(places(parts)).toEqual(["context", "current"]);
    }),
  );
});

test("what stands in a text is no placeholder", () => {
  const parts = parseTemplate("t", "{context} {current}");
  expect(fillTemplate(parts, { context: "{current}", current: "{context}" }).text).toBe("{current} {context}");
});

test.each([["{contxt} {current}"], ["{"], ["a } b"], ["{current}{current}"], ["{0}"]])("%s is refused", (template) => {
  expect(() => parseTemplate("inputTemplate", template)).toThrow(/inputTemplate: expected/);
});

test("texts are joined by one separator at most", () => {
  expect(joined("a", "b", " ")).toEqual({ text: "a b", at: 2 });
  expect(joined("a ", "b", " ")).toEqual({ text: "a b", at: 2 });
  expect(joined("a", " b", " ")).toEqual({ text: "a b", at: 1 });
  expect(joined("a", "b", "")).toEqual({ text: "ab", at: 1 });
});

test("an output is split where its separator, or else punctuation, cuts it in two", () => {
  expect(splitByText("Hello there<brk>all of you", "<brk>")).toBe("Hello there");
  expect(splitByText("Hello, you.", "<brk>")).toBe("Hello,");
  expect(splitByText("one two three", " ")).toBeNull();
  expect(splitByText("one", " ")).toBeNull();
  expect(splitByText("", "")).toBeNull();
});

test("an aligned output is split at the word where what it looked at changes", () => {
  const output = "My mother is here. She works.";
  const spans = [...output.matchAll(/\w+|[^\w\s]/g)].map(({ 0: word, index }) => [index, index + word.length] as const);
  const shares = (before: number) => spans.map((span, i) => ({ span, contextShare: i < before ? 0.9 : 0.2 }));
  expect(splitByAlignment(output, shares(5), false)).toBe("My mother is here.");
  // No word is cut from the sign behind it.
  expect(splitByAlignment(output, shares(4), false)).toBe("My mother is here.");
  expect(splitByAlignment(output, shares(3), true)).toBe("My mother is here.");
  expect(
    splitByAlignment(
      "one two three",
      [
        [0, 3],
        [4, 7],
        [8, 13],
      ].map((span, i) => ({ span: span as [number, number], contextShare: i < 2 ? 1 : 0 })),
      true,
    ),
  ).toBe("one two");
  expect(splitByAlignment(output, shares(0), false)).toBeNull();
  expect(splitByAlignment(output, shares(spans.length), true)).toBeNull();
});
