/**
 * What holds for every gradient method, and for those that read the inside of the model: encoder-decoder models with and
 * without targets, single steps, contrasts, dummies.
 */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { attributeSequence, type SequenceScores } from "../../src/attribution/engine.ts";
import { useBackend } from "../../src/backend/backend.ts";
import { type Method, type MethodId, type MethodOptions, methods, scoresTokens } from "../../src/method/registry.ts";
import type { Model } from "../../src/model/model.ts";
import type { Scores } from "../../src/result/attribution.ts";
import { findScore } from "../../src/score/registry.ts";
import { memory } from "../../src/tensor.ts";
import { closeScores } from "../support/closeScores.ts";
import { request, tinyModel, tinySequence } from "../support/tinyModels.ts";

const models: Record<string, Model> = {};
beforeAll(async () => {
  await useBackend("auto");
  models.gpt2 = tinyModel("gpt2", 3);
  models.dynamicLlama = tinyModel("dynamicLlama", 3);
  models.t5 = tinyModel("t5", 2);
});
afterAll(() => {
  for (const model of Object.values(models)) model.dispose();
});

const decoderOnly = tinySequence({ target: [3, 9, 4, 20, 11, 6], start: 2, end: 6 });
const encoderDecoder = tinySequence({ source: [5, 9, 2, 30, 7], target: [0, 4, 8, 15], start: 1, end: 4 });
const gradientMethods = (Object.keys(methods) as MethodId[]).filter((id) =>
  ["embeddings", "sites"].includes(methods[id].on),
);
/** Few points: what is tested holds for any number. */
const options: MethodOptions = { nSteps: 4, nSamples: 3, nNeighbors: 4 };
const optionsOf = (id: MethodId): MethodOptions =>
  Object.fromEntries(
    Object.entries(options).filter(([name]) => (methods[id].options as readonly string[]).includes(name)),
  );
const values = (scores: Scores | null): number[] => [...(scores?.values ?? [])];

async function run(kind: string, id: MethodId, changes: Parameters<typeof request>[2] = {}): Promise<SequenceScores> {
  const sequence = kind === "t5" ? encoderDecoder : decoderOnly;
  return await attributeSequence(models[kind] as Model, sequence, request(id, optionsOf(id), changes));
}

describe.each(gradientMethods)("%s", (id) => {
  test("scores the source alone, or source and target, and leaves nothing behind", async () => {
    await run("t5", id);
    const before = memory().numTensors;
    const source = await run("t5", id);
    expect(source.sourceAttributions?.shape.slice(0, 2)).toEqual([5, 3]);
    expect(source.targetAttributions).toBeNull();
    const both = await run("t5", id, { attributeTarget: true });
    expect(both.sourceAttributions?.shape.slice(0, 2)).toEqual([5, 3]);
    expect(both.targetAttributions?.shape.slice(0, 2)).toEqual([4, 3]);
    expect(memory().numTensors).toBe(before);
    for (const { sourceAttributions, targetAttributions } of [source, both]) {
      const finite = [...values(sourceAttributions), ...values(targetAttributions)].filter((x) => !Number.isNaN(x));
      expect(finite.some((x) => x !== 0)).toBe(true);
    }
  });

  test("one step alone has the same scores as among others, also where lengths matter", async () => {
    for (const kind of ["gpt2", "dynamicLlama"]) {
      const all = await run(kind, id);
      const [, G = 0, D = 0] = all.targetAttributions?.shape ?? [];
      for (const t of [2, 5]) {
        const one = await attributeSequence(
          models[kind] as Model,
          { ...decoderOnly, start: t, end: t + 1 },
          request(id, optionsOf(id)),
        );
        const column = Array.from({ length: t }, (_, i) =>
          values(all.targetAttributions).slice((i * G + t - 2) * D, (i * G + t - 1) * D),
        ).flat();
        closeScores(column, values(one.targetAttributions).slice(0, t * D), 2e-4);
      }
    }
  });

  test("explains differences to other tokens", async () => {
    const contrast = {
      source: null,
      target: null,
      positions: [2, 3, 4, 5],
      ids: [3, 10, 12, 20],
      tokens: ["t3", "t10", "t12", "t20"],
    };
    const attributed = (name: string) => ({
      attributed: { id: name, score: findScore(name), options: {} },
      contrasts: [contrast],
    });
    const difference = await run("gpt2", id, attributed("contrast_logits_diff"));
    expect(values(difference.targetAttributions).some((x) => !Number.isNaN(x) && x !== 0)).toBe(true);
    // A token compared with itself makes no difference.
    const same = { ...contrast, ids: decoderOnly.target.ids.slice(2, 6) };
    const none = await run("gpt2", id, { ...attributed("contrast_logits_diff"), contrasts: [same] });
    const largest = Math.max(
      ...values(difference.targetAttributions)
        .filter((x) => !Number.isNaN(x))
        .map(Math.abs),
    );
    for (const x of values(none.targetAttributions))
      if (!Number.isNaN(x)) expect(Math.abs(x)).toBeLessThan(1e-5 * largest);
  });

  test.skipIf(methods[id].usesBaseline === false || ["internal_influence"].includes(id))(
    "a token that is its own baseline gets nothing",
    async () => {
      const baselines = [{ source: null, target: [3, 1, 4, 1, 1, 1] }];
      const asked = request(id, optionsOf(id));
      const result = await attributeSequence(models.gpt2 as Model, { ...decoderOnly, baselines }, asked);
      const [, G = 0, D = 0] = result.targetAttributions?.shape ?? [];
      // Token 2 is its own baseline; at the embeddings that is all there is to it.
      const rows = values(result.targetAttributions).slice(2 * G * D, 3 * G * D);
      const scores = rows.filter((x) => !Number.isNaN(x));
      expect(scores.length).toBeGreaterThan(0);
      expect(scores.every((x) => x === 0)).toBe(true);
    },
  );

  test.skipIf(!methods[id].usesBaseline)("is the mean over several baselines, or draws from them", async () => {
    const other = { source: null, target: decoderOnly.target.ids.map(() => 17) };
    const [first] = decoderOnly.baselines;
    const of = async (baselines: typeof decoderOnly.baselines) =>
      values(
        (await attributeSequence(models.gpt2 as Model, { ...decoderOnly, baselines }, request(id, optionsOf(id))))
          .targetAttributions,
      );
    const [a, b, both] = [
      await of([first as typeof other]),
      await of([other]),
      await of([first as typeof other, other]),
    ];
    if (methods[id].usesBaseline === "all") return expect(both).not.toEqual(a);
    closeScores(
      both,
      a.map((x, i) => (x + (b[i] ?? Number.NaN)) / 2),
      1e-5,
    );
  });
});

