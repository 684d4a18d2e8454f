import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { randomModel } from "../../../models/load.ts";
import { NumericError, OptionError } from "../../../src/errors.ts";
import { generate } from "../../../src/model/generation/generate.ts";
import { logSoftmax } from "../../../src/model/generation/logitsProcessors.ts";
import { readGenerationArgs } from "../../../src/model/generation/options.ts";
import type { GenerationStep } from "../../../src/model/generation/rows.ts";
import { memory } from "../../../src/tensor.ts";
import { useCpu } from "../../support/backend.ts";
import { smallConfigs } from "../../support/models.ts";
import { markovModel } from "./markovModel.ts";

await useCpu();

type Family = keyof typeof smallConfigs;
const families = Object.keys(smallConfigs) as Family[];
const sized = (family: Family) =>
  // Weights large enough that texts vary, and are not a fixed point.
  randomModel(
    family === "llama" ? { ...smallConfigs.llama, max_position_embeddings: 64 } : smallConfigs[family],
    5,
    0.7,
  );
const startOf = (family: Family) =>
  family === "marian" || family === "t5" ? { decoderStartTokenId: 2, eosTokenId: [1, 6] } : { eosTokenId: [1, 6] };

/** 0 → 1 → 2 → 3 → 0, the others much less likely. */
const cycle = [0, 1, 2, 3].map((from) => [0, 1, 2, 3].map((to) => (to === (from + 1) % 4 ? 5 : 0)));

describe("a batch gives what its rows give alone, and the cache what is computed again", () => {
  const searches = {
    greedy: { noRepeatNgramSize: 2 },
    sampling: { doSample: true, seed: 3 },
    "beam search": { numBeams: 3, repetitionPenalty: 1.2 },
    "beam sampling": { numBeams: 2, doSample: true, topK: 8 },
  };
  for (const family of families) {
    test.each(Object.entries(searches))(`${family}, %s`, async (_name, search) => {
      const model = sized(family);
      const inputs = [[4, 5, 6, 3, 7], [8], [9, 3, 9], [3, 4, 5]];
      const args = { ...startOf(family), ...search, maxNewTokens: 7 };
      const options = readGenerationArgs(args);
      const before = memory().numTensors;
      const batch = await generate(model, { inputIds: inputs, options });
      const alone: number[][] = [];
      for (const [firstRow, ids] of inputs.entries()) {
        alone.push(...(await generate(model, { inputIds: [ids], options, firstRow })));
      }
      expect(batch).toEqual(alone);
      const uncached = readGenerationArgs({ ...args, useCache: false });
      expect(await generate(model, { inputIds: inputs, options: uncached })).toEqual(batch);
      expect(memory().numTensors).toBe(before);
      model.dispose();
    });
  }

  test.each(["marian", "t5"] as const)("%s, with target prefixes of different lengths", async (family) => {
    const model = sized(family);
    const inputIds = [[4, 5, 6], [8, 3], [9]];
    const targetPrefix = [[2, 5], [], [7, 3, 4]];
    const options = readGenerationArgs({ ...startOf(family), maxNewTokens: 5 });
    const batch = await generate(model, { inputIds, targetPrefix, options });
    const alone = inputIds.map((ids, i) =>
      generate(model, { inputIds: [ids], targetPrefix: [targetPrefix[i] ?? []], options }),
    );
    expect(batch).toEqual((await Promise.all(alone)).flat());
    expect(batch.map((row) => row.slice(0, 2))).toEqual([
      [2, 5],
      [2, batch[1]?.[1]],
      [2, 7],
    ]);
    model.dispose();
  });
});

describe("finished rows", () => {
  test("leave the computation", async () => {
    const seen: number[] = [];
    const model = markovModel(cycle, { step: (rows) => seen.push(rows) });
    const options = readGenerationArgs({ eosTokenId: 0, maxNewTokens: 9 });
    const rows = await generate(model, { inputIds: [[3], [1], [2]], options });
    expect(rows).toEqual([
      [3, 0],
      [1, 2, 3, 0],
      [2, 3, 0],
    ]);
    expect(seen).toEqual([3, 2, 1]);
  });

  test("of a beam search leave with all their beams", async () => {
    const seen: number[] = [];
    const model = markovModel(cycle, { step: (rows) => seen.push(rows) });
    const options = readGenerationArgs({ eosTokenId: 0, maxNewTokens: 9, numBeams: 2, earlyStopping: true });
    await generate(model, { inputIds: [[3], [1]], options });
    expect(seen[0]).toBe(2);
    expect(seen[1]).toBe(4);
    expect(seen.at(-1)).toBe(2);
  });
});

