import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as processors from "../../../src/model/generation/logitsProcessors.ts";
import { readGenerationArgs } from "../../../src/model/generation/options.ts";
import { processorChain } from "../../../src/model/generation/processorChain.ts";
import * as warpers from "../../../src/model/generation/warpers.ts";
import { goldenPath } from "../../support/goldenResults.ts";

interface Case {
  readonly kind: string;
  readonly args: readonly unknown[];
  readonly ids: readonly number[];
  readonly scores: readonly (number | null)[];
  readonly result: readonly (number | null)[];
}

const cases = (JSON.parse(readFileSync(goldenPath("generation.json"), "utf8")) as { processors: Case[] }).processors;
const none = Number.NEGATIVE_INFINITY;
const floats = (values: readonly (number | null)[]): Float32Array => Float32Array.from(values, (x) => x ?? none);

describe("a processor gives what Hugging Face's gives", () => {
  test.each(cases.map((it) => [it.kind, JSON.stringify(it.args), it] as const))("%s(%s)", (kind, _args, it) => {
    const make = Object.entries({ ...processors, ...warpers }).find(([name]) => name === kind)?.[1];
    if (make === undefined) throw new Error(`no processor ${kind}`);
    const built = Reflect.apply(make, undefined, it.args) as (...of: unknown[]) => Float32Array;
    const scores = floats(it.scores);
    const result = kind in warpers ? built(scores) : built(it.ids, scores);
    expect(result).toEqual(floats(it.result));
    expect(scores).toEqual(floats(it.scores));
  });
});

const V = 11;
const anyScores = fc
  .array(fc.float({ min: -20, max: 20, noNaN: true }), { minLength: V, maxLength: V })
  .map((values) => Float32Array.from(values));
const someIds = fc.array(fc.integer({ min: 0, max: V - 1 }), { minLength: 1, maxLength: 12 });
const alive = (scores: Float32Array): number[] => [...scores.keys()].filter((id) => (scores[id] ?? none) > none);

describe("rules about what has been written", () => {
  test("no run of n tokens can be repeated, and nothing else is forbidden", () => {
    fc.assert(
      fc.property(someIds, anyScores, fc.integer({ min: 1, max: 4 }), (ids, scores, n) => {
        const allowed = alive(processors.noRepeatNgram(n)(ids, scores));
        const runs = ids.map((_, i) => ids.slice(i, i + n).join()).filter((_, i) => i + n <= ids.length);
        const fresh = [...scores.keys()].filter((id) => !runs.includes([...ids.slice(ids.length + 1 - n), id].join()));
        expect(allowed).toEqual(ids.length < n ? [...scores.keys()] : fresh);
      }),
    );
  });

  test("a repetition penalty above 1 only lowers scores, and only of tokens that occurred", () => {
    fc.assert(
      fc.property(someIds, anyScores, fc.double({ min: 1.01, max: 5, noNaN: true }), (ids, scores, penalty) => {
        const result = processors.repetitionPenalty(penalty)(ids, scores);
        for (const [id, score] of scores.entries()) {
          if (ids.includes(id)) expect(result[id]).toBeLessThanOrEqual(score);
          else expect(result[id]).toBe(score);
        }
      }),
    );
  });

  test("a bad word cannot be completed, its beginning can be written", () => {
    const words = [[3, 4, 5], [6], [2, 2]];
    const scores = new Float32Array(V);
    const forbidden = (ids: number[]) =>
      [...scores.keys()].filter((id) => !alive(processors.badWords(words, [])(ids, scores)).includes(id));
    expect(forbidden([3])).toEqual([6]);
    expect(forbidden([3, 4])).toEqual([5, 6]);
    expect(forbidden([1, 2])).toEqual([2, 6]);
    expect(alive(processors.badWords([[6]], [6])([1], scores))).toHaveLength(V);
  });

  test("log softmax gives probabilities that sum to 1", () => {
    fc.assert(
      fc.property(anyScores, (scores) => {
        const sum = processors.logSoftmax(scores).reduce((total, x) => total + Math.exp(x), 0);
        // float32 log probabilities: each has a relative error of 6e-8 times its magnitude, which is 40 at most.
        expect(Math.abs(sum - 1)).toBeLessThan(1e-5);
      }),
    );
  });
});

