import { expect, test } from "vitest";
import { baselineChoice, outputSpansChoice } from "../../src/cli/keywordArguments.ts";

test("--baseline takes a name, a token id, or a text behind text:", () => {
  expect(baselineChoice("zero")).toBe("zero");
  expect(baselineChoice("42")).toBe(42);
  expect(baselineChoice("text:once upon: a time")).toEqual({ text: "once upon: a time" });
});

test("--output_spans takes a kind of spans, or spans of characters", () => {
  expect(outputSpansChoice(["sentence"])).toBe("sentence");
  expect(outputSpansChoice(["12:30"])).toEqual([[12, 30]]);
  expect(outputSpansChoice(["12:30", "40:52"])).toEqual([
    [12, 30],
    [40, 52],
  ]);
  for (const wrong of [["all", "word"], ["12:30", "40"], ["1:b"]]) {
    expect(() => outputSpansChoice(wrong)).toThrow(
      /--output_spans: expected spans of characters such as 12:30, received "/,
    );
  }
});
