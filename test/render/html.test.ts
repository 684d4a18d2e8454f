import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { OptionError } from "../../src/errors.ts";
import { sha256Base64 } from "../../src/render/html/sha256.ts";
import { type HtmlOptions, renderHtml } from "../../src/render/html.ts";
import { causal, goldenSequence, hostile, hostileTokens } from "./cases.ts";

const marian = goldenSequence("marian/expected/saliency.agg.json");
const info = {
  attribution_method: "saliency",
  model_name: "tiny",
  attributed_fn: "probability",
  exec_time: 0.25,
  n_steps: 3,
};

test("the page looks as it did", async () => {
  await expect(renderHtml([marian], info)).toMatchFileSnapshot("snapshots/page.html");
});

test("SHA-256 is SHA-256, at every length around the block size", () => {
  const reference = (text: string) => createHash("sha256").update(text).digest("base64");
  for (let length = 0; length < 200; length++) {
    const text = "é".repeat(length % 3) + "x".repeat(length);
    expect(sha256Base64(text)).toBe(reference(text));
  }
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => sha256Base64(text) === reference(text)));
});

test("the policy allows exactly the page's own style and script", () => {
  const page = renderHtml([marian], info);
  const hash = (text: string | undefined) =>
    createHash("sha256")
      .update(text ?? "")
      .digest("base64");
  const style = /<style>([\s\S]*?)<\/style>/.exec(page)?.[1];
  const script = /<script>([\s\S]*?)<\/script>/.exec(page)?.[1];
  expect(/content="(default-src[^"]*)"/.exec(page)?.[1]).toBe(
    `default-src 'none'; style-src 'sha256-${hash(style)}'; script-src 'sha256-${hash(script)}'; base-uri 'none'; form-action 'none'`,
  );
  expect(page).not.toMatch(/\bon[a-z]+=|style="|javascript:|https?:|@import|url\(/i);
  expect(script).not.toMatch(/innerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|outerHTML/);
});

test("every score stands in the tables, rounded, and in the data, exactly", () => {
  const page = renderHtml([marian], info, { precision: 4 });
  const values = [marian.sourceAttributions, marian.targetAttributions].flatMap((map) => [...(map?.values ?? [])]);
  const stated = values.filter((value) => !Number.isNaN(value));
  const cells = [...page.matchAll(/<td(?: class="[pn]\d+")?>(0\.\d{4})<\/td>/g)].map(([, number]) => Number(number));
  const steps = marian.stepScores.probability?.values ?? [];
  const expected = [...stated.map((value) => Number(value.toFixed(4)))];
  for (const value of expected) expect(cells).toContain(value);
  expect(cells).toHaveLength(stated.length + 2 * steps.length);
  const data = JSON.parse(/id="data">([\s\S]*?)<\/script>/.exec(page)?.[1] ?? "");
  const kept = data.sequences[0].maps.flatMap((map: { values: (number | null)[] }) => map.values);
  expect(kept.filter((value: number | null) => value !== null).map(Math.fround)).toEqual(stated);
});

test("what the scores add up to stands below every table and beside every token", () => {
  const G = marian.attrPosEnd - marian.attrPosStart;
  const numbers = (of: number) => new Float32Array(G).fill(of);
  const completeness = { value: numbers(0.75), baseline: numbers(0.25), sum: numbers(0.125), gap: numbers(0.375) };
  const page = renderHtml([{ ...marian, completeness }], info);
  for (const name of ["f(x) − f(x′)", "Σ scores", "gap"]) {
    expect(page.split(`<tr><th scope="row">${name}</th>`)).toHaveLength(1 + 2);
  }
  const data = JSON.parse(/id="data">([\s\S]*?)<\/script>/.exec(page)?.[1] ?? "");
  expect(data.sequences[0].completeness.at(-1)).toEqual({ name: "gap", values: [...numbers(0.375)] });
});

test("no token can leave its place", () => {
  const token = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(...hostileTokens));
  const shape = (page: string) => ({
    scripts: page.match(/<\/?script/gi)?.length,
    images: page.match(/<img/gi)?.length,
    comments: page.match(/<!--/g)?.length,
  });
  const harmless = shape(renderHtml([causal(["a", "b"], 1)], info));
  expect(shape(renderHtml([hostile()], { attribution_method: "</script><img>", "<img>": ["<!--"] }))).toEqual(harmless);
  fc.assert(
    fc.property(fc.array(token, { minLength: 2, maxLength: 6 }), token, (tokens, text) => {
      const page = renderHtml([causal(tokens, 1)], { model_name: text, [text]: text }, { title: text });
      expect(shape(page)).toEqual(harmless);
      expect(page.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cs}\u202A-\u202E\u2066-\u2069]/u);
    }),
    { numRuns: 40 },
  );
});

test("says so when a matrix is too large for tables", () => {
  const page = renderHtml([marian], info, { maxMatrixCells: 100 });
  expect(page).toContain("tables end at 100");
  expect(page).not.toContain("<table");
});

test("refuses no sequences and options out of range", () => {
  expect(() => renderHtml([], info)).toThrow(OptionError);
  const misspelt: HtmlOptions & { readonly titel: string } = { titel: "x" };
  expect(() => renderHtml([marian], info, misspelt)).toThrow('did you mean "title"');
  expect(() => renderHtml([marian], info, { precision: -1 })).toThrow("expected precision");
});
