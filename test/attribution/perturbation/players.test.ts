/** Perturbed inputs through real models: deletion is the shorter text, and passes, steps and inputs do not matter. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AttributionRequest, attributeSequence, type PassReport } from "../../../src/attribution/engine.ts";
import { createPlayers, createTree, largerLevels } from "../../../src/attribution/perturbation/players.ts";
import type { Sequence } from "../../../src/attribution/sequence.ts";
import { useBackend } from "../../../src/backend/backend.ts";
import type { MethodId, MethodOptions } from "../../../src/method/registry.ts";
import type { Model } from "../../../src/model/model.ts";
import type { Scores } from "../../../src/result/attribution.ts";
import { findScore } from "../../../src/score/registry.ts";
import { memory } from "../../../src/tensor.ts";
import { closeScores } from "../../support/closeScores.ts";
import { request, tinyModel, tinySequence } from "../../support/tinyModels.ts";

beforeAll(async () => {
  await useBackend("auto");
});

const models = new Map<string, Model>();
afterAll(() => {
  for (const model of models.values()) model.dispose();
});
function modelOf(type: Parameters<typeof tinyModel>[0]): Model {
  const model = models.get(type) ?? tinyModel(type, 3);
  models.set(type, model);
  return model;
}

const types = ["gpt2", "llama", "dynamicLlama", "t5", "bart"] as const;
const isDecoderOnly = (type: string): boolean => !["t5", "bart"].includes(type);
const source = [5, 9, 7, 30, 11];
const target = [6, 4, 8, 15, 16, 3];

function sequenceOf(type: string, changes: Partial<Parameters<typeof tinySequence>[0]> = {}): Sequence {
  return tinySequence({ ...(isDecoderOnly(type) ? {} : { source }), target, start: 2, end: 6, ...changes });
}

async function run(
  type: (typeof types)[number],
  method: MethodId,
  options: MethodOptions = {},
  changes: Partial<AttributionRequest> & { sequence?: Sequence } = {},
) {
  const { sequence = sequenceOf(type), ...rest } = changes;
  const asked = request(method, options, { attributeTarget: !isDecoderOnly(type), ...rest });
  return await attributeSequence(modelOf(type), sequence, asked);
}

const at = (scores: Scores | null, token: number, g: number): number =>
  scores?.values[token * (scores.shape[1] ?? 0) + g] ?? Number.NaN;
const numbers = (scores: Scores | null): number[] =>
  [...(scores?.values ?? [])].filter((value) => !Number.isNaN(value));

/** The probability of the token at `t` when the text is this one. */
async function probability(type: (typeof types)[number], sequence: Sequence): Promise<number> {
  const { stepScores } = await attributeSequence(modelOf(type), sequence, request("dummy"));
  return stepScores.probability?.values[0] ?? Number.NaN;
}

