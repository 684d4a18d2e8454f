/** A thousand attributions need no more memory than the first hundred: tensors, stored bytes, and the process itself. */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { attributeSequence } from "../../src/attribution/engine.ts";
import { useBackend } from "../../src/backend/backend.ts";
import { memory } from "../../src/tensor.ts";
import { presentBackends } from "../support/backends.ts";
import { request, tinyModel, tinySequence } from "../support/tinyModels.ts";

const ROUNDS = 5;
const ROUND = 200;
/**
 * What a round may add to the process. Heap and allocators grow in steps of tens of megabytes, now and then; what is
 * never freed grows in every round, by 15 MB if attributions kept their arrays. So the round that grew least counts.
 */
const MOST_GROWTH = 5 * 2 ** 20;
/** What JavaScript still holds after a garbage collection: compiled code and caches settle, arrays do not. */
const MOST_HELD = 4 * 2 ** 20;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Bytes after a garbage collection: those of the process, and those that JavaScript holds. */
function usage(): { process: number; held: number } {
  collectGarbage();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { process: rss, held: heapUsed + external };
}

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
    const usages: ReturnType<typeof usage>[] = [];
    let settled: ReturnType<typeof state> | undefined;
    for (let round = 0; round < ROUNDS; round++) {
      for (let i = 0; i < ROUND; i++) await attribute(round * ROUND + i);
      settled ??= state();
      usages.push(usage());
    }
    expect(state()).toEqual(settled);
    const growth = (of: "held" | "process") => usages.slice(1).map((late, i) => late[of] - (usages[i]?.[of] ?? 0));
    expect(growth("held").reduce((sum, bytes) => sum + bytes)).toBeLessThan(MOST_HELD);
    expect(Math.min(...growth("process"))).toBeLessThan(MOST_GROWTH);
    model.dispose();
  }, 120_000);
});
