/** Attention rollout: its rows are distributions, and it is the paper's product of the maps that `attention` gives. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { attributeSequence } from "../../../src/attribution/engine.ts";
import { useBackend } from "../../../src/backend/backend.ts";
import type { Model } from "../../../src/model/model.ts";
import type { Scores } from "../../../src/result/attribution.ts";
import { closeScores } from "../../support/closeScores.ts";
import { request, tinyModel, tinySequence } from "../../support/tinyModels.ts";

const models: Record<string, Model> = {};
beforeAll(async () => {
  await useBackend("auto");
  for (const type of ["gpt2", "llama", "t5", "bart"] as const) models[type] = tinyModel(type, 5);
});
afterAll(() => {
  for (const model of Object.values(models)) model.dispose();
});

const target = [0, 4, 8, 15, 6];
const source = [5, 9, 2];
/** All queries of the decoder. */
const [start, end] = [1, 5];
const T = end - 1;
const S = source.length;

async function run(type: string, ...[method, options]: Parameters<typeof request>) {
  const model = models[type] as Model;
  const sequence = tinySequence(
    model.kind === "decoder-only" ? { target, start, end } : { source, target, start, end },
  );
  return await attributeSequence(model, sequence, request(method, options, { attributeTarget: S > 0 }));
}

/** The mean over the chosen heads of one layer, [queries, keys]. */
function averaged({ shape: [K = 0, G = 0, L = 0, H = 0], values }: Scores, layer: number, heads: number[]): number[][] {
  const at = (key: number, g: number, head: number) => values[((key * G + g) * L + layer) * H + head] ?? Number.NaN;
  return Array.from({ length: G }, (_, g) =>
    Array.from({ length: K }, (_, key) => {
      const mean = heads.reduce((sum, head) => sum + at(key, g, head), 0) / heads.length;
      return Number.isNaN(mean) ? 0 : mean;
    }),
  );
}

/** ½ (A from + to) */
const mixed = (a: number[][], from: number[][], to: number[][]): number[][] =>
  to.map((row, i) =>
    row.map((own, j) => 0.5 * (own + from.reduce((sum, line, k) => sum + (a[i]?.[k] ?? 0) * (line[j] ?? 0), 0))),
  );
const unit = (size: number, before = 0, after = 0): number[][] =>
  Array.from({ length: size }, (_, i) =>
    Array.from({ length: before + size + after }, (_, j) => (j === before + i ? 1 : 0)),
  );

/** Column by column, NaN as 0. */
const columns = (scores: Scores | null): number[][] => {
  const [K = 0, G = 0] = scores?.shape ?? [];
  return Array.from({ length: G }, (_, g) =>
    Array.from({ length: K }, (_, key) => {
      const value = scores?.values[key * G + g] ?? Number.NaN;
      return Number.isNaN(value) ? 0 : value;
    }),
  );
};

test.each(["gpt2", "llama"])("%s: is the product of ½ (A + I), and a distribution", async (type) => {
  const maps = (await run(type, "attention")).targetAttributions as Scores;
  for (const heads of [undefined, [0, 2]]) {
    const used = heads ?? Array.from({ length: maps.shape[3] ?? 0 }, (_, head) => head);
    let expected = unit(T);
    for (const layer of [0, 1]) expected = mixed(averaged(maps, layer, used), expected, expected);
    const { targetAttributions } = await run(type, "attention_rollout", heads && { rolloutHeads: heads });
    const received = columns(targetAttributions);
    closeScores(
      received.flat(),
      expected.flatMap((row) => [...row, 0]),
      1e-5,
    );
    for (const row of received) expect(row.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 5);
  }
});

describe.each(["t5", "bart"])("%s", (type) => {
  test("mixes the encoder's rows in by cross-attention, and shares everything among source and prefix", async () => {
    const maps = await run(type, "attention");
    const heads = (scores: Scores) => Array.from({ length: scores.shape[3] ?? 0 }, (_, head) => head);
    const layer = (scores: Scores, l: number) => averaged(scores, l, heads(scores));
    let encoder = unit(S, 0, T);
    const encoderMaps = maps.sequenceScores.encoder_self_attentions as Scores;
    for (const l of [0, 1]) encoder = mixed(layer(encoderMaps, l), encoder, encoder);
    let expected = unit(T, S);
    for (const l of [0, 1]) {
      expected = mixed(layer(maps.targetAttributions as Scores, l), expected, expected);
      expected = mixed(layer(maps.sourceAttributions as Scores, l), encoder, expected);
    }
    const { sourceAttributions, targetAttributions } = await run(type, "attention_rollout");
    const target = columns(targetAttributions);
    const received = columns(sourceAttributions).map((row, g) => [...row, ...(target[g] ?? []).slice(0, T)]);
    closeScores(received.flat(), expected.flat(), 1e-5);
    for (const row of received) expect(row.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 5);
  });
});

test("a layer without chosen heads passes everything on", async () => {
  const { targetAttributions } = await run("gpt2", "attention_rollout", { rolloutHeads: { 7: 0 } });
  expect(columns(targetAttributions).map((row) => row.slice(0, T))).toEqual(unit(T));
});
