/**
 * The gradient methods on the demo models' ground truth (`support/groundTruth.ts`), on a sample of the items. `npm run
 * groundtruth` writes the README's table of more items.
 *
 * What is asserted are bounds three standard errors below what was measured on three times as many items. Integrated
 * gradients tell little about the stories: GPT-2 has no UNK token, so by Inseq's rule the baseline is the end token, which
 * this model has never seen inside a text. The translation model has one, and there they find nearly all.
 */

import { afterAll, expect, test } from "vitest";
import type { AttributionModel } from "../src/attributionModel.ts";
import { loadModel } from "../src/loadModel.ts";
import { type MethodUnderTest, methodsUnderTest, qualityOf, tasks, trivialQualities } from "./support/groundTruth.ts";

const models: AttributionModel[] = [];
afterAll(() => {
  for (const model of models) model.dispose();
});

const [stories, translations] = tasks(12, 6);
const bounds = {
  "`integrated_gradients`, 20 steps": [0.02, 0.8],
  "`input_x_gradient`": [0.18, 0.14],
  "`saliency`": [0.36, 0.02],
} as const;

test.each([
  { task: stories, column: 0 },
  { task: translations, column: 1 },
] as const)("the word with the highest score is evidence: $task.name", async ({ task, column }) => {
  const model = await loadModel(task.folder);
  models.push(model);
  const { random, recency } = await trivialQualities(model, task.items);
  const told = [`random ${percent(random.hitRate)}`, `recency ${percent(recency.hitRate)}`];
  for (const [name, least] of Object.entries(bounds)) {
    const { hitRate, auprc } = await qualityOf(model, task.items, methodsUnderTest[name] as MethodUnderTest);
    told.push(`${name} ${percent(hitRate)} (AUPRC ${auprc.toFixed(2)})`);
    expect(hitRate, name).toBeGreaterThanOrEqual(least[column]);
  }
  process.stdout.write(`ground truth, ${task.name} (${task.items.length} items): ${told.join(", ")}\n`);
});

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
