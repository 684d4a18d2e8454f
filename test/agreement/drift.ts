/**
 * `npm run drift`: what fewer bits for the weights change, for the demo models and every golden model: logits, and
 * integrated gradients beside those of float32. Writes drift.json, which docs/models.md shows.
 */

import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { useBackend } from "../../src/backend/backend.ts";
import { type LoadOptions, loadModel } from "../../src/loadModel.ts";
import { compactFormats } from "../../src/ops/compactMatrix.ts";
import type { SequenceAttribution } from "../../src/result/attribution.ts";
import { updatePages } from "../readme/pages.ts";
import { attributionCases } from "../support/attributionCases.ts";
import { architectures, goldenPath } from "../support/goldenResults.ts";
import { logits } from "../support/models.ts";
import { type Drift, driftPath, rankCorrelation } from "./driftTable.ts";
import { errors, measuredBackend } from "./measure.ts";

interface Question {
  readonly folder: string;
  readonly input: string | readonly string[];
  readonly target: string | readonly string[] | undefined;
}

const demo = (name: string) => fileURLToPath(new URL(`../../models/demo/${name}`, import.meta.url));
const story = "Tom hid the ring in the cellar. Nobody said a word. In the end, the ring was still in the";
const questions: Record<string, Question> = {
  "stories-gpt2 (trained)": { folder: demo("stories-gpt2"), input: story, target: `${story} cellar` },
  "translation-marian (trained)": {
    folder: demo("translation-marian"),
    input: "Babam saatini hastanede unuttu.",
    target: "My father forgot his watch at the hospital.",
  },
};
for (const architecture of architectures) {
  const golden = attributionCases(architecture, ["integrated_gradients"]).find(
    ({ id }) => id === "integrated_gradients",
  );
  if (golden === undefined) throw new Error(`${architecture} has no golden case of integrated gradients`);
  const { inputTexts: input, generatedTexts: target } = golden;
  questions[architecture] = { folder: goldenPath(architecture, "model"), input, target };
}

const choices: readonly LoadOptions[] = [{ dtype: "bfloat16" }, { quantize: "int8" }, { quantize: "int4" }];
await useBackend(measuredBackend);
const drift: Record<string, Drift> = {};
for (const [name, question] of Object.entries(questions)) {
  const whole = await answer(question, {});
  const rows: [string, Drift[string]][] = [];
  for (const [i, options] of choices.entries()) {
    const compact = await answer(question, options);
    const moved = errors([{ received: compact.logits, expected: whole.logits, unit: "range" }]);
    const pairs = compact.columns.map((column, c) => [column, whole.columns[c] ?? []] as const);
    const [kept, ranks] = [
      pairs.filter(([a, b]) => top(a) === top(b)).length,
      pairs.map(([a, b]) => rankCorrelation(a, b)),
    ];
    const format = compactFormats.find((known) => known === (options.quantize ?? options.dtype)) ?? String(i);
    const rank = ranks.reduce((sum, value) => sum + value, 0) / ranks.length;
    rows.push([format, { logits: two(moved?.max), rank: two(rank), top: two(kept / pairs.length) }]);
  }
  drift[name] = Object.fromEntries(rows);
  process.stdout.write(`${name} ${JSON.stringify(drift[name])}\n`);
}
writeFileSync(driftPath, `${JSON.stringify(drift, null, 2)}\n`);
updatePages();

/** Logits of a text, and for each generated token the scores of all tokens before it, reduced over the width. */
async function answer({ folder, input, target }: Question, options: LoadOptions) {
  const model = await loadModel(folder, "integrated_gradients", { ...options, backend: measuredBackend });
  const attributeTarget = model.model.kind === "encoder-decoder";
  const output = await model.attribute(input, target, { attributeTarget, nSteps: 20 });
  const [first] = output.sequenceAttributions;
  if (first === undefined) throw new Error(`${folder}: no sequence was attributed`);
  const ids = (tokens: SequenceAttribution["source"]) => tokens.map(({ id }) => id);
  const found = logits(model.model, { targetIds: [ids(first.target)], sourceIds: [ids(first.source)] });
  model.dispose();
  return { logits: found, columns: columnsOf(first) };
}

function columnsOf({ sourceAttributions, targetAttributions }: SequenceAttribution): number[][] {
  const parts = [sourceAttributions, targetAttributions].filter((part) => part !== null);
  const [, steps = 0] = parts[0]?.shape ?? [];
  return Array.from({ length: steps }, (_, g) =>
    parts
      .flatMap(({ shape: [T = 0, G = 0, D = 1], values }) =>
        Array.from({ length: T }, (_, t) =>
          values.subarray((t * G + g) * D, (t * G + g + 1) * D).reduce((a, b) => a + b, 0),
        ),
      )
      .filter(Number.isFinite),
  );
}

function top(column: readonly number[]): number {
  const sizes = column.map(Math.abs);
  return sizes.indexOf(Math.max(...sizes));
}

function two(value = Number.NaN): number {
  return Number(value.toPrecision(2));
}