describe("beam search", () => {
  test("with beams for every prefix finds the best of all texts", async () => {
    const V = 3;
    const L = 4;
    const logits = fc.array(fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: V, maxLength: V }), {
      minLength: V,
      maxLength: V,
    });
    const penalty = fc.constantFrom(0, 0.5, 1, 2);
    await fc.assert(
      fc.asyncProperty(logits, penalty, async (table, lengthPenalty) => {
        const model = markovModel(table);
        const args = { eosTokenId: 0, maxNewTokens: L, numBeams: V ** L, lengthPenalty, earlyStopping: "never" };
        const [found = []] = await generate(model, { inputIds: [[1]], options: readGenerationArgs(args) });
        const score = (ids: readonly number[]): number => {
          const sum = ids.slice(1).reduce((total, id, i) => {
            const row = logSoftmax(Float32Array.from(table[ids[i] ?? 0] ?? []));
            return total + (row[id] ?? Number.NaN);
          }, 0);
          return sum / (ids.length - 1) ** lengthPenalty;
        };
        const all = texts([1], L, V);
        // Scores are sums of float32 numbers: two texts may differ by less than their rounding.
        expect(score(found)).toBeGreaterThan(Math.max(...all.map(score)) - 1e-5);
        expect(all.map(String)).toContain(String(found));
        model.dispose();
      }),
      { numRuns: 30 },
    );
  });

  /** All texts that end with 0 or have `length` new tokens. */
  function texts(ids: readonly number[], length: number, V: number): number[][] {
    if (length === 0 || (ids.length > 1 && ids.at(-1) === 0)) return [[...ids]];
    return Array.from({ length: V }, (_, id) => texts([...ids, id], length - 1, V)).flat();
  }
});

describe("sampling", () => {
  const table = [[0.3, 1.2, -0.5, 0.1], ...cycle.slice(1)];

  test("is the same text for the same seed, another for another", async () => {
    const model = sized("gpt2");
    const texts = async (seed: number) =>
      await generate(model, {
        inputIds: [[3], [3]],
        options: readGenerationArgs({ doSample: true, seed, maxNewTokens: 12 }),
      });
    const [first, again, other] = [await texts(1), await texts(1), await texts(2)];
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
    expect(first[0]).not.toEqual(first[1]);
    model.dispose();
  });

  test("and beam sampling draw tokens as often as the model says: χ²", async () => {
    const model = markovModel(table);
    const draws = 2000;
    const inputIds = Array.from({ length: draws }, () => [0]);
    const probabilities = [...logSoftmax(Float32Array.from(table[0] ?? []))].map(Math.exp);
    const options = readGenerationArgs({ doSample: true, maxNewTokens: 1, topK: 0 });
    const rows = await generate(model, { inputIds, options });
    const counts = [0, 1, 2, 3].map((id) => rows.filter((row) => row[1] === id).length);
    const chi = counts.reduce(
      (sum, n, id) => sum + (n - draws * (probabilities[id] ?? 0)) ** 2 / (draws * (probabilities[id] ?? 0)),
      0,
    );
    // 99.9% quantile with 3 degrees of freedom.
    expect(chi).toBeLessThan(16.3);

    // Of two beams that end at once the better of two tokens wins that were drawn without replacement:
    // P(a, b drawn first) = p(a) p(b) / (1 − p(a)).
    const pairs = await generate(model, { inputIds, options: { ...options, numBeams: 2 } });
    const p = (id: number): number => probabilities[id] ?? 0;
    const wins = (best: number): number =>
      [0, 1, 2, 3]
        .filter((other) => p(other) < p(best))
        .reduce((sum, other) => sum + (p(best) * p(other)) / (1 - p(best)) + (p(best) * p(other)) / (1 - p(other)), 0);
    const possible = [0, 1, 3].filter((id) => wins(id) > 0);
    const best = possible.map((id) => pairs.filter((row) => row[1] === id).length);
    expect(best.reduce((a, b) => a + b, 0)).toBe(draws);
    const chiOfBest = possible.reduce(
      (sum, id, i) => sum + ((best[i] ?? 0) - draws * wins(id)) ** 2 / (draws * wins(id)),
      0,
    );
    // 99.9% quantile with 2 degrees of freedom.
    expect(chiOfBest).toBeLessThan(13.8);
    model.dispose();
  });
});

describe("lengths", () => {
  const greedy = async (args: Readonly<Record<string, unknown>>, prompt = [0], maxPositions = 100) => {
    const model = markovModel(cycle, { maxPositions });
    const [row = []] = await generate(model, { inputIds: [prompt], options: readGenerationArgs(args) });
    model.dispose();
    return row;
  };

  test("are 20 new tokens by default, or as many as the model has positions for", async () => {
    expect(await greedy({})).toHaveLength(21);
    expect(await greedy({}, [0, 1], 9)).toHaveLength(9);
  });

  test("count the prompt in maxLength and minLength, and not in maxNewTokens and minNewTokens", async () => {
    expect(await greedy({ maxLength: 6 }, [0, 1])).toHaveLength(6);
    expect(await greedy({ maxNewTokens: 6 }, [0, 1])).toHaveLength(8);
    // The first EOS stands behind six tokens; behind the prompt and one token.
    expect((await greedy({ eosTokenId: 3, minLength: 6 }, [0, 1, 2])).indexOf(3)).toBe(6);
    expect((await greedy({ eosTokenId: 3, minNewTokens: 1 }, [0, 1, 2])).indexOf(3)).toBe(6);
  });

  test("may use every position, and one token more, which needs none", async () => {
    expect(await greedy({ maxLength: 10 }, [0], 9)).toHaveLength(10);
    await expect(greedy({ maxLength: 11 }, [0], 9)).rejects.toThrow("the model has 9 positions");
  });

  test("that the prompt has already are refused", async () => {
    await expect(greedy({ maxLength: 3 }, [0, 1, 2])).rejects.toThrow("begins with 3 tokens");
    await expect(greedy({ maxNewTokens: 1 }, [0, 1, 2], 2)).rejects.toThrow("at most 2 tokens");
  });
});

