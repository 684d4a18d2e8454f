/** When memory runs out, passes get smaller, and what they give stays the same. */

import { beforeAll, describe, expect, test } from "vitest";
import { attributeSequence } from "../../src/attribution/engine.ts";
import { MemoryError } from "../../src/errors.ts";
import type { DecoderOnlyModel } from "../../src/model/model.ts";
import { memory } from "../../src/tensor.ts";
import { useCpu } from "../support/backend.ts";
import { request, tinyModel, tinySequence } from "../support/tinyModels.ts";

beforeAll(async () => {
  await useCpu();
});

const sequence = tinySequence({ target: [3, 9, 4, 20, 11, 6, 28, 5], start: 2, end: 8 });
const integratedGradients = request("integrated_gradients", { nSteps: 5 });

/** A model on a machine that has memory for so many rows of a batch. */
function limited(rows: number): { model: DecoderOnlyModel; refused: () => number } {
  const model = tinyModel("gpt2", 3);
  if (model.kind !== "decoder-only") throw new Error("expected a decoder");
  let refused = 0;
  return {
    model: {
      ...model,
      forward: (input) => {
        const [B = 0] = input.embeddings_BTD.shape;
        if (B <= rows) return model.forward(input);
        refused++;
        throw new MemoryError(`expected memory for at most ${rows} rows, received ${B}`);
      },
    },
    refused: () => refused,
  };
}

describe("a pass that does not fit into memory", () => {
  test.each([1, 2, 7])("is cut until it has %i rows or fewer, and its scores stay the same", async (rows) => {
    const { model, refused } = limited(rows);
    const before = memory().numTensors;
    const small = await attributeSequence(model, sequence, integratedGradients);
    expect(memory().numTensors).toBe(before);
    expect(refused()).toBeGreaterThan(0);
    // Halving from 30 rows needs five refusals at most: what was learnt is kept for the steps that follow.
    expect(refused()).toBeLessThanOrEqual(5);
    const whole = await attributeSequence(limited(1000).model, sequence, integratedGradients);
    expect(small.rows).toBe(whole.rows);
    const [some, all] = [small, whole].map(({ targetAttributions }) => targetAttributions?.values ?? []);
    const largest = Math.max(...Array.from(all ?? [], Math.abs).filter(Number.isFinite));
    for (const [i, value] of Array.from(all ?? []).entries()) {
      // Sums over path points in another order.
      if (Number.isNaN(value)) expect(some?.[i]).toBeNaN();
      else expect(Math.abs((some?.[i] ?? Number.NaN) - value)).toBeLessThanOrEqual(1e-5 * largest);
    }
  });

  test("is an error with the numbers and what to do when one row is too much", async () => {
    const { model } = limited(0);
    const before = memory().numTensors;
    const wanted = { ...integratedGradients, stepScores: [] };
    await expect(attributeSequence(model, sequence, wanted)).rejects.toThrow(
      new MemoryError(
        "expected memory for at most 0 rows, received 1; one step at one path point does not fit into memory; " +
          "take a shorter text or another device",
      ),
    );
    expect(memory().numTensors).toBe(before);
  });
});
