/**
 * Methods that go from a baseline to the input, on the bundled models' ground truth: they find the words that decide better
 * than random scores and than recency do, by more than the errors of the differences. Items are short and samples few, so
 * that this takes seconds; `inseq benchmark` is the same on more of them.
 */

import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import type { AttributionModel } from "../../src/attributionModel.ts";
import { pairedDifference } from "../../src/evaluate/bootstrap.ts";
import { readItems } from "../../src/evaluate/data/readItems.ts";
import { type Evaluation, evaluate } from "../../src/evaluate/evaluate.ts";
import type { EvaluatedMethod } from "../../src/evaluate/explain.ts";
import type { EvaluationItem } from "../../src/evaluate/item.ts";
import { loadModel } from "../../src/loadModel.ts";
import { Random } from "../../src/random.ts";
import { measure, question } from "../support/questions.ts";

const demo = new URL("../../models/demo/", import.meta.url);
const models: AttributionModel[] = [];
afterAll(() => {
  for (const model of models) model.dispose();
});

type Row = { readonly kind: string; readonly prompt?: string; readonly source?: string };
const rowsOf = (file: string): Row[] =>
  readFileSync(new URL(file, demo), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Row);

/** Of each kind of dependency the shortest prompt in which something stands beside the evidence. */
function stories(): Row[] {
  const shortest = new Map<string, Row>();
  for (const row of rowsOf("stories_groundtruth.jsonl")) {
    const length = row.prompt?.length ?? 0;
    if (length >= 100 && length < (shortest.get(row.kind)?.prompt?.length ?? 1000)) shortest.set(row.kind, row);
  }
  return [...shortest.values()];
}

const translations = (): Row[] =>
  rowsOf("translation_groundtruth.jsonl").filter(({ kind }, i) => kind === "determined" && i % 25 === 0);

/** What random scores get on each item, the mean over many: one draw would add its own luck to the differences. */
async function chance(records: readonly Evaluation[]): Promise<number[]> {
  const random = new Random(0);
  return await Promise.all(
    records.map(async ({ players, evidence }) => {
      let total = 0;
      for (let draw = 0; draw < DRAWS; draw++) {
        const scores = players.map(() => random.uniform());
        total += (await measure("auprc", question({ scores, evidence: evidence ?? [] }))).value ?? Number.NaN;
      }
      return total / DRAWS;
    }),
  );
}

const DRAWS = 50;

const methods: readonly EvaluatedMethod[] = [
  { name: "integrated_gradients", method: "integrated_gradients", options: { nSteps: 20 } },
  { name: "expected_gradients", method: "expected_gradients", options: { nSamples: 20 } },
  { name: "shapley_value_sampling", method: "shapley_value_sampling", options: { players: "word", nSamples: 2 } },
  { name: "owen_values", method: "owen_values", options: { players: "word", nSamples: 4 } },
  { name: "kernel_shap", method: "kernel_shap", options: { players: "word", nSamples: 64 } },
];

describe.each([
  ["stories", "stories-gpt2", stories],
  ["translations", "translation-marian", translations],
] as const)("on %s", (_, folder, rows) => {
  it("path methods and Shapley values beat random scores and recency by more than two standard errors", async () => {
    const model = await loadModel(new URL(folder, demo).pathname);
    models.push(model);
    const text = rows()
      .map((row) => JSON.stringify(row))
      .join("\n");
    const items: readonly EvaluationItem[] = readItems(text, { name: folder, kind: model.model.kind });
    expect(items.length).toBeGreaterThan(11);
    const records = await evaluate(model, items, {
      methods: ["recency", ...methods],
      metrics: ["auprc"],
      players: "word",
    });
    const valuesOf = (name: string): number[] =>
      records.filter(({ method }) => method === name).map(({ results }) => results[0]?.value ?? Number.NaN);
    const floors = {
      random: await chance(records.filter(({ method }) => method === "recency")),
      recency: valuesOf("recency"),
    };
    for (const { name } of methods) {
      for (const [floor, values] of Object.entries(floors)) {
        const { mean, standardError } = pairedDifference(valuesOf(name), values);
        expect(mean, `${name} over ${floor}`).toBeGreaterThan(2 * (standardError ?? Number.NaN));
      }
    }
  }, 120_000);
});