describe.each(types)("%s", (type) => {
  const decoderOnly = isDecoderOnly(type);

  test("a deleted token leaves the text that is shorter by it", async () => {
    const scores = await run(type, "leave_one_out");
    const shorter = (ids: readonly number[], token: number) => ids.filter((_, i) => i !== token);
    for (const t of [2, 5]) {
      const whole = scores.stepScores.probability?.values[t - 2] ?? Number.NaN;
      for (let token = decoderOnly ? 0 : 1; token < t; token++) {
        const rest = sequenceOf(type, { target: shorter(target, token), start: t - 1, end: t });
        const drop = whole - (await probability(type, rest));
        expect(Math.abs(at(scores.targetAttributions, token, t - 2) - drop)).toBeLessThan(2e-6);
      }
      for (let token = 0; !decoderOnly && token < source.length; token++) {
        const rest = sequenceOf(type, { source: shorter(source, token), start: t, end: t + 1 });
        const drop = whole - (await probability(type, rest));
        expect(Math.abs(at(scores.sourceAttributions, token, t - 2) - drop)).toBeLessThan(2e-6);
      }
    }
    // The decoder's start stays.
    if (!decoderOnly) expect(at(scores.targetAttributions, 0, 3)).toBe(0);
  });

  test("a replaced token leaves the text with its baseline in its place", async () => {
    const scores = await run(type, "occlusion");
    for (const token of [1, 3]) {
      const other = target.map((id, i) => (i === token ? 1 : id));
      const drop =
        (scores.stepScores.probability?.values[3] ?? Number.NaN) -
        (await probability(type, sequenceOf(type, { target: other, start: 5, end: 6 })));
      expect(Math.abs(at(scores.targetAttributions, token, 3) - drop)).toBeLessThan(2e-6);
    }
  });

  test.each(["replace", "delete", "resample"] as const)("Shapley values add up: %s", async (removal) => {
    const scores = await run(type, "shapley_value_sampling", { removal, nSamples: 2 }, { seed: 4 });
    // What is left of a step when everything is removed is the same for exact values of larger players.
    const same = await run(type, "kernel_shap", { removal, nSamples: 40 }, { seed: 4 });
    const total = ({ sourceAttributions, targetAttributions }: typeof scores, g: number): number =>
      [sourceAttributions, targetAttributions].reduce((sum, part) => {
        const column = Array.from({ length: part?.shape[0] ?? 0 }, (_, i) => at(part, i, g));
        return sum + column.reduce((a, value) => a + (Number.isNaN(value) ? 0 : value), 0);
      }, 0);
    // Other coalitions are drawn anew, so only what is not drawn can be compared.
    for (let g = 0; g < (removal === "resample" ? 0 : 4); g++) {
      expect(Math.abs(total(scores, g) - total(same, g))).toBeLessThan(5e-6);
    }
    expect(numbers(scores.targetAttributions).some((value) => Math.abs(value) > 1e-3)).toBe(true);
  });

  test.each(["replace", "delete", "resample"] as const)("passes, steps and rows do not matter: %s", async (removal) => {
    const options = { removal, nSamples: 12 };
    const whole = await run(type, "lime", options);
    const one = await run(type, "lime", { ...options, perturbationsPerEval: 1 });
    const tight = await run(type, "lime", options, { limits: { memoryBudget: 1 } });
    for (const other of [one, tight]) {
      closeScores(numbers(other.targetAttributions), numbers(whole.targetAttributions), 1e-4);
      closeScores(numbers(other.sourceAttributions), numbers(whole.sourceAttributions), 1e-4);
    }
    const again = await run(type, "lime", options);
    expect(again.targetAttributions?.values).toEqual(whole.targetAttributions?.values);
    const another = await run(type, "lime", options, { seed: 8 });
    expect(another.targetAttributions?.values).not.toEqual(whole.targetAttributions?.values);
  });

  test("one pass for all steps is one for each", async () => {
    const all = await run(type, "leave_one_out");
    for (const t of [2, 4]) {
      const one = await run(type, "leave_one_out", {}, { sequence: sequenceOf(type, { start: t, end: t + 1 }) });
      const column = (scores: Scores | null, g: number) =>
        Array.from({ length: scores?.shape[0] ?? 0 }, (_, i) => at(scores, i, g)).filter((x) => !Number.isNaN(x));
      const close = (a: number[], b: number[]) =>
        closeScores(
          a.map((x) => x + 1),
          b.map((x) => x + 1),
          2e-6,
        );
      close(column(one.targetAttributions, 0), column(all.targetAttributions, t - 2));
      close(column(one.sourceAttributions, 0), column(all.sourceAttributions, t - 2));
    }
  });

  test("tensors are not left behind, and the work is announced before it begins", async () => {
    await run(type, "occlusion");
    const before = memory().numTensors;
    const reports: PassReport[] = [];
    const scores = await run(type, "occlusion", {}, { onPass: (report) => reports.push(report) });
    expect(memory().numTensors).toBe(before);
    const players = (decoderOnly ? 0 : source.length) + target.length - 1;
    expect(reports[0]).toEqual({ rows: 0, done: 0, total: 1 + players });
    expect(reports.at(-1)).toMatchObject({ done: 1 + players, total: 1 + players });
    expect(scores.rows).toBe(1 + players);
  });
});

const contrast = {
  source: null,
  target: null,
  positions: [2, 3, 4, 5],
  ids: [3, 10, 12, 7],
  tokens: ["t3", "t10", "t12", "t7"],
};

test.each(["contrast_prob_diff", "contrast_logits_diff", "pcxmi", "top_p_size", "entropy"])(
  "%s can be explained without a gradient",
  async (id) => {
    const attributed = { id, score: findScore(id), options: id === "top_p_size" ? { topP: 0.9 } : {} };
    const asked = request("occlusion", {}, { attributed, contrasts: [contrast], stepScores: [] });
    const sequence = sequenceOf("gpt2");
    const scores = await attributeSequence(modelOf("gpt2"), sequence, asked);
    const other = sequenceOf("gpt2", { target: target.map((t, i) => (i === 1 ? 1 : t)) });
    const value = async (of: Sequence) =>
      (
        await attributeSequence(
          modelOf("gpt2"),
          of,
          request("dummy", {}, { stepScores: [attributed], contrasts: [contrast] }),
        )
      ).stepScores[id]?.values ?? new Float32Array();
    // Step scores compare with another context, here the same text: only functions of one context can be compared.
    if (!["top_p_size", "entropy"].includes(id)) {
      expect(numbers(scores.targetAttributions).some((x) => Math.abs(x) > 1e-4)).toBe(true);
      return;
    }
    const [here, there] = [await value(sequence), await value(other)];
    for (let g = 0; g < 4; g++) {
      expect(at(scores.targetAttributions, 1, g)).toBeCloseTo((here[g] ?? 0) - (there[g] ?? 1), 4);
    }
  },
);

