import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import { AttributeContextOutput } from "../../src/context/output.ts";
import type { ContextAttribution } from "../../src/result/contextAttribution.ts";

const result: ContextAttribution = {
  inputContext: "Anna <hid> it.",
  inputContextTokens: ["A", "nna", "Ġ<", "hid", ">", "Ġit", "."],
  outputContext: "Well,",
  outputContextTokens: ["ĠWell", ","],
  outputCurrent: "she said.\u001b[31m",
  outputCurrentTokens: ["Ġshe", "Ġsaid", "."],
  ctiScores: [4, -0.5, 0.25],
  cciScores: [
    {
      ctiIdx: 0,
      ctiToken: "Ġshe",
      ctiScore: 4,
      contextualOutput: "Anna <hid> it. Well, she",
      contrastToken: "Ġhe",
      contextlessOutput: "Well, he",
      inputContextScores: [0.9, 0.8, 0, 0.01, 0, -0.02, 0],
      outputContextScores: [0.1, 0],
    },
  ],
  info: { attribution_method: "saliency", attribution_std_threshold: 1, attribution_topk: null },
};

test("the terminal shows the dependent token and the tokens that stand out, with their scores", () => {
  const shown = new AttributeContextOutput(result).show({ width: 60 });
  expect(shown).toContain("#1. “she” rather than “he”, 4.00");
  expect(shown).toContain("    she(4.00) said.");
  expect(shown).toContain("    A(0.90)nna(0.80) <hid> it.");
  expect(shown).not.toContain("\u001b");
  expect(Math.max(...shown.split("\n").map((line) => line.length))).toBeLessThanOrEqual(60);
  const colored = new AttributeContextOutput(result).show({ width: 60, colorLevel: 3 });
  expect(stripVTControlCharacters(colored)).toBe(shown);
});

test("in a narrow terminal, texts stand below their names", () => {
  const shown = new AttributeContextOutput(result).show({ width: 40 });
  expect(shown).toContain("Input context\n  Anna <hid> it.\n");
  expect(Math.max(...shown.split("\n").map((line) => line.length))).toBeLessThanOrEqual(40);
});

test("showing and saving change nothing", () => {
  const output = new AttributeContextOutput(result);
  const before = output.serialize();
  output.show();
  output.toHTML();
  expect(output.serialize()).toBe(before);
  expect(AttributeContextOutput.deserialize(before)).toEqual(output);
});

test("the page has every score, and text of others only as text", () => {
  const page = new AttributeContextOutput(result).toHTML();
  expect(page).toContain('<a class="dependent" href="#cue1"><span class="token joined p50" title="4">she</span></a>');
  expect(page).toContain('title="0.8">nna</span>');
  expect(page).toContain("&lt;hid&gt;");
  expect(page).not.toContain("<hid>");
  expect(page).not.toContain("<script");
});

test("files in which Inseq's view has lengthened the scores are read", () => {
  const file = JSON.parse(new AttributeContextOutput(result).serialize());
  const [cues] = file.cci_scores;
  cues.input_context_scores.push(...cues.output_context_scores);
  expect(AttributeContextOutput.deserialize(JSON.stringify(file))).toEqual(new AttributeContextOutput(result));
  cues.output_context_scores.pop();
  expect(() => AttributeContextOutput.deserialize(JSON.stringify(file))).toThrow(
    /output_context_scores: expected 2 scores/,
  );
  expect(() => AttributeContextOutput.deserialize("[]", "x.json")).toThrow("x.json: expected an object");
});

test("unknown options are refused", () => {
  const output = new AttributeContextOutput(result);
  expect(() => output.show({ colour: 1 } as never)).toThrow(/unknown option "colour"/);
  expect(() => output.toHTML({ theme: "blue" as never })).toThrow(/unknown theme/);
});
