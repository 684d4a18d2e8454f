/** Loading a checkpoint needs the model's memory and little more: every tensor goes from its file to the backend by itself. */

import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { writeCheckpoint } from "../../bench/device/checkpoint.ts";
import { type CompactFormat, GROUP_ROWS } from "../../src/ops/compactMatrix.ts";
import { presentBackends } from "../support/backends.ts";
import { runWithLibrary } from "../support/library.ts";

const folder = mkdtempSync(join(tmpdir(), "inseq-checkpoint-"));
afterAll(() => rmSync(folder, { recursive: true }));

const model = { model_type: "gpt2", vocab_size: 8000, n_embd: 512, n_head: 8, n_layer: 10, n_positions: 64 };
/** The largest tensor, once more while it is converted, and what garbage collection has not got to yet. */
const MOST_BEYOND = 64 * 2 ** 20;

beforeAll(() => {
  writeCheckpoint(folder, model);
});

/** The growth of the process at its largest, in bytes. */
async function growth(
  backend: string,
  env: Readonly<Record<string, string>>,
  storage?: CompactFormat,
): Promise<unknown> {
  const dist = JSON.stringify(join(import.meta.dirname, "../../dist"));
  return await runWithLibrary(
    `
    const { useBackend } = await import(${dist} + "/src/index.js");
    const { loadArchitecture } = await import(${dist} + "/models/load.js");
    const { openFolder } = await import(${dist} + "/src/platform/node.js");
    await useBackend("${backend}");
    const before = process.resourceUsage().maxRSS;
    const { model } = await loadArchitecture(await openFolder(${JSON.stringify(folder)}), ${JSON.stringify(storage)});
    process.stdout.write(String((process.resourceUsage().maxRSS - before) * 1024));
    model.dispose();`,
    env,
  );
}

/** Embeddings and vectors in float32, and what the blocks' matrices, twelve squares of the width, take instead. */
function compactBytes(bytes: number, storage: CompactFormat): number {
  const numbers = 12 * model.n_layer * model.n_embd ** 2;
  const each = { bfloat16: 2, int8: 1, int4: 0.5 + 4 / GROUP_ROWS }[storage];
  return bytes - numbers * (4 - each);
}

const emulated = inject("emulatedCuda");

it.skipIf(!presentBackends.includes("native"))("peaks at the size of the checkpoint on native", async () => {
  const bytes = statSync(join(folder, "model.safetensors")).size;
  expect(bytes).toBeGreaterThan(2 * MOST_BEYOND);
  expect(await growth("native", {})).toBeLessThan(bytes + MOST_BEYOND);
});

it.skipIf(!presentBackends.includes("native"))("peaks at what int4 takes, not at the checkpoint's size", async () => {
  const bytes = statSync(join(folder, "model.safetensors")).size;
  const bound = compactBytes(bytes, "int4") + MOST_BEYOND;
  expect(bound).toBeLessThan(bytes);
  expect(await growth("native", {}, "int4")).toBeLessThan(bound);
});

it.skipIf(emulated === null)("peaks at the size of the checkpoint with the weights on an emulated GPU", async () => {
  const bytes = statSync(join(folder, "model.safetensors")).size;
  // The emulated device's memory is the process's, too: a copy that stayed on the host would double the growth.
  expect(await growth("cuda", { INSEQ_CUDA_LIBRARY: emulated ?? "" })).toBeLessThan(bytes + MOST_BEYOND);
});
