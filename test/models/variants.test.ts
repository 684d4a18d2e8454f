/** Attributes of configs that no golden model uses: logits, gradients and searches of small models, as PyTorch has them. */

import { beforeAll, describe, expect, test } from "vitest";
import { useBackend } from "../../src/backend/backend.ts";
import { generate } from "../../src/model/generation/generate.ts";
import { readGenerationArgs, readGenerationDefaults } from "../../src/model/generation/options.ts";
import type { Model } from "../../src/model/model.ts";
import { tidy } from "../../src/tensor.ts";
import { floats, ids, logits, relativeDifference } from "../support/models.ts";
import { embeddingGradients, variantModel, variants } from "../support/variants.ts";

// The fastest backend present: there are many passes, and what the variants compute does not depend on it.
beforeAll(async () => {
  await useBackend("auto");
});

/** Share of the range: both sides compute in single precision, with sums in another order. */
const TOLERANCE = 1e-5;

describe.each(variants)("$title", (variant) => {
  const { inputIds, decoderInputIds } = variant;
  let model: Model;
  beforeAll(async () => {
    model = await variantModel(variant);
  });

  test("has PyTorch's logits", () => {
    const actual = logits(model, { targetIds: [decoderInputIds ?? inputIds], sourceIds: [inputIds] });
    expect(relativeDifference(actual, variant.logits)).toBeLessThan(TOLERANCE);
  });

  test.each(["left", "right"] as const)("has them in a row padded on the %s, too", (side) => {
    const pad = (row: readonly number[], filler: number) =>
      side === "left" ? [filler, filler, ...row] : [...row, filler, filler];
    const text = decoderInputIds ?? inputIds;
    const mask = (row: readonly number[]) => ids([pad(new Array(row.length).fill(1), 0)]);
    const [mask_BS, sourceMask_BS] = [mask(text), mask(inputIds)];
    const pass = { targetIds: [pad(text, 3)], sourceIds: [pad(inputIds, 4)], mask_BS, sourceMask_BS };
    const V = variant.logits.length / text.length;
    const start = side === "left" ? 2 : 0;
    const actual = logits(model, pass).subarray(start * V, (start + text.length) * V);
    expect(relativeDifference(actual, variant.logits)).toBeLessThan(TOLERANCE);
  });

  test("has PyTorch's gradients at its embeddings, under a random cotangent", () => {
    const [target, source] = tidy(() => embeddingGradients(model, variant.inputIds, decoderInputIds)).map(floats);
    expect(relativeDifference(target ?? new Float32Array(), variant.targetGradient)).toBeLessThan(TOLERANCE);
    expect(source?.length).toBe(variant.sourceGradient?.length);
    if (source === undefined || variant.sourceGradient === undefined) return;
    expect(relativeDifference(source, variant.sourceGradient)).toBeLessThan(TOLERANCE);
  });

  test("generates what Hugging Face generates: greedily, with beams, and from a prefix", async () => {
    const defaults = await readGenerationDefaults(variant.files, variant.config);
    const search = async (numBeams: number, prefix?: readonly number[]) => {
      const lengths = { maxNewTokens: 6, minNewTokens: 4 };
      const suppressTokens = [variant.config.pad_token_id as number];
      const options = readGenerationArgs({ ...lengths, numBeams, doSample: false, suppressTokens }, defaults);
      const [row] = await generate(model, { inputIds: [inputIds], targetPrefix: prefix && [prefix], options });
      return row;
    };
    expect(await search(1)).toEqual(variant.greedy);
    expect(await search(3)).toEqual(variant.beams);
    if (variant.continued) expect(await search(1, decoderInputIds?.slice(0, 3))).toEqual(variant.continued);
  });
});
