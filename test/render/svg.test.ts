import fc from "fast-check";
import { expect, test } from "vitest";
import { OptionError } from "../../src/errors.ts";
import { renderSvg, type SvgLayout, type SvgOptions } from "../../src/render/svg.ts";
import { causal, goldenSequence, hostile, hostileTokens, story } from "./cases.ts";
import { countElements } from "./wellFormed.ts";

const marian = goldenSequence("marian/expected/saliency.agg.json");

test("figures look as they did", async () => {
  const matrix = renderSvg(marian, { method: "saliency", title: "A translation" });
  await expect(matrix).toMatchFileSnapshot("snapshots/matrix.svg");
  const dark = renderSvg(goldenSequence("gpt2/expected/saliency_contrast_prob_diff.agg.json"), {
    method: "saliency",
    theme: "dark",
    numbers: false,
  });
  await expect(dark).toMatchFileSnapshot("snapshots/matrix-dark.svg");
  await expect(renderSvg(story(), { layout: "text" })).toMatchFileSnapshot("snapshots/text.svg");
});

test("the reader of these tests sees what is not well formed", () => {
  for (const wrong of ["<a>", "<a></b>", "<a b=c/>", "<a>&x;</a>", "<a/>text", "<a>\u0000</a>", "<a><!--</a>"]) {
    expect(() => countElements(wrong)).toThrow();
  }
  expect(countElements('<a b="&lt;"><c/>&amp;</a>')).toBe(2);
});

test("how far the scores are from adding up stands below them, where the result says it", () => {
  const G = marian.attrPosEnd - marian.attrPosStart;
  const numbers = (of: number) => new Float32Array(G).fill(of);
  const completeness = { value: numbers(0.75), baseline: numbers(0.25), sum: numbers(0.125), gap: numbers(0.375) };
  const figure = renderSvg({ ...marian, completeness });
  expect(figure).toContain(">gap</text>");
  expect(figure.match(/>0\.38</g) ?? []).toHaveLength(G + (renderSvg(marian).match(/>0\.38</g) ?? []).length);
  expect(renderSvg({ ...marian, completeness: { ...completeness, baseline: null, gap: null } })).toBe(
    renderSvg(marian),
  );
});

test("a cell for every score", () => {
  const cells = renderSvg(marian).match(/<rect [^>]*rx="2"[^>]*>/g) ?? [];
  const scores = [marian.sourceAttributions, marian.targetAttributions].flatMap((map) => [...(map?.values ?? [])]);
  expect(cells).toHaveLength(scores.filter((score) => !Number.isNaN(score)).length);
});

test("is well-formed XML without scripts, whatever the tokens", () => {
  const layout = fc.constantFrom<SvgLayout>("matrix", "text");
  for (const kind of ["matrix", "text"] as const)
    countElements(renderSvg(hostile(), { layout: kind, title: "</title>\u0000" }));
  const token = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(...hostileTokens));
  fc.assert(
    fc.property(fc.array(token, { minLength: 2, maxLength: 8 }), layout, token, (tokens, chosen, title) => {
      const svg = renderSvg(causal(tokens, 1), { layout: chosen, title });
      expect(countElements(svg)).toBeGreaterThan(3);
      expect(svg).not.toMatch(/<(script|image|foreignObject|a|use)\b|href/i);
    }),
  );
});

test("highlighted lines stay inside the width", () => {
  const svg = renderSvg(story(), { layout: "text", width: 300 });
  const boxes = [...svg.matchAll(/<rect x="([\d.-]+)"[^>]*? width="([\d.]+)" height="23"/g)];
  expect(boxes.length).toBeGreaterThan(20);
  for (const [, x, width] of boxes) expect(Number(x) + Number(width)).toBeLessThanOrEqual(300);
});

test("refuses options out of range", () => {
  const misspelt: SvgOptions & { readonly them: string } = { them: "dark" };
  expect(() => renderSvg(marian, misspelt)).toThrow('did you mean "theme"');
  expect(() => renderSvg(marian, { width: 20 })).toThrow(OptionError);
  expect(() => renderSvg(marian, { maxValue: Number.NaN })).toThrow("expected maxValue to be a positive number");
});