describe("what cannot be generated is refused", () => {
  const model = markovModel(cycle);
  const options = readGenerationArgs({ maxNewTokens: 3 });

  test.each([
    [{ inputIds: [[1], []] }, "at least one token in prompt 1"],
    [{ inputIds: [[4]] }, "from 0 to 3, received 4"],
    [{ inputIds: [[0.5]] }, "received 0.5"],
    [{ inputIds: [[1]], targetPrefix: [[1]] }, "expected an encoder-decoder model"],
    [{ inputIds: [[1]], options: { ...options, badWordsIds: [[1, 9]] } }, "badWordsIds"],
    [{ inputIds: [[1]], options: { ...options, forcedBosTokenId: 9 } }, "forcedBosTokenId"],
    [{ inputIds: [[1]], options: { ...options, suppressTokens: [0, 1, 2, 3] } }, "forbid"],
    [{ inputIds: [[1]], options: { ...options, numBeams: 2, suppressTokens: [0, 1, 2, 3] } }, "forbid"],
  ])("%j", async (request, message) => {
    const before = memory().numTensors;
    await expect(generate(model, { options, ...request })).rejects.toThrow(OptionError);
    await expect(generate(model, { options, ...request })).rejects.toThrow(message);
    expect(memory().numTensors).toBe(before);
  });

  test("an encoder-decoder model without a start token, or with prefixes for other rows", async () => {
    const marian = sized("marian");
    await expect(generate(marian, { inputIds: [[3]], options })).rejects.toThrow("expected decoderStartTokenId");
    const started = { ...options, decoderStartTokenId: 2 };
    await expect(generate(marian, { inputIds: [[3]], options: started, targetPrefix: [] })).rejects.toThrow(
      "each of 1",
    );
    await expect(generate(marian, { inputIds: [[]], options: started })).rejects.toThrow("in source 0");
    marian.dispose();
  });

  test("nothing is generated for no rows", async () => {
    expect(await generate(model, { inputIds: [], options })).toEqual([]);
  });

  test("logits that are no numbers are named with their row and step", async () => {
    const broken = markovModel([...cycle.slice(0, 3), [0, 0, Number.NaN, 0]]);
    const before = memory().numTensors;
    // Zeros of other rows times NaN are NaN, too, on some backends; so the rows are generated one by one.
    const run = generate(broken, { inputIds: [[3]], options });
    await expect(run).rejects.toThrow(NumericError);
    await expect(run).rejects.toThrow(/received NaN for token 2 of row 0 at step 1/);
    expect(memory().numTensors).toBe(before);
    broken.dispose();
  });
});

describe("watching and stopping", () => {
  test.each([{ numBeams: 1 }, { numBeams: 3 }])("every step is reported: %j", async (args) => {
    const model = markovModel(cycle);
    const steps: GenerationStep[] = [];
    const options = readGenerationArgs({ ...args, eosTokenId: 0, maxNewTokens: 4 });
    const rows = await generate(model, { inputIds: [[2], [1]], options, onStep: (step) => steps.push(step) });
    expect(steps.map(({ step }) => step)).toEqual(steps.map((_, i) => i + 1));
    expect(steps.every(({ maxSteps }) => maxSteps === 4)).toBe(true);
    expect(steps[0]?.sequences).toEqual([
      [2, 3],
      [1, 2],
    ]);
    expect(steps.at(-1)).toMatchObject({ unfinished: 0, sequences: rows });
    model.dispose();
  });

  test.each([{ numBeams: 1 }, { numBeams: 2 }])("a signal stops before the next step: %j", async (args) => {
    const model = sized("gpt2");
    const before = memory().numTensors;
    const stop = new AbortController();
    const reason = new Error("enough");
    let steps = 0;
    const run = generate(model, {
      inputIds: [[2], [1, 4]],
      options: readGenerationArgs({ ...args, maxNewTokens: 9 }),
      signal: stop.signal,
      onStep: () => {
        steps += 1;
        if (steps === 2) stop.abort(reason);
      },
    });
    await expect(run).rejects.toBe(reason);
    expect(steps).toBe(2);
    expect(memory().numTensors).toBe(before);
    model.dispose();
  });
});