describe("warpers", () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });

  test("keep the likeliest token, at least as many as asked, and never change a score that stays", () => {
    fc.assert(
      fc.property(anyScores, share, fc.integer({ min: 1, max: V }), (scores, p, keep) => {
        const all = [warpers.topK(1 + Math.floor(p * V), keep), warpers.topP(p, keep), warpers.minP(p, keep)];
        for (const warp of all) {
          const result = warp(scores);
          expect(alive(result).length).toBeGreaterThanOrEqual(keep);
          for (const id of alive(result)) expect(result[id]).toBe(scores[id]);
          expect(Math.max(...result)).toBe(Math.max(...scores));
          // Whatever stays is at least as likely as whatever goes.
          const gone = [...scores.keys()].filter((id) => !alive(result).includes(id)).map((id) => scores[id] ?? none);
          expect(Math.min(...alive(result).map((id) => scores[id] ?? none))).toBeGreaterThanOrEqual(Math.max(...gone));
        }
        expect(alive(warpers.typicalP(Math.max(p, 0.01), keep)(scores)).length).toBeGreaterThanOrEqual(keep);
      }),
    );
  });

  test("top-k keeps k of any number of tokens", () => {
    const size = 1000;
    const order = fc.shuffledSubarray([...new Array(size).keys()], { minLength: size });
    fc.assert(
      fc.property(order, fc.integer({ min: 1, max: size }), (values, k) => {
        const kept = alive(warpers.topK(k)(Float32Array.from(values)));
        expect(kept).toEqual([...values.keys()].filter((id) => (values[id] ?? 0) >= size - k));
      }),
      { numRuns: 30 },
    );
  });

  test("top-p keeps probability p with the fewest tokens", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: -50, max: 50 }), { minLength: V, maxLength: V }),
        share,
        (values, p) => {
          const scores = Float32Array.from(values, (value) => value / 10);
          const log = processors.logSoftmax(scores);
          const kept = alive(warpers.topP(p)(scores)).map((id) => Math.exp(log[id] ?? none));
          const sum = kept.reduce((a, b) => a + b, 0);
          // Slack for probabilities that are float32.
          expect(sum).toBeGreaterThanOrEqual(p - 1e-5);
          if (kept.length > 1) expect(sum - Math.min(...kept)).toBeLessThan(p + 1e-5);
        },
      ),
    );
  });
});

describe("the chain", () => {
  const row = { startLength: 3, minLength: 0, maxLength: 10, inputIds: [1, 2, 3] };

  test("does nothing by default", () => {
    const scores = Float32Array.from([1, 2, 3]);
    expect(processorChain(readGenerationArgs({}), row)([1], scores)).toBe(scores);
  });

  test("forces a token even when it is a bad word, but not when it is suppressed", () => {
    const args = { forcedEosTokenId: 2, badWordsIds: [[2]], eosTokenId: 1 };
    const ids = [0, 0, 0, 0, 0, 0, 0, 0, 0];
    const scores = new Float32Array(3);
    expect(alive(processorChain(readGenerationArgs(args), row)(ids, scores))).toEqual([2]);
    expect(alive(processorChain(readGenerationArgs({ ...args, suppressTokens: [2] }), row)(ids, scores))).toEqual([]);
  });

  test("keeps one token more than there are EOS tokens when beams are drawn", () => {
    const args = { doSample: true, topK: 1, numBeams: 2, eosTokenId: [0, 1] };
    const scores = Float32Array.from([4, 3, 2, 1]);
    expect(alive(processorChain(readGenerationArgs(args), row)([1], scores))).toEqual([0, 1, 2]);
  });

  test("refuses to raise the score of an EOS that does not exist", () => {
    const options = readGenerationArgs({ exponentialDecayLengthPenalty: [1, 2] });
    expect(() => processorChain(options, row)).toThrow("expected eosTokenId");
  });
});
