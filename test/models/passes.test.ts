/** What must hold for every golden model, whatever its weights: the cache, padding, chosen positions, causality, memory. */

import { beforeAll, describe, expect, test } from "vitest";
import { OptionError } from "../../src/errors.ts";
import { KeyValueCache } from "../../src/model/cache.ts";
import type { EncoderStates, Model } from "../../src/model/model.ts";
import { memory, type Tensor, tensor, tidy } from "../../src/tensor.ts";
import { useCpu } from "../support/backend.ts";
import { architectures } from "../support/goldenResults.ts";
import {
  floats,
  goldenModel,
  ids,
  logits,
  logitsTensor,
  mask,
  relativeDifference,
  smallModel,
  someIds,
} from "../support/models.ts";

beforeAll(useCpu);

/** Products of other shapes are summed in another order: some last bits of single precision. */
const ROUNDING = 2e-6;

const sourceIds = [someIds(6, 1), someIds(6, 2)];
const targetIds = [someIds(8, 3), someIds(8, 4)];

describe.each(architectures)("%s", (architecture) => {
  let model: Model;
  beforeAll(async () => {
    model = await goldenModel(architecture);
  });

  test("computes the same through the cache, in pieces of one, two and five tokens", () => {
    const expected = logits(model, { targetIds, sourceIds });
    const cache = new KeyValueCache();
    const states = encoded(model, sourceIds);
    const pieces = [
      [0, 1],
      [1, 3],
      [3, 8],
    ].map(([from = 0, to = 0]) =>
      step(
        model,
        targetIds.map((row) => row.slice(from, to)),
        cache,
        states,
      ),
    );
    expect(relativeDifference(joined(pieces, 2), expected)).toBeLessThan(ROUNDING);
    expect(cache.length).toBe(8);
    cache.dispose();
  });

  test("goes on with reordered rows of the cache as if they had always been in that order", () => {
    const order = [1, 1, 0];
    const cache = new KeyValueCache();
    const states = encoded(model, sourceIds);
    step(
      model,
      targetIds.map((row) => row.slice(0, 5)),
      cache,
      states,
    );
    cache.reorder(tensor(Int32Array.from(order), [3], "int32"));
    const rows = order.map((row) => targetIds[row] ?? []);
    const reordered = encoded(
      model,
      order.map((row) => sourceIds[row] ?? []),
    );
    const actual = step(
      model,
      rows.map((row) => row.slice(5)),
      cache,
      reordered,
    );
    const whole = logits(model, { targetIds: rows, sourceIds: order.map((row) => sourceIds[row] ?? []) });
    expect(relativeDifference(actual, positions(whole, 3, 8, 5, 8))).toBeLessThan(ROUNDING);
    cache.dispose();
  });

  test.each(["left", "right"] as const)("gives padded rows (%s) the logits that they have alone", (side) => {
    const [long = [], short = []] = [someIds(7, 5), someIds(4, 6)];
    const padded = side === "left" ? [0, 0, 0, ...short] : [...short, 0, 0, 0];
    const shown = padded.map((_, i) => Number(side === "left" ? i >= 3 : i < 4));
    const all = [1, 1, 1, 1, 1, 1, 1];
    const mask_BS = mask([all, shown]);
    const sources = [long, padded];
    const both = logits(model, { targetIds: [long, padded], sourceIds: sources, mask_BS, sourceMask_BS: mask_BS });
    const V = both.length / 14;
    expect(
      relativeDifference(both.subarray(0, 7 * V), logits(model, { targetIds: [long], sourceIds: [long] })),
    ).toBeLessThan(ROUNDING);
    const start = 7 + (side === "left" ? 3 : 0);
    const alone = logits(model, { targetIds: [short], sourceIds: [short] });
    expect(relativeDifference(both.subarray(start * V, (start + 4) * V), alone)).toBeLessThan(ROUNDING);
  });

  test("continues a left-padded row through the cache as the row alone", () => {
    const short = someIds(5, 6);
    const padded = [0, 0, ...short.slice(0, 3)];
    const cache = new KeyValueCache();
    const states = encoded(model, sourceIds.slice(0, 1));
    step(model, [padded], cache, states, mask([[0, 0, 1, 1, 1]]));
    const actual = step(model, [short.slice(3)], cache, states, mask([[0, 0, 1, 1, 1, 1, 1]]));
    const alone = logits(model, { targetIds: [short], sourceIds: sourceIds.slice(0, 1) });
    expect(relativeDifference(actual, positions(alone, 1, 5, 3, 5))).toBeLessThan(ROUNDING);
    cache.dispose();
  });

  test("gives at chosen positions the logits that it has there", () => {
    const all = logits(model, { targetIds, sourceIds });
    const V = all.length / 16;
    const chosen = logits(model, { targetIds, sourceIds, targets_B: tensor(Int32Array.of(7, 2), [2], "int32") });
    const expected = Float32Array.from([...all.subarray(7 * V, 8 * V), ...all.subarray(10 * V, 11 * V)]);
    expect(relativeDifference(chosen, expected)).toBeLessThan(ROUNDING);
  });

  test("is causal to the bit: later tokens change nothing before them", () => {
    const changed = targetIds.map((row) => [...row.slice(0, 5), ...someIds(3, 11)]);
    expect(changed).not.toEqual(targetIds);
    const before = logits(model, { targetIds, sourceIds });
    const after = logits(model, { targetIds: changed, sourceIds });
    expect(positions(after, 2, 8, 0, 5)).toEqual(positions(before, 2, 8, 0, 5));
    expect(positions(after, 2, 8, 5, 8)).not.toEqual(positions(before, 2, 8, 5, 8));
  });

  test("takes positions that the caller gives", () => {
    const pass = { targetIds, sourceIds };
    const counted = [0, 1, 2, 3, 4, 5, 6, 7];
    expect(logits(model, { ...pass, positions_BT: ids([counted, counted]) })).toEqual(logits(model, pass));
  });

  test("keeps nothing of a block that is done, unless somebody watches", () => {
    const watched = { wants: () => true, visit: (_: unknown, x: Tensor) => x };
    const left = (sites?: typeof watched): number =>
      tidy(() => {
        const before = memory().numTensors;
        logitsTensor(model, { targetIds, sourceIds, sites });
        return memory().numTensors - before;
      });
    // A block is two residual sums, two norms and five products at least.
    expect(left(watched) - left()).toBeGreaterThan(8 * model.facts.layers);
    expect(logits(model, { targetIds, sourceIds, sites: watched })).toEqual(logits(model, { targetIds, sourceIds }));
  });

  test("frees everything that it has made", async () => {
    const before = memory().numTensors;
    const another = await goldenModel(architecture);
    logits(another, { targetIds, sourceIds });
    another.dispose();
    // Inputs made by the test itself are inside the pass's tidy.
    expect(memory().numTensors).toBe(before);
  });
});

