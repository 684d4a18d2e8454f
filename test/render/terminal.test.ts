import fc from "fast-check";
import stringWidth from "string-width";
import { describe, expect, test } from "vitest";
import { OptionError, ShapeError } from "../../src/errors.ts";
import { show } from "../../src/render/show.ts";
import { renderTerminal, type TerminalLayout, type TerminalOptions } from "../../src/render/terminal.ts";
import { causal, goldenSequence, hostile, hostileTokens, scores, sequence, story, wave } from "./cases.ts";

const marian = goldenSequence("marian/expected/saliency.agg.json");
const gpt2 = goldenSequence("gpt2/expected/saliency_contrast_prob_diff.agg.json");
const levels = [0, 1, 2, 3] as const;
const layouts: readonly TerminalLayout[] = ["table", "strongest", "text"];

describe.each(levels)("colour level %i", (colorLevel) => {
  test.each([40, 80, 200])("looks as it did at width %i", async (width) => {
    const parts = [
      renderTerminal(marian, { colorLevel, width, method: "saliency" }),
      renderTerminal(gpt2, { colorLevel, width, method: "saliency", layout: "strongest", topK: 3 }),
      show(story(), { colorLevel, width, method: "integrated_gradients", theme: "light" }),
    ];
    await expect(parts.join("\n")).toMatchFileSnapshot(`snapshots/terminal-${colorLevel}-${width}.txt`);
  });

  test("lets no control character of a token through, and no line is wider than the terminal", () => {
    for (const layout of layouts) {
      for (const width of [24, 80]) {
        expectHarmless(renderTerminal(hostile(), { colorLevel, width, layout }), width, colorLevel);
      }
    }
  });
});

test("any tokens fit any width", () => {
  const token = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.string({ unit: "binary" }),
    fc.constantFrom(...hostileTokens),
  );
  const tokens = fc.array(token, { minLength: 2, maxLength: 12 });
  const options: fc.Arbitrary<TerminalOptions> = fc.record({
    width: fc.integer({ min: 24, max: 200 }),
    colorLevel: fc.constantFrom(...levels),
    layout: fc.constantFrom(...layouts),
    topK: fc.integer({ min: 1, max: 9 }),
    precision: fc.integer({ min: 0, max: 12 }),
  });
  fc.assert(
    fc.property(tokens, options, fc.double({ min: -1e9, max: 1e9, noNaN: true }), (target, chosen, size) => {
      const result = causal(target, 1, (row, column) => size * wave(row, column));
      expectHarmless(renderTerminal(result, chosen), chosen.width ?? 80, chosen.colorLevel ?? 0);
    }),
  );
});

/** The escape sequences that the views write themselves: colours and emphasis, nothing that moves or asks. */
const own = new RegExp(`${String.fromCharCode(27)}\\[[\\d;]+m`, "g");

function expectHarmless(text: string, width: number, level: number): void {
  expect(text.endsWith("\n")).toBe(true);
  if (level === 0) expect(text).not.toMatch(own);
  for (const line of text.replace(own, "").split("\n")) {
    if (stringWidth(line) > width) expect.fail(`${stringWidth(line)} columns, not ${width}: ${line}`);
  }
  expect(text.replace(own, "").replaceAll("\n", "")).not.toMatch(
    /[\p{Cc}\p{Cs}\u202A-\u202E\u2066-\u2069\u2028\u2029]/u,
  );
}

test("every score of a wide map is shown once, split into blocks", () => {
  const target = Array.from({ length: 40 }, (_, index) => `▁w${index}`);
  const result = causal(target, 10, (row, column) => (row * 40 + column) / 1000);
  const text = renderTerminal(result, { width: 60, precision: 3 });
  const numbers = text.match(/\d\.\d{3}/g) ?? [];
  const cells = Array.from({ length: 30 }, (_, column) => 10 + column).reduce((sum, rows) => sum + rows, 0);
  // The legend's number comes on top.
  expect(numbers).toHaveLength(cells + 1);
});

test("without colour the strongest cells carry the darkest shade", () => {
  const result = causal(["▁a", "▁b", "▁c"], 2, (row) => (row === 0 ? 0.1 : -0.5));
  const text = renderTerminal(result, { colorLevel: 0 });
  expect(text).toContain("█-0.50");
  expect(text).toContain("░0.10");
});

test("true colour cells have the scale's colour", () => {
  const result = causal(["▁a", "▁b"], 1, () => 1);
  expect(renderTerminal(result, { colorLevel: 3, theme: "light" })).toContain(
    "\u001b[48;2;182;61;38;38;2;255;255;255m 1.00 ",
  );
});

test("maxValue sets the full colour", () => {
  const result = causal(["▁a", "▁b"], 1, () => 0.5);
  expect(renderTerminal(result, { maxValue: 1 })).toContain("▒0.50");
});

test("show: text for one token, a table for a small map, a summary for a large one or when asked", () => {
  expect(show(story(), { method: "saliency" })).toMatch(/^Saliency of “He” \(token 34\)/);
  expect(show(marian)).toMatch(/^Source Attribution Heatmap/);
  expect(show(marian, { topK: 2 })).toMatch(/^Attribution: strongest 2 of each token/);
  const long = causal(
    Array.from({ length: 200 }, (_, index) => `▁w${index}`),
    20,
  );
  expect(show(long)).toMatch(/^Attribution: strongest 5 of each token/);
  expect(show(sequence({ target: ["a", "b"], start: 1, stepScores: { probability: [0.25] } }))).toContain("0.25");
});

test("a text of the story shows its words in order", () => {
  const words = show(story(), { width: 200 }).replace(/\[[^\]]*\]/g, "");
  expect(words).toContain("Once there was a kind gardener called Simon. He had a golden box");
});

test("refuses attributions that are not aggregated, and options out of range", () => {
  const raw = { ...marian, sourceAttributions: { shape: [8, 14, 3], values: new Float32Array(8 * 14 * 3) } };
  expect(() => renderTerminal(raw)).toThrow(ShapeError);
  expect(() => renderTerminal(raw)).toThrow("call aggregate() first");
  const wrong = { ...marian, sourceAttributions: scores({ rows: 3, columns: 14, valueAt: wave }) };
  expect(() => renderTerminal(wrong)).toThrow("expected one row for each of the 8 source tokens, received 3 rows");
  expect(() => renderTerminal(marian, { width: 10 })).toThrow(OptionError);
  expect(() => renderTerminal(marian, { maxValue: 0 })).toThrow(
    "expected maxValue to be a positive number, received 0",
  );
  expect(() => renderTerminal(marian, { topK: 1.5 })).toThrow("expected topK to be a whole number");
  const misspelt: TerminalOptions & { readonly witdh: number } = { witdh: 80 };
  expect(() => renderTerminal(marian, misspelt)).toThrow('did you mean "width"');
});