test("several baselines are averaged", async () => {
  const sequence = sequenceOf("gpt2");
  const baselines = [1, 2].map((id) => ({ source: null, target: target.map(() => id) }));
  const mean = await run("gpt2", "occlusion", {}, { sequence: { ...sequence, baselines } });
  const [a, b] = await Promise.all(
    baselines.map((baseline) => run("gpt2", "occlusion", {}, { sequence: { ...sequence, baselines: [baseline] } })),
  );
  const expected = numbers(a?.targetAttributions ?? null).map(
    (x, i) => (x + (numbers(b?.targetAttributions ?? null)[i] ?? 0)) / 2,
  );
  closeScores(numbers(mean.targetAttributions), expected, 1e-5);
});

test("deletion in another context of the same source is refused before any work", async () => {
  const other = { ...contrast, target: sequenceOf("t5").target };
  const attributed = { id: "contrast_prob_diff", score: findScore("contrast_prob_diff"), options: {} };
  const reports: PassReport[] = [];
  const changes = {
    attributed,
    contrasts: [other],
    contrastForceInputs: true,
    onPass: (r: PassReport) => reports.push(r),
  };
  await expect(run("t5", "leave_one_out", {}, changes)).rejects.toThrow('removal: "delete" cannot be compared');
  expect(reports).toEqual([]);
  await run("t5", "leave_one_out", { removal: "replace" }, changes);
});

describe("players", () => {
  const tokens = ["Ġa", "Ġbi", "rd", ".", "ĠIt", "Ġsa", "ng", "!"];
  const text = " a bird. It sang!";
  const spans = [
    [1, 2],
    [3, 5],
    [5, 7],
    [7, 8],
    [9, 11],
    [12, 14],
    [14, 16],
    [16, 17],
  ] as const;
  const input = { encoding: { ids: tokens.map((_, i) => i), tokens, spans }, length: 7 };

  test.each([
    ["token", [[0], [1], [2], [3], [4], [5], [6]]],
    ["word", [[0], [1, 2, 3], [4], [5, 6]]],
    [
      "sentence",
      [
        [0, 1, 2, 3],
        [4, 5, 6],
      ],
    ],
    [
      [
        [3, 7],
        [9, 16],
      ],
      [
        [1, 2],
        [4, 5, 6],
      ],
    ],
  ] as const)("%j", (players, expected) => {
    expect(text.length).toBe(17);
    expect(createPlayers([input], players).map((player) => player.tokens)).toEqual(expected);
  });

  test.each([
    [
      [
        [3, 7],
        [5, 9],
      ],
      "expected ascending spans of characters [start, end) without overlaps",
    ],
    [[[8, 9]], "found none in [8, 9)"],
  ] as const)("%j is refused", (players, message) => {
    expect(() => createPlayers([input], players)).toThrow(message);
  });

  test("groups within groups are words in sentences, or spans; a single member is no group", () => {
    const players = createPlayers([input], "token");
    expect(createTree([input], players, largerLevels("token"))).toEqual([
      [0, [1, 2, 3]],
      [4, [5, 6]],
    ]);
    expect(createTree([input], createPlayers([input], "word"), largerLevels("word"))).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(createTree([input], players, [[[3, 7]]])).toEqual([0, [1, 2], 3, 4, 5, 6]);
    expect(largerLevels([[0, 3]])).toEqual([]);
    // Of a second input, which spans say nothing about, every player stays by itself.
    const second = createPlayers([input, input], "token");
    expect(createTree([input, input], second, [[[3, 7]]]).slice(6)).toEqual([7, 8, 9, 10, 11, 12, 13]);
  });

  test("documents and turns end where the model begins to write, and cover all tokens", () => {
    const written = { ...input, length: 8, written: 5 };
    const of = (changes: object, players: "document" | "turn") =>
      createPlayers([{ ...written, ...changes }], players).map((player) => player.tokens);
    const [prompt, answer] = [
      [0, 1, 2, 3, 4],
      [5, 6, 7],
    ];
    expect(of({}, "document")).toEqual([prompt, answer]);
    expect(
      of(
        {
          turns: [
            [0, 2],
            [2, 5],
          ],
        },
        "turn",
      ),
    ).toEqual([[0, 1], [2, 3, 4], answer]);
    expect(() => of({}, "turn")).toThrow("expected a conversation");
  });

  test("a word's score is shared by its tokens", async () => {
    const sequence = sequenceOf("gpt2");
    const named = { ...sequence.target, tokens: ["Ġa", "Ġbi", "rd", ".", "ĠIt", "Ġsa"] };
    const words = await run("gpt2", "occlusion", { players: "word" }, { sequence: { ...sequence, target: named } });
    const other = sequenceOf("gpt2", { target: target.map((id, i) => (i >= 1 && i < 4 ? 1 : id)), start: 5, end: 6 });
    const drop = (words.stepScores.probability?.values[3] ?? 0) - (await probability("gpt2", other));
    for (const token of [1, 2, 3]) {
      expect(Math.abs(at(words.targetAttributions, token, 3) - drop / 3)).toBeLessThan(1e-6);
    }
  });
});
