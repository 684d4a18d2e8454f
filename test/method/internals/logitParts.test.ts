/** Direct logit attribution, ALTI-Logit and the logit lens: parts add up to the logit, and are what leaving them away takes. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { attributeSequence, type SequenceScores } from "../../../src/attribution/engine.ts";
import { resolveOptions } from "../../../src/attribution/options.ts";
import type { Contrast } from "../../../src/attribution/texts/contrast.ts";
import { useBackend } from "../../../src/backend/backend.ts";
import type { MethodId, MethodOptions } from "../../../src/method/registry.ts";
import type { Model } from "../../../src/model/model.ts";
import type { Scores } from "../../../src/result/attribution.ts";
import { findScore } from "../../../src/score/registry.ts";
import { memory } from "../../../src/tensor.ts";
import { closeScores } from "../../support/closeScores.ts";
import { goldenModel, logits } from "../../support/models.ts";
import { request, tinyModel, tinySequence } from "../../support/tinyModels.ts";

const models: Record<string, Model> = {};
beforeAll(async () => {
  await useBackend("auto");
  for (const type of ["gpt2", "llama", "t5"] as const) models[type] = await goldenModel(type);
  models.tiny = tinyModel("gpt2", 5);
});
afterAll(() => {
  for (const model of Object.values(models)) model.dispose();
});

const target = [0, 4, 8, 15, 6];
const sequenceOf = (model: Model, [start, end] = [1, 5]) =>
  model.kind === "decoder-only"
    ? tinySequence({ target, start, end })
    : tinySequence({ source: [5, 9, 2], target, start, end });
const contrast: Contrast = {
  source: null,
  target: null,
  positions: [1, 2, 3, 4],
  ids: [7, 3, 15, 9],
  tokens: ["t7", "t3", "t15", "t9"],
};
const asked = (id: string) => ({ attributed: { id, score: findScore(id), options: {} } });

async function run(type: string, method: MethodId, changes: object = {}, options: MethodOptions = {}) {
  const model = models[type] as Model;
  return await attributeSequence(
    model,
    sequenceOf(model),
    request(method, options, { attributeTarget: true, ...changes }),
  );
}

/** The sum of all attributions of each step. */
function sums({ sourceAttributions, targetAttributions }: SequenceScores): number[] {
  const totals = [0, 0, 0, 0];
  for (const scores of [sourceAttributions, targetAttributions]) {
    const [, G = 1, ...rest] = scores?.shape ?? [];
    const each = rest.reduce((product, length) => product * length, 1);
    for (const [i, value] of (scores?.values ?? []).entries()) {
      const g = Math.floor(i / each) % G;
      if (!Number.isNaN(value)) totals[g] = (totals[g] ?? 0) + value;
    }
  }
  return totals;
}
const step = (scores: SequenceScores, id: string): number[] => [...(scores.stepScores[id]?.values ?? [])];

describe.each(["gpt2", "llama", "t5"])("%s", (type) => {
  test.each([
    ["direct_logit_attribution", ["embedding_logit", "bias_logit"]],
    ["alti_logit", ["embedding_logit", "mlp_logit", "bias_logit"]],
  ] as const)("%s adds up to the logit, and to the difference of two", async (method, others) => {
    for (const id of ["logit", "contrast_logits_diff"]) {
      const wanted = { ...asked(id), contrasts: id === "logit" ? [] : [contrast] };
      await run(type, method, wanted);
      const before = memory().numTensors;
      const scores = await run(type, method, wanted);
      expect(memory().numTensors).toBe(before);
      const total = sums(scores).map((sum, g) =>
        others.reduce((all, other) => all + (step(scores, other)[g] ?? 0), sum),
      );
      // Sums over layers, tokens and heads, which are larger than what they sum to.
      closeScores(total, step(scores, "logit"), 5e-4);
      const model = await run(type, "logit_lens", wanted);
      closeScores(step(scores, "logit"), step(model, `lens_${(models[type] as Model).facts.layers}`), 1e-5);
      // Constants are no larger than what the biases can make: the parts explain the rest.
      expect(Math.max(...sums(scores).map(Math.abs))).toBeGreaterThan(1e-3);
    }
  });

  test("the lens after the last layer is the model itself, and ranks count what is larger", async () => {
    const model = models[type] as Model;
    const L = model.facts.layers;
    const own = await attributeSequence(model, sequenceOf(model), request("dummy"));
    const lens = await run(type, "logit_lens", {}, { lensRanks: true });
    expect(lens.targetAttributions).toBeNull();
    expect(Object.keys(lens.stepScores).length).toBe(2 * (L + 1));
    closeScores(step(lens, `lens_${L}`), step(own, "probability"), 1e-5);
    if (model.kind !== "decoder-only") return;
    const values = logits(model, { targetIds: [target.slice(0, 4)] });
    const V = model.facts.vocabSize;
    const ranks = [0, 1, 2, 3].map((t) => {
      const row = [...values.slice(t * V, (t + 1) * V)];
      return 1 + row.filter((z) => z > (row[target[t + 1] ?? 0] ?? 0)).length;
    });
    expect(step(lens, `lens_rank_${L}`)).toEqual(ranks);
  });
});

test("T5 without targets: the source's part is the same, and nothing of the prefix is shown", async () => {
  for (const method of ["direct_logit_attribution", "alti_logit"] as const) {
    const both = await run("t5", method, asked("logit"));
    const source = await run("t5", method, { ...asked("logit"), attributeTarget: false });
    expect(source.targetAttributions).toBeNull();
    closeScores([...(source.sourceAttributions?.values ?? [])], [...(both.sourceAttributions?.values ?? [])], 1e-6);
  }
});