describe("models with a table of positions", () => {
  test.each(["gpt2", "marian"] as const)("%s refuses more positions than it has", (family) => {
    const model = smallModel(family);
    const long = { targetIds: [someIds(17, 1)], sourceIds: [someIds(3, 1)] };
    expect(() => logits(model, long)).toThrow(OptionError);
    expect(() => logits(model, long)).toThrow(/at most 16 positions.*received 17/);
    expect(model.facts.maxPositions).toBe(16);
  });

  test.each(["llama", "t5"] as const)("%s has no limit", (family) => {
    expect(smallModel(family).facts.maxPositions).toBe(Number.POSITIVE_INFINITY);
  });
});

/** One pass through the cache, logits on the host. */
function step(
  model: Model,
  rows: readonly number[][],
  cache: KeyValueCache,
  states: EncoderStates | undefined,
  mask_BS?: Tensor,
) {
  return floats(
    tidy(() => {
      if (model.kind === "decoder-only")
        return model.forward({ embeddings_BTD: model.embed(ids(rows)), cache, mask_BS });
      const embeddings_BTD = model.embedTarget(ids(rows));
      return model.decode({ embeddings_BTD, cache, mask_BS }, states ?? { states_BSD: embeddings_BTD });
    }),
  );
}

function encoded(model: Model, rows: readonly (readonly number[])[]): EncoderStates | undefined {
  if (model.kind === "decoder-only") return undefined;
  return { states_BSD: tidy(() => model.encode({ embeddings_BSD: model.embedSource(ids(rows)) }).states_BSD) };
}

/** Positions `[from, to)` of [B, T, V]. */
function positions(values: Float32Array, B: number, T: number, from: number, to: number): Float32Array {
  const V = values.length / (B * T);
  const rows = Array.from({ length: B }, (_, b) => [...values.subarray((b * T + from) * V, (b * T + to) * V)]);
  return Float32Array.from(rows.flat());
}

/** Pieces [B, T_i, V] along T. */
function joined(pieces: readonly Float32Array[], B: number): Float32Array {
  const rows = Array.from({ length: B }, (_, b) =>
    pieces.flatMap((piece) => [...piece.subarray((b * piece.length) / B, ((b + 1) * piece.length) / B)]),
  );
  return Float32Array.from(rows.flat());
}
