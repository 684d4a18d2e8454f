/** Calls at the same time, of one model or of several, give what the same calls give one after another, to the bit. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type AttributionModel,
  attributeContext,
  evaluate,
  type FeatureAttributionOutput,
  listBackends,
  loadModel,
  useBackend,
} from "../../src/index.ts";
import { memory } from "../../src/tensor.ts";
import { presentBackends } from "../support/backends.ts";
import { goldenPath } from "../support/goldenResults.ts";

const [fast = "cpu", slow = "cpu"] = presentBackends.filter((name) => name !== "tensorflow");

let gpt2: AttributionModel;
let bart: AttributionModel;
beforeAll(async () => {
  gpt2 = await loadModel(goldenPath("gpt2", "model"), "saliency", { backend: fast });
  bart = await loadModel(goldenPath("bart", "model"), "saliency", { backend: slow });
});
afterAll(() => {
  gpt2.dispose();
  bart.dispose();
});

const numbers = ({ sequenceAttributions, info }: FeatureAttributionOutput) => ({
  sequences: sequenceAttributions,
  backend: info.backend,
});
const few = { generationArgs: { maxNewTokens: 3 } };
const drawn = { method: "gradient_shap", nSamples: 4, stdevs: 0.3, seed: 7 } as const;
const inSmallPasses = { method: "integrated_gradients", nSteps: 3, internalBatchSize: 4 } as const;

const calls = {
  "a saliency": async () => numbers(await gpt2.attribute("hello world", "hello world and more of it")),
  "draws from a seed": async () => numbers(await gpt2.attribute("Hello", "Hello there, world", drawn)),
  "many passes": async () => numbers(await gpt2.attribute(["one", "and more"], null, { ...inSmallPasses, ...few })),
  coalitions: async () => numbers(await gpt2.attribute("one two", "one two three", { method: "occlusion" })),
  attention: async () => numbers(await gpt2.attribute("one two", "one two three", { method: "attention" })),
  "sampled tokens": () => gpt2.generate("and then", { doSample: true, seed: 3, maxNewTokens: 6 }),
  "another model on another backend": async () =>
    numbers(await bart.attribute("hello", "yes, it is", { ...inSmallPasses, attributeTarget: true })),
  "beams there": () => bart.generate(["hello", "world, it is"], { numBeams: 2, maxNewTokens: 4 }),
  "an evaluation": async () =>
    (
      await evaluate(bart, [{ input: "hello world", target: "yes, it is" }], { methods: ["saliency", "leave_one_out"] })
    ).map(({ cost: _, ...evaluation }) => evaluation),
  "a context": async () => {
    const { ctiScores, cciScores } = await attributeContext(gpt2, {
      contextSensitivityMetric: "kl_divergence",
      attributionMethod: "saliency",
      inputContextText: "hello",
      inputCurrentText: "world",
      outputCurrentText: " it is",
      outputTemplate: "{current}",
      contextlessInputCurrentText: "{current}",
    });
    return { ctiScores, cciScores };
  },
};

describe("calls at the same time", () => {
  it("give what they give one after another, and leave nothing behind", async () => {
    const alone: unknown[] = [];
    for (const call of Object.values(calls)) alone.push(await call());
    const before = memory().numTensors;
    const together = await Promise.all(Object.values(calls).map((call) => call()));
    for (const [i, name] of Object.keys(calls).entries()) expect(together[i], name).toEqual(alone[i]);
    expect(memory().numTensors).toBe(before);
  });

  it("are not disturbed by models that are loaded and backends that are looked at meanwhile", async () => {
    const alone = await calls["many passes"]();
    const before = memory().numTensors;
    const [together, other] = await Promise.all([
      calls["many passes"](),
      loadModel(goldenPath("gpt2", "model"), "saliency", { backend: slow }),
      listBackends(),
      useBackend(slow),
    ]);
    expect(together).toEqual(alone);
    expect(other.backend.name).toBe(slow);
    other.dispose();
    expect(memory().numTensors).toBe(before);
  });

  it("go on after one that fails, and one that is given up while it waits does nothing", async () => {
    const alone = await calls["a saliency"]();
    const gone = AbortSignal.abort(new Error("gone"));
    let passes = 0;
    const outcomes = await Promise.allSettled([
      gpt2.attribute("hello", "something else"),
      gpt2.attribute("hello", "hello world", { signal: gone, onProgress: () => passes++ }),
      gpt2.generate("hello", {}, { signal: gone }),
      calls["a saliency"](),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected", "fulfilled"]);
    expect(outcomes[1]).toMatchObject({ reason: { message: "gone" } });
    expect(passes).toBe(0);
    expect(outcomes[3]).toMatchObject({ value: alone });
  });
});
