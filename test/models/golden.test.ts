/** Every model against the logits that Hugging Face computed with the same files. */

import { beforeAll, describe, expect, test } from "vitest";
import { KeyValueCache } from "../../src/model/cache.ts";
import type { Model } from "../../src/model/model.ts";
import { tensor, tidy } from "../../src/tensor.ts";
import { useCpu } from "../support/backend.ts";
import { architectures, goldenPath } from "../support/goldenResults.ts";
import {
  floats,
  type GoldenForward,
  goldenForward,
  goldenModel,
  ids,
  logits,
  relativeDifference,
} from "../support/models.ts";

beforeAll(useCpu);

/** Share of the range of logits: sums in another order differ in the last bits of single precision (1e-7 each). */
const TOLERANCE = 1e-5;

describe.each(architectures)("golden model %s", (architecture) => {
  let model: Model;
  let cases: GoldenForward[];
  beforeAll(async () => {
    model = await goldenModel(architecture);
    cases = await goldenForward(goldenPath(architecture, "forward.json"));
  });

  test("gives the reference's logits at every position", () => {
    expect(cases.length).toBeGreaterThan(0);
    for (const golden of cases) {
      const targetIds = [golden.decoderInputIds ?? golden.inputIds];
      const actual = logits(model, { targetIds, sourceIds: [golden.inputIds] });
      expect(relativeDifference(actual, golden.logits)).toBeLessThan(TOLERANCE);
    }
  });

  test("continues greedily through the cache as the reference does", () => {
    for (const golden of cases) {
      const start = golden.greedy.slice(0, golden.greedyStart);
      expect(greedy(model, golden.inputIds, start, golden.greedy.length)).toEqual(golden.greedy);
    }
  });
});

/** Greedy search one token at a time. */
function greedy(model: Model, sourceIds: readonly number[], start: readonly number[], length: number): number[] {
  const cache = new KeyValueCache();
  const text = [...start];
  const states =
    model.kind === "encoder-decoder"
      ? tidy(() => model.encode({ embeddings_BSD: model.embedSource(ids([sourceIds])) }))
      : undefined;
  let present: readonly number[] = start;
  while (text.length < length) {
    const row = floats(
      tidy(() => {
        const targets_B = tensor(Int32Array.of(present.length - 1), [1], "int32");
        if (model.kind === "decoder-only") {
          return model.forward({ embeddings_BTD: model.embed(ids([present])), cache, targets_B });
        }
        const embeddings_BTD = model.embedTarget(ids([present]));
        return model.decode({ embeddings_BTD, cache, targets_B }, states ?? { states_BSD: embeddings_BTD });
      }),
    );
    present = [row.indexOf(Math.max(...row))];
    text.push(...present);
  }
  cache.dispose();
  return text;
}