test("GPT-2: the last layer's heads and feed-forward part are what leaving them away takes from the logit", async () => {
  const scores = (await run("tiny", "direct_logit_attribution", asked("logit"))).targetAttributions as Scores;
  const [K = 0, G = 0, L = 0, U = 0] = scores.shape;
  const part = (g: number, unit: number): number => {
    let total = 0;
    for (let key = 0; key <= g; key++) total += scores.values[((key * G + g) * L + L - 1) * U + unit] ?? 0;
    return total;
  };
  expect([K, G, L, U]).toEqual([5, 4, 2, 4]);
  // The readout of the last state with the norm of the whole: by hand, from the weights.
  const weights = new Map(
    (models.tiny as Model).layers
      .flatMap((layer) => layer.weights)
      .map((weight) => [weight.name.replace(/_\d+$/, ""), weight.read().dataSync()] as const),
  );
  const find = (name: string) => [...weights].find(([full]) => full.includes(name))?.[1] ?? [];
  const seen = new Map<string, Float32Array>();
  logits(models.tiny as Model, {
    targetIds: [target.slice(0, 4)],
    sites: {
      wants: ({ name, layer }) => layer === 1 && ["headOutput", "mlpOutput", "blockOutput"].includes(name),
      visit(site, x) {
        seen.set(site.name, Float32Array.from(x.dataSync()));
        return x;
      },
    },
  });
  const [D, T, H, Kh] = [12, 4, 3, 4];
  const row = (x: ArrayLike<number> | undefined, i: number): number[] =>
    Array.from({ length: D }, (_, d) => x?.[i * D + d] ?? 0);
  for (let g = 0; g < G; g++) {
    const whole = row(seen.get("blockOutput"), g);
    const mean = whole.reduce((sum, x) => sum + x, 0) / D;
    const std = Math.sqrt(whole.reduce((sum, x) => sum + (x - mean) ** 2, 0) / D + 1e-5);
    const read = row(find("tokens.table"), target[g + 1] ?? 0);
    const along = (vector: number[]): number => {
      const middle = vector.reduce((sum, x) => sum + x, 0) / D;
      return vector.reduce(
        (sum, x, d) => sum + (((x - middle) * (find("finalNorm.scale")[d] ?? 0)) / std) * (read[d] ?? 0),
        0,
      );
    };
    const kernel = find("blocks.1.attention.output.kernel");
    for (let h = 0; h < H; h++) {
      const vector = Array.from({ length: D }, (_, d) => {
        let total = 0;
        for (let k = 0; k < Kh; k++)
          total += (seen.get("headOutput")?.[(h * T + g) * Kh + k] ?? 0) * (kernel[(h * Kh + k) * D + d] ?? 0);
        return total;
      });
      expect(part(g, h)).toBeCloseTo(along(vector), 4);
    }
    expect(part(g, H)).toBeCloseTo(along(row(seen.get("mlpOutput"), g)), 4);
  }
});

test("one step alone has the same scores as among others", async () => {
  for (const method of ["direct_logit_attribution", "alti_logit"] as const) {
    const all = await run("llama", method, asked("logit"));
    const model = models.llama as Model;
    const one = await attributeSequence(model, sequenceOf(model, [3, 4]), request(method, {}, asked("logit")));
    const [, G = 0, ...rest] = all.targetAttributions?.shape ?? [];
    const each = rest.reduce((product, length) => product * length, 1);
    const column = [0, 1, 2].flatMap((key) => [
      ...(all.targetAttributions?.values.slice((key * G + 2) * each, (key * G + 3) * each) ?? []),
    ]);
    closeScores([...(one.targetAttributions?.values.slice(0, 3 * each) ?? [])], column, 1e-5);
  }
});

describe("refuses", () => {
  test("models whose stream is normalised, or whose logits have a soft cap, before any work", async () => {
    const [marian, gemma2] = [await goldenModel("marian"), await goldenModel("gemma2")];
    const before = memory().numTensors;
    await expect(attributeSequence(marian, sequenceOf(marian), request("alti_logit"))).rejects.toThrow(
      "alti_logit: expected a model whose blocks add to what enters them, received marian, where encoder.0.blockOutput is " +
        "normalised; take layer_gradient_x_activation for this model",
    );
    await expect(attributeSequence(gemma2, sequenceOf(gemma2), request("direct_logit_attribution"))).rejects.toThrow(
      "direct_logit_attribution: expected a model whose attention's output is an affine function of its heads",
    );
    expect(memory().numTensors).toBe(before);
    marian.dispose();
    gemma2.dispose();
  });

  test("what is not linear in the logits, and contexts", () => {
    expect(resolveOptions("direct_logit_attribution", {}, {}).attributed.id).toBe("logit");
    expect(resolveOptions("logit_lens", {}, {}).attributed.id).toBe("probability");
    expect(() => resolveOptions("alti_logit", {}, { attributedFn: "probability" })).toThrow(
      "attributedFn: expected one of logit, contrast_logits, contrast_logits_diff for alti_logit, which divides what is " +
        'linear in the logits, received "probability"',
    );
    expect(() =>
      resolveOptions(
        "logit_lens",
        {},
        {
          attributedFn: "contrast_prob_diff",
          contrastTargets: "x",
          contrastForceInputs: true,
        },
      ),
    ).toThrow("contrastForceInputs: expected a method that attributes inputs, received logit_lens");
  });
});
