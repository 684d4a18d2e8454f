/** The reproduction of contrastive explanations, on a few pairs. */

import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { minimalPairs } from "../../bench/reproductions/minimalPairs.ts";
import type { PairResult } from "../../bench/reproductions/minimalPairsReport.ts";
import type { Outcome } from "../../bench/reproductions/reproduction.ts";
import { readItems } from "../../src/evaluate/data/readItems.ts";
import { type AttributionModel, loadModel } from "../../src/index.ts";
import { renderReport } from "../../src/render/report.ts";

describe("minimal pairs", () => {
  let model: AttributionModel;
  let outcome: Outcome;
  let pairs: readonly PairResult[];

  beforeAll(async () => {
    model = await loadModel(minimalPairs.model);
    outcome = await minimalPairs.run(model, { seed: 0, steps: 1, limit: 6 });
    pairs = outcome.items as unknown as PairResult[];
  });
  afterAll(() => model?.dispose());

  it("explains why the right word, and why not the wrong one, by the same methods", async () => {
    const [first] = pairs;
    expect([first?.right, first?.wrong, first?.evidence]).toEqual(["herself", "himself", ["Maria"]]);
    const { prompt = "", difference } = first ?? {};
    const { sequenceAttributions } = await model.attribute(prompt, `${prompt} herself`, {
      method: "input_x_gradient",
      attributedFn: "contrast_logits_diff",
      contrastTargets: `${prompt} himself`,
      attrPosStart: model.encode(prompt).ids.length,
      attrPosEnd: model.encode(prompt).ids.length + 1,
      stepScores: ["contrast_logits_diff"],
    });
    const [sequence] = sequenceAttributions;
    expect(difference).toBeCloseTo(sequence?.stepScores.contrast_logits_diff?.values[0] ?? Number.NaN, 4);
    const sums = sequence?.aggregate({ aggregator: "sum", normalize: false }).targetAttributions?.values ?? [];
    const at = prompt.indexOf("Maria");
    const ofEvidence = (sequence?.target ?? []).reduce((sum, { span }, i) => {
      const overlaps = span !== null && span[0] < at + 5 && span[1] > at;
      return overlaps ? sum + (sums[i] ?? 0) : sum;
    }, 0);
    expect(first?.values.contrastive["gradient × input"]?.dot_product).toBeCloseTo(ofEvidence, 3);
  });

  it("leaves the floor where it is, and ranks the evidence higher by contrast", () => {
    expect(pairs.map(({ isRight }) => isRight)).toEqual(Array(6).fill(true));
    for (const { values } of pairs) expect(values.contrastive.random).toEqual(values["non-contrastive"].random);
    interface Comparison {
      readonly method: string;
      readonly metric: string;
      readonly plain: { readonly mean: number };
      readonly contrastive: { readonly mean: number };
      readonly difference: { readonly mean: number };
    }
    const comparisons = outcome.figures.comparisons as unknown as readonly Comparison[];
    expect(comparisons).toHaveLength(12);
    const erasure = comparisons.find(({ method, metric }) => method === "input erasure" && metric === "mrr");
    expect(erasure?.contrastive.mean).toBeGreaterThan((erasure?.plain.mean ?? 1) + 0.1);
    for (const { plain, contrastive, difference } of comparisons) {
      expect(difference.mean).toBeCloseTo(contrastive.mean - plain.mean, 6);
    }
  });

  it("ends in a report with a table for each paradigm", () => {
    const page = renderReport({ title: minimalPairs.title, sections: outcome.sections });
    expect(page).toContain("The model prefers the right word in 6 of 6 pairs");
    for (const paradigm of ["reflexive_gender", "number_across_distractor", "possessive_gender"]) {
      expect(page).toContain(`demo_${paradigm}, 2 pairs`);
    }
  });

  it("refuses pairs whose evidence nobody knows, models that know none, and translation models", async () => {
    const file = join(mkdtempSync(join(tmpdir(), "pairs-")), "pairs.jsonl");
    const pair = { sentence_good: "Anna looked at herself.", sentence_bad: "Anna looked at himself." };
    writeFileSync(file, JSON.stringify({ ...pair, UID: "wh_island", pairID: "7" }));
    const asked = { seed: 0, steps: 1, data: file };
    await expect(minimalPairs.run(model, asked)).rejects.toThrow(/expected pairs whose evidence is known.*wh_island 7/);
    const wrong = { sentence_good: pair.sentence_bad, sentence_bad: pair.sentence_good, evidence: [[0, 4]] };
    writeFileSync(file, JSON.stringify(wrong));
    await expect(minimalPairs.run(model, asked)).rejects.toThrow("in none of 1");
    const translator = await loadModel("models/demo/translation-marian");
    await expect(minimalPairs.run(translator, asked)).rejects.toThrow("expected a decoder-only model");
    translator.dispose();
  });
});

it("the own pairs differ in one word, which the evidence stands before, twenty of each paradigm", () => {
  const items = readItems(
    readFileSync(new URL("../../bench/reproductions/minimalPairs.jsonl", import.meta.url), "utf8"),
  );
  const counts = new Map<string, number>();
  for (const { id = "", input, evidence = [] } of items) {
    const paradigm = id.split(" ")[0] ?? "";
    counts.set(paradigm, (counts.get(paradigm) ?? 0) + 1);
    expect(evidence.map(([start, end]) => input.slice(start, end)).join()).toMatch(/^\p{L}+$/u);
  }
  expect([...counts.values()]).toEqual([20, 20, 20]);
});
