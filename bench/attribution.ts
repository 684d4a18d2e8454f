/**
 * Attributions with a model of GPT-2-small size and random weights:
 *
 *   npx tsx bench/attribution.ts [backend]
 *
 * First a smaller model's scores are compared with those of the `wasm` backend; then the median of three runs of each case,
 * the time of a token, and the memory of the process are printed.
 */

import { type Gpt2Config, gpt2 } from "../models/gpt2.ts";
import { type AttributionRequest, attributeSequence } from "../src/attribution/engine.ts";
import type { Sequence } from "../src/attribution/sequence.ts";
import { type BackendName, useBackend } from "../src/backend/backend.ts";
import { type MethodId, type MethodOptions, methods } from "../src/method/registry.ts";
import type { DecoderOnlyModel } from "../src/model/model.ts";
import { scores } from "../src/score/registry.ts";

const SMALL: Gpt2Config = {
  vocabSize: 50257,
  width: 768,
  layers: 12,
  heads: 12,
  maxPositions: 1024,
  feedForwardWidth: 3072,
  activation: "gelu_new",
  layerNormEpsilon: 1e-5,
  scaleScores: true,
  scaleByLayer: false,
  tiedHead: true,
};
const CASES: readonly (readonly [prompt: number, generated: number, method: MethodId, options: MethodOptions])[] = [
  [17, 33, "saliency", {}],
  [17, 102, "saliency", {}],
  [4, 17, "integrated_gradients", { nSteps: 20 }],
];

function sequenceOf(prompt: number, generated: number, vocabSize: number): Sequence {
  const ids = Array.from({ length: prompt + generated }, (_, i) => (i * 7919) % vocabSize);
  return {
    source: null,
    target: { ids, tokens: ids.map(String), spans: ids.map(() => null) },
    promptLength: prompt,
    start: prompt,
    end: prompt + generated,
    special: new Set(),
    baselines: [{ source: null, target: ids.map(() => vocabSize - 1) }],
  };
}

function requestOf(methodId: MethodId, methodOptions: MethodOptions): AttributionRequest {
  return {
    methodId,
    method: methods[methodId],
    methodOptions,
    attributed: { id: "probability", score: scores.probability, options: {} },
    stepScores: [],
    attributeTarget: false,
    contrast: null,
    contrastForceInputs: false,
    seed: 0,
    limits: { memoryBudget: 2 ** 30 },
  };
}

async function attribute(
  model: DecoderOnlyModel,
  vocabSize: number,
  [prompt, generated, id, options]: (typeof CASES)[number],
) {
  const result = await attributeSequence(model, sequenceOf(prompt, generated, vocabSize), requestOf(id, options));
  if (result.targetAttributions === null) throw new Error("expected target attributions");
  return result.targetAttributions.values;
}

/** Scores of a model of two layers on the backend and on wasm: within 1e-4 of the largest, or an error. */
async function check(backend: BackendName): Promise<void> {
  const config = { ...SMALL, layers: 2, vocabSize: 997 };
  const results: Float32Array[] = [];
  for (const name of [backend, "wasm"] as const) {
    await useBackend(name);
    const model = gpt2(config);
    results.push(
      Float32Array.from(await attribute(model, config.vocabSize, [5, 7, "integrated_gradients", { nSteps: 3 }])),
    );
    model.dispose();
  }
  const [ours, theirs] = results as [Float32Array, Float32Array];
  const largest = theirs.reduce((most, value) => (Number.isNaN(value) ? most : Math.max(most, Math.abs(value))), 0);
  const worst = ours.reduce((most, value, i) => {
    const error = Object.is(value, theirs[i]) ? 0 : Math.abs(value - (theirs[i] ?? Number.NaN));
    return Number.isNaN(error) ? Infinity : Math.max(most, error);
  }, 0);
  if (!(worst <= 1e-4 * largest))
    throw new Error(`expected ${backend} to agree with wasm, differs by ${worst / largest}`);
  console.log(`agrees with wasm within ${(worst / largest).toExponential(1)} of the largest score`);
}

const [, , asked = "native"] = process.argv;
const name = asked as BackendName;
await check(name);
const { description } = await useBackend(name);
console.log(description);
const model = gpt2(SMALL);
for (const one of CASES) {
  const [prompt, generated, id] = one;
  await attribute(model, SMALL.vocabSize, one);
  const times: number[] = [];
  for (let run = 0; run < 3; run++) {
    const start = performance.now();
    await attribute(model, SMALL.vocabSize, one);
    times.push((performance.now() - start) / 1000);
  }
  const median = times.sort((a, b) => a - b)[1] ?? Number.NaN;
  const perToken = ((1000 * median) / generated).toFixed(0);
  const megabytes = (process.memoryUsage().rss / 1e6).toFixed(0);
  const spread = times.map((time) => time.toFixed(2)).join(", ");
  console.log(
    `${id}, ${prompt} + ${generated} tokens: ${median.toFixed(2)} s (${spread}), ${perToken} ms a token, process ${megabytes} MB`,
  );
}
