/** Output spans: one step, one score, one backward pass for several generated tokens. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { attributeSequence } from "../../../src/attribution/engine.ts";
import type { AttributionModel } from "../../../src/attributionModel.ts";
import { loadModel } from "../../../src/loadModel.ts";
import { FeatureAttributionOutput } from "../../../src/output.ts";
import type { Scores } from "../../../src/result/attribution.ts";
import { findScore } from "../../../src/score/registry.ts";
import { closeScores } from "../../support/closeScores.ts";
import { request, tinyModel, tinySequence } from "../../support/tinyModels.ts";

/** What steps from ≤ g < to of the first rows add up to, [rows, D]. */
function summed(scores: Scores | null, rows: number, from: number, to: number, share = 1): number[] {
  const [, G = 0, D = 1] = scores?.shape ?? [];
  return Array.from({ length: rows * D }, (_, at) => {
    const [i, d] = [Math.floor(at / D), at % D];
    let total = 0;
    for (let g = from; g < to; g++) {
      const value = scores?.values[(i * G + g) * D + d] ?? Number.NaN;
      total += Number.isNaN(value) ? 0 : value * share;
    }
    return total;
  });
}

/** Column g of the first rows, [rows, D]. */
const column = (scores: Scores | null, rows: number, g: number) => summed(scores, rows, g, g + 1);

const target = [3, 9, 4, 20, 11, 6, 28, 5];
const source = [5, 9, 2, 30, 7];
/** Of different lengths, with a gap between them. */
const spans = [
  [2, 5],
  [6, 7],
  [7, 8],
] as const;

describe.each([
  ["gpt2", "input_x_gradient", {}],
  ["dynamicLlama", "input_x_gradient", {}],
  ["t5", "input_x_gradient", {}],
  ["nllbMoe", "integrated_gradients", { nSteps: 3 }],
  ["gpt2", "layer_gradient_x_activation", { targetLayer: ["decoder.0.mlpOutput", "decoder.1.value"].slice(0, 1) }],
  ["bart", "leave_one_out", {}],
  ["gpt2", "shapley_value_sampling", { nSamples: 3 }],
] as const)("%s, %s: a method that is linear in the score gives spans", (type, method, options) => {
  test.each(["sum", "mean"] as const)("the %s of their tokens' scores", async (reduction) => {
    const model = tinyModel(type, 3);
    const isDecoderOnly = model.kind === "decoder-only";
    const sequence = tinySequence({ ...(isDecoderOnly ? {} : { source }), target, start: 2, end: 8 });
    const logprob = { id: "probability", score: findScore("probability"), options: { logprob: true } };
    const asked = request(method, options, { attributeTarget: !isDecoderOnly, attributed: logprob });
    try {
      const each = await attributeSequence(model, sequence, asked);
      const whole = await attributeSequence(model, sequence, { ...asked, output: { spans, reduction } });
      expect(whole.targetAttributions?.shape.slice(0, 2)).toEqual([target.length + spans.length, spans.length]);
      expect(whole.stepScores.probability?.values.length).toBe(spans.length);
      for (const [n, [from, to]] of spans.entries()) {
        const share = reduction === "mean" ? 1 / (to - from) : 1;
        // A span sees what is before its last token.
        const [seen, first, last] = [to - 1, from - 2, to - 2];
        closeScores(
          column(whole.targetAttributions, seen, n),
          summed(each.targetAttributions, seen, first, last, share),
          2e-5,
        );
        if (!isDecoderOnly) {
          const S = source.length;
          closeScores(
            column(whole.sourceAttributions, S, n),
            summed(each.sourceAttributions, S, first, last, share),
            2e-5,
          );
        }
        const rowsAfter = column(whole.targetAttributions, target.length + spans.length, n).slice(
          column(whole.targetAttributions, seen, n).length,
        );
        expect(rowsAfter.every((x) => x === 0)).toBe(true);
        const p = [...(each.stepScores.probability?.values ?? [])].slice(first, last);
        const product = p.reduce((a, b) => a * b, 1) ** (reduction === "mean" ? 1 / p.length : 1);
        expect(Math.abs((whole.stepScores.probability?.values[n] ?? Number.NaN) / product - 1)).toBeLessThan(1e-5);
      }
    } finally {
      model.dispose();
    }
  });
});

test("a span takes one row where its tokens would take one each", async () => {
  const model = tinyModel("gpt2", 1);
  const sequence = tinySequence({ target, start: 2, end: 8 });
  try {
    const one = await attributeSequence(
      model,
      sequence,
      request("saliency", {}, { output: { spans: [[2, 8]], reduction: "sum" } }),
    );
    expect(one.rows).toBe(1);
    expect((await attributeSequence(model, sequence, request("saliency"))).rows).toBe(6);
  } finally {
    model.dispose();
  }
});

describe("with texts", () => {
  let stories: AttributionModel;
  const prompt = "Anna hid the ring in the cellar. Tom went to the";
  const full = `${prompt} garden. He sat down.`;
  beforeAll(async () => {
    stories = await loadModel("models/demo/stories-gpt2", "input_x_gradient");
  });
  afterAll(() => stories.dispose());

  test("sentences have labels, and the result is shown, saved, aggregated and loaded", async () => {
    const output = await stories.attribute(prompt, full, {
      outputSpans: "sentence",
      attributedFnArgs: { logprob: true },
      stepScores: ["probability"],
    });
    const [sequence] = output.sequenceAttributions;
    const labels = sequence?.target.slice(sequence.attrPosStart).map(({ token, id }) => [token, id]);
    expect(labels).toEqual([
      ["Ġgarden.", -1],
      ["ĠHeĠsatĠdown.", -1],
    ]);
    expect(sequence?.attrPosStart).toBe(stories.encode(full).ids.length);
    expect(output.info.inseq_tfjs).toMatchObject({ span_reduction: "sum" });
    const words = output.aggregate({ aggregator: ["vnorm", "subwords"] });
    expect(words.show()).toContain("down");
    expect(words.toHTML()).toContain("down");
    const loaded = await FeatureAttributionOutput.deserialize(await output.serialize());
    expect(loaded.sequenceAttributions[0]?.equals(sequence as never)).toBe(true);
  });

  test("characters choose a span, and the whole output is one", async () => {
    const start = full.indexOf("He sat");
    const [chosen] = (await stories.attribute(prompt, full, { outputSpans: [[start, start + 6]] }))
      .sequenceAttributions;
    expect(chosen?.target.at(-1)?.token).toBe("ĠHeĠsat");
    const [all] = (await stories.attribute(prompt, full, { outputSpans: "all", spanReduction: "mean" }))
      .sequenceAttributions;
    expect(all?.target.at(-1)?.token).toBe("Ġgarden.ĠHeĠsatĠdown.");
    expect(all?.attrPosEnd).toBe((all?.attrPosStart ?? 0) + 1);
  });

  test.each([
    [{ outputSpans: [] }, /expected at least one span/],
    [{ outputSpans: "sentences" as never }, /did you mean "sentence"/],
    [{ outputSpans: [[0, 4]] as const }, /expected spans with attributed tokens/],
    [{ outputSpans: [[9, 4]] as const }, /outputSpans: expected ascending spans/],
    [{ spanReduction: "sum" as const }, /expected outputSpans beside it/],
    [{ outputSpans: "all" as const, method: "attention" as const }, /expected a method that explains a score/],
    [{ outputSpans: "all" as const, outputStepAttributions: true }, /spans are no steps/],
  ])("%j is refused", async (options, message) => {
    await expect(stories.attribute(prompt, full, options)).rejects.toThrow(message);
  });
});
