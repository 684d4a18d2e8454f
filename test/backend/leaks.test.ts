/** A thousand attributions need no more memory than the first hundred: tensors, stored bytes, and the process itself. */

import { describe, expect, it } from "vitest";
import { attributeSequence } from "../../src/attribution/engine.ts";
import { useBackend } from "../../src/backend/backend.ts";
import { memory } from "../../src/tensor.ts";
import { presentBackends } from "../support/backends.ts";
import { request, tinyModel, tinySequence } from "../support/tinyModels.ts";

const COUNT = 1000;
const FIRST = 200;
/** The process may grow by what garbage collection leaves for later: an attribution that kept its arrays would add 60 MB. */
const MOST_GROWTH = 32 * 2 ** 20;

describe.skipIf(!presentBackends.includes("native"))("a thousand attributions on native", () => {
  it("leave as many tensors, as many bytes of tensors, and a process of the same size", async () => {
    await useBackend("native");
    const model = tinyModel("gpt2", 1);
    const attribute = async (i: number): Promise<void> => {
      const target = Array.from({ length: 6 + (i % 5) }, (_, t) => 2 + ((i + t * 7) % 28));
      const sequence = tinySequence({ target, start: 2, end: target.length });
      await attributeSequence(model, sequence, request(i % 10 === 0 ? "attention" : "saliency"));
    };
    const state = () => ({ tensors: memory().numTensors, bytes: memory().storedBytes });
    for (let i = 0; i < FIRST; i++) await attribute(i);
    const before = state();
    const resident = process.memoryUsage.rss();
    for (let i = FIRST; i < COUNT; i++) await attribute(i);
    expect(state()).toEqual(before);
    expect(process.memoryUsage.rss() - resident).toBeLessThan(MOST_GROWTH);
    model.dispose();
  }, 120_000);
});
