/** What holds for every method that perturbs: backends, batches, encoder-decoder models with and without targets, contrasts. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { attributeSequence, type SequenceScores } from "../../../src/attribution/engine.ts";
import { resolveOptions } from "../../../src/attribution/options.ts";
import { useBackend } from "../../../src/backend/backend.ts";
import { loadModel } from "../../../src/loadModel.ts";
import { type MethodId, type MethodOptions, methods } from "../../../src/method/registry.ts";
import { findScore } from "../../../src/score/registry.ts";
import { closeScores } from "../../support/closeScores.ts";
import { request, tinyModel, tinySequence } from "../../support/tinyModels.ts";

const perturbing = (Object.keys(methods) as MethodId[]).filter((id) => methods[id].on === "players");
/** Few samples, and players few enough to try all coalitions. */
const few: MethodOptions = { nSamples: 8, maxProbeSteps: 2, numProbes: 2, players: "token" };
const optionsOf = (id: MethodId): MethodOptions =>
  Object.fromEntries(
    Object.entries(few).filter(([name]) => name === "players" || (methods[id].options as string[]).includes(name)),
  );
const explainsOne = (id: MethodId): boolean => "explains" in methods[id];

const decoderOnly = tinySequence({ target: [3, 9, 4, 20, 11], start: 3, end: 5 });
const encoderDecoder = tinySequence({ source: [5, 9, 7], target: [0, 4, 8, 15], start: 2, end: 4 });
const numbers = ({ sourceAttributions, targetAttributions }: SequenceScores): number[] =>
  [...(sourceAttributions?.values ?? []), ...(targetAttributions?.values ?? [])].filter((x) => !Number.isNaN(x));

/** The scores of all methods on one backend, on models with the same weights. */
async function everything(backend: "auto" | "cpu"): Promise<Map<string, number[]>> {
  await useBackend(backend);
  const found = new Map<string, number[]>();
  const [gpt2, t5] = [tinyModel("gpt2", 3), tinyModel("t5", 2)];
  const contrast = { source: null, target: null, positions: [3, 4], ids: [3, 10] };
  const attributed = { id: "contrast_logits_diff", score: findScore("contrast_logits_diff"), options: {} };
  for (const id of perturbing) {
    const run = async (name: string, ...[model, sequence, changes]: [typeof gpt2, typeof decoderOnly, object]) =>
      found.set(
        `${id} ${name}`,
        numbers(await attributeSequence(model, sequence, request(id, optionsOf(id), changes))),
      );
    await run("decoder-only", gpt2, decoderOnly, {});
    await run("source", t5, encoderDecoder, {});
    await run("source and target", t5, encoderDecoder, { attributeTarget: true });
    if (!explainsOne(id)) await run("contrast", gpt2, decoderOnly, { attributed, contrasts: [contrast] });
  }
  gpt2.dispose();
  t5.dispose();
  return found;
}

describe("every method that perturbs", () => {
  const scores: Record<string, Map<string, number[]>> = {};
  beforeAll(async () => {
    scores.fast = await everything("auto");
    scores.cpu = await everything("cpu");
    await useBackend("auto");
    // Some seconds of plain JavaScript on a quiet core.
  }, 120_000);

  test.each(perturbing)("%s: something everywhere, and the same on two backends", (id) => {
    const names = ["decoder-only", "source", "source and target", ...(explainsOne(id) ? [] : ["contrast"])];
    for (const name of names) {
      const [fast = [], cpu = []] = [scores.fast?.get(`${id} ${name}`), scores.cpu?.get(`${id} ${name}`)];
      expect(fast.some((x) => x !== 0)).toBe(true);
      closeScores(fast, cpu, 1e-4);
    }
    expect(scores.fast?.get(`${id} source`)?.length).toBe(3 * 2);
    expect(scores.fast?.get(`${id} source and target`)?.length).toBeGreaterThan(3 * 2);
  });

  test.each(perturbing.filter(explainsOne))("%s refuses another function", (id) => {
    const asked = { attributedFn: "contrast_prob_diff", contrastTargets: "x" };
    expect(() => resolveOptions(id, {}, asked)).toThrow(`attributedFn: ${id} explains`);
  });
});

describe("on the demo model", () => {
  const models: Awaited<ReturnType<typeof loadModel>>[] = [];
  beforeAll(async () => {
    models.push(await loadModel("models/demo/stories-gpt2"));
  });
  afterAll(() => {
    for (const model of models) model.dispose();
  });

  test.each(perturbing)("%s: a batch is its single runs", async (id) => {
    const [model] = models as [Awaited<ReturnType<typeof loadModel>>];
    const texts = ["Anna went to", "The ring was in the"];
    const continued = ["Anna went to the", "The ring was in the cellar"];
    const options = { ...optionsOf(id), method: id } as Parameters<typeof model.attribute>[2];
    const batch = await model.attribute(texts, continued, options);
    for (const [i, text] of texts.entries()) {
      const one = await model.attribute(text, continued[i], options);
      closeScores(
        [...(batch.sequenceAttributions[i]?.targetAttributions?.values ?? [])].filter((x) => !Number.isNaN(x)),
        [...(one.sequenceAttributions[0]?.targetAttributions?.values ?? [])].filter((x) => !Number.isNaN(x)),
        1e-5,
      );
    }
  });
});
