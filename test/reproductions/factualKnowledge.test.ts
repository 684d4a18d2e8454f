/** The reproduction of attribution tracing, on a few facts. */

import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { regionsOf, type TracedFact } from "../../bench/reproductions/attributionTracing.ts";
import { factualKnowledge } from "../../bench/reproductions/factualKnowledge.ts";
import type { Outcome } from "../../bench/reproductions/reproduction.ts";
import { readItems } from "../../src/evaluate/data/readItems.ts";
import { type AttributionModel, loadModel } from "../../src/index.ts";
import { renderReport } from "../../src/render/report.ts";

const own = readFileSync(new URL("../../bench/reproductions/facts.jsonl", import.meta.url), "utf8");

describe("factual knowledge", () => {
  let model: AttributionModel;
  let outcome: Outcome;
  let facts: readonly TracedFact[];

  beforeAll(async () => {
    model = await loadModel(factualKnowledge.model);
    outcome = await factualKnowledge.run(model, { seed: 0, steps: 1, limit: 10 });
    facts = outcome.items as unknown as TracedFact[];
  });
  afterAll(() => model?.dispose());

  it("traces all layers at once as Inseq traces them one by one", async () => {
    const { prompt, answer, foil, map } = facts[1] as TracedFact;
    for (const layer of [0, 2]) {
      const output = await model.attribute(prompt, `${prompt} ${answer}`, {
        method: "layer_gradient_x_activation",
        targetLayer: `transformer.h[${layer}].mlp`,
        attributedFn: "contrast_prob_diff",
        contrastTargets: `${prompt} ${foil}`,
        // Answers differ in length; their first tokens are compared.
        contrastTargetsAlignments: [[map.length, map.length]],
        attrPosStart: map.length,
        attrPosEnd: map.length + 1,
      });
      const column = output.aggregate().sequenceAttributions[0]?.targetAttributions?.values ?? [];
      for (const [token, shares] of map.entries()) expect(shares[layer]).toBeCloseTo(column[token] ?? Number.NaN, 5);
    }
  });

  it("gives shares of one in each layer, in the last one to the last token", () => {
    for (const { map, tokens, regions, pTrue, pFalse } of facts) {
      expect(map).toHaveLength(tokens.length);
      expect(regions).toHaveLength(tokens.length);
      for (const layer of [0, 1, 2, 3]) {
        expect(map.reduce((sum, shares) => sum + (shares[layer] ?? Number.NaN), 0)).toBeCloseTo(1, 5);
      }
      expect(map.at(-1)?.[3]).toBe(1);
      expect(pTrue).toBeGreaterThan(pFalse);
    }
  });

  it("averages over regions, and finds the subject above what stands around it", () => {
    interface Averages {
      readonly [region: string]: readonly { readonly mean: number; readonly items: number }[];
    }
    const averages = outcome.figures.averages as unknown as Averages;
    const layer = 1;
    const byHand = facts.map(({ map, regions }) => map[regions.indexOf("last token")]?.[layer] ?? Number.NaN);
    const mean = byHand.reduce((sum, share) => sum + share, 0) / facts.length;
    expect(averages["last token"]?.[layer]?.mean).toBeCloseTo(mean, 10);
    expect(averages["last token"]?.[layer]?.items).toBe(10);
    const share = (region: string): number => averages[region]?.[layer]?.mean ?? Number.NaN;
    expect(share("last subject token")).toBeGreaterThan(2 * share("before the subject"));
    expect(share("last subject token")).toBeGreaterThan(2 * share("relation words"));
  });

  it("ends in a report with the averages and three examples", () => {
    const page = renderReport({ title: factualKnowledge.title, sections: outcome.sections });
    expect(page.match(/<figure>/g)).toHaveLength(5);
    expect(page).toContain("The model prefers the true answer in 10 of 10 facts");
  });

  it("refuses translation models, and facts without a false answer", async () => {
    const file = join(mkdtempSync(join(tmpdir(), "facts-")), "knowns.json");
    writeFileSync(file, JSON.stringify([{ subject: "Rex", prompt: "Rex was a dog. Rex", attribute: "barked" }]));
    await expect(factualKnowledge.run(model, { seed: 0, steps: 1, data: file })).rejects.toThrow(
      'expected a false answer and a subject of "Rex was a dog. Rex"',
    );
    const translator = await loadModel("models/demo/translation-marian");
    await expect(factualKnowledge.run(translator, { seed: 0, steps: 1 })).rejects.toThrow(
      "expected a decoder-only model",
    );
    translator.dispose();
  });
});

describe("the regions of a prompt", () => {
  it("are told by characters; a subject of one token has a last one only", () => {
    // "<s>", "The", " Eif", "fel", " Tower", " is", " in"
    const spans = [null, [0, 3], [3, 7], [7, 10], [10, 16], [16, 19], [19, 22]] as const;
    expect(regionsOf(spans, [4, 16])).toEqual([
      "before the subject",
      "before the subject",
      "first subject token",
      "middle subject tokens",
      "last subject token",
      "relation words",
      "last token",
    ]);
    expect(regionsOf(spans.slice(0, 4), [0, 3])).toEqual([
      "before the subject",
      "last subject token",
      "relation words",
      "last token",
    ]);
    expect(regionsOf(spans.slice(0, 5), [4, 16]).at(-1)).toBe("last subject token");
  });
});

describe("the facts", () => {
  it("are those of the stories' grammar", () => {
    const grammar = readFileSync(new URL("../../models/demo/stories.py", import.meta.url), "utf8");
    const tables = /WORKPLACES = \{[\s\S]*?\n\}|ANIMALS = \{[\s\S]*?\n\}/g;
    const pairs = (grammar.match(tables) ?? []).flatMap((table) => [...table.matchAll(/"(\w+)": "(\w+)"/g)]);
    const known = new Map(pairs.map(([, subject = "", answer = ""]) => [subject, answer]));
    expect(known.size).toBe(36);
    const items = readItems(own, { format: "counterfact" });
    expect(items).toHaveLength(72);
    const answers = items.map(({ input, target, foil, evidence: [span = [0, 0]] = [] }) => ({
      subject: input.slice(...span),
      answer: target.slice(input.length + 1),
      foil: foil?.slice(input.length + 1),
    }));
    for (const { subject, answer, foil } of answers) {
      expect(answer).toBe(known.get(subject));
      expect([...known.values()]).toContain(foil);
      expect(foil).not.toBe(answer);
    }
    expect(new Set(answers.map(({ subject }) => subject)).size).toBe(36);
  });
});
