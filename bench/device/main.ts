/**
 * What is checked and measured on a GPU, written into one JSON file after each step: golden attributions, then kernels beside the
 * device's measured limits, then GPT-2 small with random weights (a checkpoint that reference.py reads, too). A step that fails
 * says so in the file, and the others go on. `--tiny` takes small sizes, for a try without a GPU.
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
/** The status of the process says whether any step failed. */
async function step(name: string, work: () => unknown): Promise<void> {
  try {
    keep(name, await work());
  } catch (error) {
    process.exitCode = 1;
    keep(name, { error: String(error instanceof Error ? error.stack : error) });
  }
}
const readIfThere = (file: string): string | null => (existsSync(file) ? readFileSync(file, "utf8") : null);

/** As published; or smaller in every size. */
const config = tiny
  ? { model_type: "gpt2", vocab_size: 211, n_embd: 32, n_head: 4, n_layer: 2, n_positions: 128 }
  : { model_type: "gpt2", vocab_size: 50257, n_embd: 768, n_head: 12, n_layer: 12, n_positions: 1024 };
const [prompt, generated, nSteps, runs] = tiny ? [4, 6, 4, 1] : [17, 100, 50, 5];

keep("commit", readIfThere("commit.txt"));
keep("kernelTests", readIfThere("kernelTests.txt"));
await step("opTests", () => JSON.parse(readIfThere("opTests.json") ?? "null"));

// PyTorch computes on these whatever becomes of the rest.
const ids = Array.from({ length: prompt + generated }, (_, i) => (i * 7919) % config.vocab_size);
mkdirSync("work", { recursive: true });
writeCheckpoint("work", config);
writeFileSync("work/sequence.json", JSON.stringify({ ids, prompt, nSteps, baseline: 1 }));

await step("device", async () => (await useBackend("cuda")).description);
await step("golden", goldenErrors);
await step("kernels", () => measureKernels(tiny));
await step("attributions", measureAttributions);

async function measureAttributions(): Promise<Record<string, unknown>> {
  const measured: Record<string, unknown> = {};
  await useBackend("cuda");
  const loading = performance.now();
  const { model } = await loadArchitecture(await openFolder("work"));
  measured.loading = { milliseconds: performance.now() - loading, residentBytes: process.memoryUsage.rss() };
  const sequence = tinySequence({ target: ids, start: prompt, end: ids.length });
  for (const precision of ["float32", "high"] as const) {
    const { passes } = await useBackend("cuda", { precision });
    const limits = passes ?? { memoryBudget: 2 ** 30 };
    for (const [method, options] of [
      ["saliency", {}],
      ["integrated_gradients", { nSteps }],
    ] as const) {
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
      measured[`${method}, ${precision}`] = { milliseconds: median(times), times, rows, sumOfAbsoluteScores: absolute };
      keep("attributions", measured);
    }
  }
  await useBackend("cuda", { precision: "float32" });
  measured.storedBytes = memory().storedBytes;
  model.dispose();
  return measured;
}

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
