/** Items on the demo models: what a question is told is what the library says elsewhere. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AttributionModel } from "../../src/attributionModel.ts";
import { evaluate } from "../../src/evaluate/evaluate.ts";
import type { EvaluationItem } from "../../src/evaluate/item.ts";
import { randomizeParameters } from "../../src/evaluate/randomizeParameters.ts";
import { openSubject, type SubjectOptions } from "../../src/evaluate/subject.ts";
import { loadModel } from "../../src/loadModel.ts";
import { everyone, nobody } from "../../src/method/perturbation/game.ts";
import { tasks } from "../support/groundTruth.ts";

const [stories, translations] = tasks(1000, 1000);
const [story] = stories.items as unknown as [EvaluationItem];
const [translation] = translations.items as unknown as [EvaluationItem];
const models: AttributionModel[] = [];
let gpt2: AttributionModel;
let marian: AttributionModel;
beforeAll(async () => {
  gpt2 = await loadModel(stories.folder);
  marian = await loadModel(translations.folder);
  models.push(gpt2, marian);
});
afterAll(() => {
  for (const model of models) model.dispose();
});

const options: SubjectOptions = {
  where: "item",
  removal: "mean",
  players: "token",
  attributeTarget: false,
  seed: 3,
};

describe("a subject", () => {
  it("has the tokens before the target as players, without special ones, and says where they stand", async () => {
    for (const [model, item] of [
      [gpt2, story],
      [marian, translation],
    ] as const) {
      const subject = await openSubject(model, item, options);
      const { ids } = model.encode(item.input);
      const ordinary = ids.filter((id) => !model.tokenizer.specialIds.has(id));
      expect(subject.players).toBe(ordinary.length);
      for (const { text, span } of subject.descriptions) expect(text).toBe(item.input.slice(...(span ?? [0, 0])));
      const gold = subject.descriptions.filter((_, p) => subject.evidence?.[p] === 1);
      for (const [start, end] of item.evidence ?? []) {
        expect(gold.some(({ span }) => span !== null && span[0] < end && span[1] > start)).toBe(true);
      }
      subject.dispose();
    }
  });

  it("measures the probability of a target of several tokens as their product, and explains the sum", async () => {
    const { foil: _, evidence: __, ...item } = translation;
    const subject = await openSubject(marian, item, { ...options, explained: { attributedFn: "logit" } });
    const whole = [everyone(subject)];
    const output = await marian.attribute(item.input, item.target, {
      method: "dummy",
      stepScores: ["probability", "logit"],
    });
    const { probability, logit } = output.sequenceAttributions[0]?.stepScores ?? {};
    const product = probability?.values.reduce((all, p) => all * p, 1) ?? Number.NaN;
    const sum = logit?.values.reduce((all, z) => all + z, 0) ?? Number.NaN;
    expect(probability?.values.length).toBeGreaterThan(2);
    const [measured = 0] = await subject.value(whole);
    const [logarithm = 0] = await subject.value(whole, "logprob");
    const [explained = 0] = await subject.value(whole, "explained");
    // Sums of float32 numbers in another order of operations.
    expect(Math.abs(measured / product - 1)).toBeLessThan(1e-4);
    expect(Math.exp(logarithm)).toBeCloseTo(measured, 12);
    expect(Math.abs(explained / sum - 1)).toBeLessThan(1e-5);
    subject.dispose();
  });

  it("thins out nothing where all is kept, and takes everything away where nothing is", async () => {
    for (const [model, item] of [
      [gpt2, story],
      [marian, translation],
    ] as const) {
      const subject = await openSubject(model, item, { ...options, removal: "zero" });
      const full = (share: number) => new Float64Array(subject.players).fill(share);
      const rows = await subject.thinned([full(1), full(0), full(0.5)], 0);
      const [[none = 1], [all = 0], [half = 0]] = rows as [Float64Array, Float64Array, Float64Array];
      // √ of probabilities that differ by float32's rounding between rows of a batch.
      expect(none).toBeLessThan(1e-6);
      expect(all).toBeGreaterThan(1e-3);
      expect(all).toBeLessThanOrEqual(2);
      const [again] = await subject.thinned([full(1)], 0);
      expect(again?.[0]).toBeLessThan(1e-6);
      const otherDraws = await subject.thinned([full(0.5)], 1000);
      expect(otherDraws[0]?.[0]).not.toBe(half);
      subject.dispose();
    }
  });

  it("thins out whole words as removing them to zeros does, whatever is drawn", async () => {
    for (const [model, item] of [
      [gpt2, story],
      [marian, translation],
    ] as const) {
      const subject = await openSubject(model, item, { ...options, removal: "zero" });
      const kept = Uint8Array.from({ length: subject.players }, (_, p) => (p % 3 === 0 ? 0 : 1));
      const [[distance = Number.NaN] = []] = await subject.thinned([Float64Array.from(kept)], 0);
      const [[again] = []] = await subject.thinned([Float64Array.from(kept)], 777);
      expect(again).toBe(distance);
      const [p = Number.NaN, q = Number.NaN] = await subject.value([everyone(subject), kept]);
      // Distributions are as far from each other as the target's probability beside all else is, or farther.
      const least = (Math.sqrt(p) - Math.sqrt(q)) ** 2 + (Math.sqrt(1 - p) - Math.sqrt(1 - q)) ** 2;
      expect(least).toBeGreaterThan(1e-3);
      expect(distance).toBeGreaterThan(least - 1e-5);
      expect(distance).toBeLessThan(2);
      subject.dispose();
    }
  });

  it("moves with noise, by the seed, and not at all with a radius of 0", async () => {
    const valueWith = async (radius: number, seed: number): Promise<number> => {
      const subject = await openSubject(marian, translation, { ...options, noise: { radius, seed } });
      const [value = Number.NaN] = await subject.value([everyone(subject)], "logprob");
      subject.dispose();
      return value;
    };
    const still = await valueWith(0, 1);
    const plain = await openSubject(marian, translation, options);
    expect(still).toBe((await plain.value([everyone(plain)], "logprob"))[0]);
    plain.dispose();
    expect(await valueWith(0.1, 1)).toBe(await valueWith(0.1, 1));
    expect(await valueWith(0.1, 1)).not.toBe(await valueWith(0.1, 2));
    expect(Math.abs((await valueWith(1e-4, 1)) - still)).toBeLessThan(Math.abs((await valueWith(1, 1)) - still));
  });

  it("plays by words, sentences or spans of the input, and with the target's beginning", async () => {
    const count = async (more: Partial<SubjectOptions>, item = translation): Promise<number> => {
      const subject = await openSubject(marian, item, { ...options, ...more });
      const { players } = subject;
      const values = await subject.value([everyone(subject), nobody(subject)]);
      expect(values.every(Number.isFinite)).toBe(true);
      subject.dispose();
      return players;
    };
    const evidence = translation.evidence ?? [];
    const words = await count({ players: "word" });
    expect(words).toBe(translation.input.split(" ").length);
    expect(await count({ players: "sentence" })).toBeLessThan(words);
    expect(await count({ players: evidence })).toBe(evidence.length);
    const late = { input: translation.input, target: translation.target, positions: [3, 4] } as const;
    expect(await count({ attributeTarget: true }, late)).toBe((await count({}, late)) + 2);
  });

  it("has no player but special tokens: refused", async () => {
    const item = { input: "</s>", target: "a" };
    await expect(openSubject(marian, item, options)).rejects.toThrow(/special tokens only/);
  });
});

describe("methods against floors", () => {
  const quick = { metrics: ["leave_one_out_correlation"], removal: "delete" } as const;

  it("leave-one-out as a floor is the library's method", async () => {
    const deletion = { name: "method", method: "occlusion", options: { removal: "delete" } } as const;
    for (const [model, item] of [
      [gpt2, story],
      [marian, translation],
    ] as const) {
      const [floor, method] = await evaluate(model, [item], { ...quick, methods: ["leave_one_out", deletion] });
      const largest = Math.max(...(method?.scores ?? []).map(Math.abs));
      for (const [p, score] of (floor?.scores ?? []).entries()) {
        expect(Math.abs(score - (method?.scores[p] ?? Number.NaN))).toBeLessThan(1e-4 * largest);
      }
      expect(floor?.results[0]?.value).toBe(1);
    }
  });

  it.each(["mean", "zero"] as const)("methods start from what stands for removed players: %s", async (removal) => {
    const shapley = { name: "shapley", method: "shapley_value_sampling", options: { nSamples: 1 } } as const;
    const other = { ...shapley, name: "other", options: { ...shapley.options, baseline: "unk" } } as const;
    const records = await evaluate(marian, [translation], {
      methods: [shapley, other],
      metrics: ["completeness_gap"],
      removal,
    });
    const [own, ofOther] = records.map(({ results }) => results[0]?.value ?? Number.NaN);
    expect(own).toBeLessThan(1e-5);
    expect(ofOther).toBeGreaterThan(1e-3);
  });

  it("scores that do not look at the model never change; those of a method do", async () => {
    const other = await loadModel(translations.folder);
    models.push(other);
    await randomizeParameters(other, 1);
    const records = await evaluate(marian, [translation], {
      methods: ["random", "recency", "leave_one_out", "input_x_gradient"],
      metrics: [{ name: "sensitivity", metric: "max_sensitivity", options: { samples: 2 } }, "parameter_randomization"],
      randomized: other,
    });
    const [random, recency, alone, gradient] = records.map(({ results }) => results.map(({ value }) => value));
    expect([random, recency]).toEqual([
      [0, 1],
      [0, 1],
    ]);
    for (const [sensitivity, correlation] of [alone, gradient] as [number, number][]) {
      expect(sensitivity).toBeGreaterThan(0);
      expect(correlation).toBeLessThan(0.9);
    }
  });

  it("random weights have the scale of the learnt ones, come from the seed, and are refused in fewer bits", async () => {
    const compact = await loadModel(translations.folder, "saliency", { quantize: "int8" });
    models.push(compact);
    await expect(randomizeParameters(compact)).rejects.toThrow(/fewer bits/);
    const logits = async (seed: number) => {
      const model = await loadModel(translations.folder);
      await randomizeParameters(model, seed);
      const output = await model.attribute(translation.input, translation.target, {
        method: "dummy",
        stepScores: ["logit"],
      });
      model.dispose();
      return output.sequenceAttributions[0]?.stepScores.logit?.values;
    };
    const first = await logits(1);
    expect(await logits(1)).toEqual(first);
    expect(await logits(2)).not.toEqual(first);
    expect(first?.every((logit) => Number.isFinite(logit) && Math.abs(logit) < 1e3)).toBe(true);
  });
});
