/** Methods that read attention keep no layers × heads × T × T numbers: one layer's probabilities exist at a time. */

import { beforeAll, describe, expect, test } from "vitest";
import { randomModel } from "../../../models/load.ts";
import { attributeSequence } from "../../../src/attribution/engine.ts";
import type { MethodId } from "../../../src/method/registry.ts";
import type { DecoderOnlyModel } from "../../../src/model/model.ts";
import type { Sites } from "../../../src/model/sites.ts";
import { memory } from "../../../src/tensor.ts";
import { useCpu } from "../../support/backend.ts";
import { request, tinySequence } from "../../support/tinyModels.ts";

beforeAll(async () => {
  await useCpu();
});

const [T, H] = [128, 8];

/** The most bytes of tensors at any site, above what was there before, of a model with so many layers. */
async function peak(method: MethodId, layers: number): Promise<number> {
  const config = { model_type: "gpt2", vocab_size: 31, n_embd: 8, n_head: H, n_layer: layers, n_positions: T };
  const model = randomModel(config, 3, 0.4) as DecoderOnlyModel;
  let most = 0;
  const watching = (sites: Sites | undefined): Sites => ({
    wants: (site) => site.name === "blockOutput" || sites?.wants(site) === true,
    normalizes: (site, norm) => sites?.normalizes?.(site, norm),
    visit(site, x) {
      const left = sites?.wants(site) ? sites.visit(site, x) : x;
      most = Math.max(most, memory().numBytes);
      return left;
    },
  });
  const watched: DecoderOnlyModel = {
    ...model,
    forward: (input) => model.forward({ ...input, sites: watching(input.sites) }),
  };
  const before = memory().numBytes;
  const target = Array.from({ length: T + 1 }, (_, t) => (7 * t) % 31);
  await attributeSequence(watched, tinySequence({ target, start: T - 1, end: T + 1 }), request(method));
  model.dispose();
  return most - before;
}

/** All heads' probabilities of a layer. */
const PROBABILITIES = 4 * H * T * T;

describe.each(["attention", "attention_rollout", "direct_logit_attribution"] as const)("%s", (method) => {
  test("needs far less for another layer than its probabilities", async () => {
    const [two, four] = [await peak(method, 2), await peak(method, 4)];
    expect(two).toBeGreaterThan(PROBABILITIES);
    // Two layers more. States of 8 numbers for a position, and rollout's shares [T, T], are what a layer leaves behind.
    expect((four - two) / 2).toBeLessThan(0.6 * PROBABILITIES);
  });
});
