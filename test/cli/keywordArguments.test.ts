import { expect, test } from "vitest";
import { baselineChoice } from "../../src/cli/keywordArguments.ts";

test("--baseline takes a name, a token id, or a text behind text:", () => {
  expect(baselineChoice("zero")).toBe("zero");
  expect(baselineChoice("42")).toBe(42);
  expect(baselineChoice("text:once upon: a time")).toEqual({ text: "once upon: a time" });
});