const internalsMethods = (Object.keys(methods) as MethodId[]).filter(
  (id) => methods[id].on === "internals" && scoresTokens(id),
);

describe.each(internalsMethods)("%s", (id) => {
  const method: Method = methods[id];
  const explains = method.on === "internals" ? method.explains : "nothing";

  test("scores the source alone, or source and target, and leaves nothing behind", async () => {
    await run("t5", id);
    const before = memory().numTensors;
    const source = await run("t5", id);
    expect(source.sourceAttributions?.shape.slice(0, 2)).toEqual([5, 3]);
    expect(source.targetAttributions).toBeNull();
    const both = await run("t5", id, { attributeTarget: true });
    expect(both.sourceAttributions?.shape).toEqual(source.sourceAttributions?.shape);
    expect(both.targetAttributions?.shape.slice(0, 2)).toEqual([4, 3]);
    expect(memory().numTensors).toBe(before);
    for (const { sourceAttributions, targetAttributions } of [source, both]) {
      const finite = [...values(sourceAttributions), ...values(targetAttributions)].filter((x) => !Number.isNaN(x));
      expect(finite.some((x) => x !== 0)).toBe(true);
    }
  });

  test("one step alone has the same scores as among others", async () => {
    const all = await run("gpt2", id);
    const [, G = 0, ...inner] = all.targetAttributions?.shape ?? [];
    const D = inner.reduce((product, n) => product * n, 1);
    for (const t of [2, 5]) {
      const sequence = { ...decoderOnly, start: t, end: t + 1 };
      const one = await attributeSequence(models.gpt2 as Model, sequence, request(id, optionsOf(id)));
      const column = Array.from({ length: t }, (_, i) =>
        values(all.targetAttributions).slice((i * G + t - 2) * D, (i * G + t - 1) * D),
      ).flat();
      expect(column.length).toBe(t * D);
      closeScores(column, values(one.targetAttributions).slice(0, t * D), 2e-4);
    }
  });

  test.skipIf(explains === "nothing")("a token compared with itself makes no difference", async () => {
    const name = "contrast_logits_diff";
    const asked = (ids: readonly number[]) => ({
      attributed: { id: name, score: findScore(name), options: {} },
      contrasts: [{ source: null, target: null, positions: [2, 3, 4, 5], ids, tokens: ids.map(String) }],
    });
    const largest = (scores: Scores | null) =>
      Math.max(
        ...values(scores)
          .filter((x) => !Number.isNaN(x))
          .map(Math.abs),
      );
    const other = await run("gpt2", id, asked([3, 10, 12, 20]));
    const same = await run("gpt2", id, asked(decoderOnly.target.ids.slice(2, 6)));
    expect(largest(other.targetAttributions)).toBeGreaterThan(0);
    expect(largest(same.targetAttributions)).toBeLessThan(1e-5 * largest(other.targetAttributions));
  });
});
