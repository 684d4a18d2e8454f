/**
 * What is checked and measured on a GPU, written into one JSON file after each step: golden attributions, then GPT-2 small
 * with random weights (a checkpoint that reference.py reads, too), then kernels beside the device's measured limits.
 * `--tiny` takes small sizes, for a try without a GPU.
 */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { loadArchitecture } from "../../models/load.ts";
import { attributeSequence } from "../../src/attribution/engine.ts";
import { useBackend } from "../../src/backend/backend.ts";
import { loadModel } from "../../src/loadModel.ts";
import { openFolder } from "../../src/platform/node.ts";
import { memory } from "../../src/tensor.ts";
import { attributionCases } from "../../test/support/attributionCases.ts";
import { goldenPath, goldenRaw, referenceArchitectures } from "../../test/support/goldenResults.ts";
import { request, tinySequence } from "../../test/support/tinyModels.ts";
import { median } from "../median.ts";
import { writeCheckpoint } from "./checkpoint.ts";
import { measureKernels } from "./kernels.ts";

const [, , path = "result.json", flag] = process.argv;
const tiny = flag === "--tiny";
const results: Record<string, unknown> = {};
const keep = (name: string, value: unknown): void => {
  results[name] = value;
  writeFileSync(path, `${JSON.stringify(results, null, 1)}\n`);
};
const readIfThere = (file: string): string | null => (existsSync(file) ? readFileSync(file, "utf8") : null);

/** As published; or smaller in every size. */
const config = tiny
  ? { model_type: "gpt2", vocab_size: 211, n_embd: 32, n_head: 4, n_layer: 2, n_positions: 128 }
  : { model_type: "gpt2", vocab_size: 50257, n_embd: 768, n_head: 12, n_layer: 12, n_positions: 1024 };
const [prompt, generated, nSteps, runs] = tiny ? [4, 6, 4, 1] : [17, 100, 50, 5];

const { description } = await useBackend("cuda");
keep("device", description);
keep("kernelTests", readIfThere("kernelTests.txt"));
keep("opTests", JSON.parse(readIfThere("opTests.json") ?? "null"));
keep("golden", await goldenErrors());

mkdirSync("work", { recursive: true });
writeCheckpoint("work", config);
const loading = performance.now();
const { model } = await loadArchitecture(await openFolder("work"));
keep("loading", { milliseconds: performance.now() - loading, residentBytes: process.memoryUsage.rss() });

const ids = Array.from({ length: prompt + generated }, (_, i) => (i * 7919) % config.vocab_size);
writeFileSync("work/sequence.json", JSON.stringify({ ids, prompt, nSteps, baseline: 1 }));
const sequence = tinySequence({ target: ids, start: prompt, end: ids.length });
for (const precision of ["float32", "high"] as const) {
  const { passes } = await useBackend("cuda", { precision });
  for (const [method, options] of [
    ["saliency", {}],
    ["integrated_gradients", { nSteps }],
  ] as const) {
    const limits = passes ?? { memoryBudget: 2 ** 30 };
    const times: number[] = [];
    let scores: Float32Array = new Float32Array();
    let rows = 0;
    for (let run = 0; run <= runs; run++) {
      const start = performance.now();
      const answer = await attributeSequence(model, sequence, request(method, options, { limits, stepScores: [] }));
      // The first run is for warming up.
      if (run > 0 || runs === 1) times.push(performance.now() - start);
      scores = answer.targetAttributions?.values ?? scores;
      rows = answer.rows;
    }
    const absolute = scores.reduce((total, value) => total + (Number.isFinite(value) ? Math.abs(value) : 0), 0);
    keep(`${method}, ${precision}`, { milliseconds: median(times), times, rows, sumOfAbsoluteScores: absolute });
  }
}
await useBackend("cuda", { precision: "float32" });
keep("storedBytes", memory().storedBytes);
model.dispose();
keep("kernels", measureKernels(tiny));

/** The worst error of the golden cases of saliency and attention, relative to each case's largest score. */
async function goldenErrors(): Promise<Record<string, number>> {
  const worst: Record<string, number> = {};
  for (const architecture of referenceArchitectures) {
    for (const id of ["saliency", "attention"] as const) {
      const golden = attributionCases(architecture, [id]).find((known) => known.id === id);
      if (golden === undefined) continue;
      const loaded = await loadModel(goldenPath(architecture, "model"), id, { backend: "cuda" });
      const { sequenceAttributions } = await loaded.attribute(golden.inputTexts, golden.generatedTexts, golden.options);
      loaded.dispose();
      const expected = (await goldenRaw(architecture, id)).sequences[0];
      for (const part of ["sourceAttributions", "targetAttributions"] as const) {
        const inseqs = Array.from(expected?.[part]?.values ?? []);
        const ours = sequenceAttributions[0]?.[part]?.values ?? [];
        const largest = inseqs.reduce((most, value) => (value > most ? value : most), 0);
        const errors = inseqs.map((value, i) => (Number.isNaN(value) ? 0 : Math.abs((ours[i] ?? Infinity) - value)));
        if (inseqs.length > 0) worst[`${architecture} ${id} ${part}`] = Math.max(...errors) / largest;
      }
    }
  }
  return worst;
}
