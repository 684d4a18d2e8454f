/** Theorems about attributions, on small models with random weights. */

import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { attributeSequence } from "../../src/attribution/engine.ts";
import type { Model } from "../../src/model/model.ts";
import type { Scores } from "../../src/result/attribution.ts";
import { findScore } from "../../src/score/registry.ts";
import { memory } from "../../src/tensor.ts";
import { describeOnBackends } from "../support/backends.ts";
import {
  request,
  tinyDecoderOnly,
  tinyEncoderDecoder,
  tinyModel,
  tinySequence,
  VOCABULARY,
} from "../support/tinyModels.ts";

const models: Model[] = [];
const model = (...args: Parameters<typeof tinyModel>): Model => {
  const made = tinyModel(...args);
  models.push(made);
  return made;
};
afterEach(() => {
  for (const made of models.splice(0)) made.dispose();
});

const ids = (length: number) =>
  fc.array(fc.integer({ min: 2, max: VOCABULARY - 1 }), { minLength: length, maxLength: length });

/** The column of one step, [positions, D]. */
function column(scores: Scores | null, g: number): number[] {
  if (scores === null) throw new Error("expected scores");
  const [rows = 0, G = 0, D = 0] = scores.shape;
  return Array.from({ length: rows }, (_, i) => [
    ...scores.values.subarray((i * G + g) * D, (i * G + g + 1) * D),
  ]).flat();
}

/** Float32 sums in another order: 1e-5 of the largest. */
function expectClose(received: readonly number[], expected: readonly number[], tolerance = 1e-5): void {
  expect(received.length).toBe(expected.length);
  const largest = Math.max(...expected.filter(Number.isFinite).map(Math.abs), 1e-12);
  for (const [i, value] of expected.entries()) {
    const actual = received[i] ?? Number.POSITIVE_INFINITY;
    if (Number.isNaN(value)) expect(actual, `element ${i}`).toBeNaN();
    else
      expect(Math.abs(actual - value), `element ${i}: ${actual} instead of ${value}`).toBeLessThanOrEqual(
        tolerance * largest,
      );
  }
}

describeOnBackends("the engine", (backend) => {
  // TensorFlow adds in another order for each number of rows, of which random models make up to 4e-5.
  const anyRows = backend === "tensorflow" ? 1e-4 : 1e-5;

  test.each(tinyDecoderOnly)("%s: one pass over all steps equals one pass for each step", async (type) => {
    const subject = model(type, 3);
    await fc.assert(
      fc.asyncProperty(ids(7), async (target) => {
        const all = await attributeSequence(subject, tinySequence({ target, start: 2, end: 7 }), request("saliency"));
        for (let t = 2; t < 7; t++) {
          const sequence = tinySequence({ target, start: t, end: t + 1 });
          const one = await attributeSequence(subject, sequence, request("saliency"));
          const rows = one.targetAttributions?.shape[0] ?? 0;
          const [, , D = 0] = one.targetAttributions?.shape ?? [];
          const [some, alone] = [column(all.targetAttributions, t - 2), column(one.targetAttributions, 0)];
          expectClose(some.slice(0, rows * D), alone, anyRows);
          expectClose(
            [all.stepScores.probability?.values[t - 2] ?? NaN],
            [...(one.stepScores.probability?.values ?? [])],
            anyRows,
          );
        }
      }),
      { numRuns: 3 },
    );
  });

  test.each(tinyEncoderDecoder)("%s: the same with a source and a target", async (type) => {
    const subject = model(type, 5);
    const both = { attributeTarget: true };
    const [source, target] = [
      [5, 9, 2, 30, 7],
      [0, 4, 8, 15, 16],
    ];
    const all = await attributeSequence(
      subject,
      tinySequence({ source, target, start: 1, end: 5 }),
      request("input_x_gradient", {}, both),
    );
    for (let t = 1; t < 5; t++) {
      const sequence = tinySequence({ source, target, start: t, end: t + 1 });
      const one = await attributeSequence(subject, sequence, request("input_x_gradient", {}, both));
      expectClose(column(all.sourceAttributions, t - 1), column(one.sourceAttributions, 0), anyRows);
      const length = column(one.targetAttributions, 0).length;
      expectClose(column(all.targetAttributions, t - 1).slice(0, length), column(one.targetAttributions, 0), anyRows);
    }
  });

  test("the number of rows in a pass changes nothing but the work's order", async () => {
    const subject = model("gpt2", 1);
    const sequence = tinySequence({ target: [3, 9, 4, 20, 11, 6, 28, 5], start: 3, end: 8 });
    const whole = await attributeSequence(subject, sequence, request("integrated_gradients", { nSteps: 7 }));
    for (const internalBatchSize of [1, 2, 3, 11]) {
      const options = { nSteps: 7, internalBatchSize };
      const chunked = await attributeSequence(subject, sequence, request("integrated_gradients", options));
      expectClose([...(chunked.targetAttributions?.values ?? [])], [...(whole.targetAttributions?.values ?? [])]);
    }
    const tight = await attributeSequence(
      subject,
      sequence,
      request("integrated_gradients", { nSteps: 7 }, { limits: { memoryBudget: 1 } }),
    );
    expectClose([...(tight.targetAttributions?.values ?? [])], [...(whole.targetAttributions?.values ?? [])]);
  });

  test.each(["gpt2", "t5"] as const)("%s: integrated gradients sum to the change in score", async (type) => {
    const subject = model(type, 2);
    const sequence = tinySequence({
      ...(type === "t5" ? { source: [5, 9, 2, 30, 7] } : {}),
      target: [0, 9, 4, 20, 11, 6],
      start: 2,
      // Plain JavaScript takes seconds for the many points of every step.
      end: backend === "cpu" ? 3 : 6,
    });
    const options = { nSteps: type === "t5" ? 512 : 128, returnConvergenceDelta: true };
    const result = await attributeSequence(
      subject,
      sequence,
      request("integrated_gradients", options, { attributeTarget: type === "t5" }),
    );
    // So many Gauss-Legendre points integrate these steep paths to float32's own accuracy: sums of about a hundred terms of
    // size ≤ 1 with a relative error of 6e-8 each.
    for (const delta of result.stepScores.deltas?.values ?? []) expect(Math.abs(delta)).toBeLessThan(2e-5);
    const coarse = await attributeSequence(
      subject,
      sequence,
      request("integrated_gradients", { ...options, nSteps: 1 }, { attributeTarget: type === "t5" }),
    );
    // The same test sees an integral that is not converged.
    expect(Math.max(...(coarse.stepScores.deltas?.values ?? []).map(Math.abs))).toBeGreaterThan(1e-4);
  });

  test("a token after the attributed one has no influence, and no score", async () => {
    const subject = model("gpt2", 4);
    const target = [3, 9, 4, 20, 11, 6, 28];
    const changed = [3, 9, 4, 20, 11, 13, 2];
    const [a, b] = [
      await attributeSequence(subject, tinySequence({ target, start: 2, end: 7 }), request("saliency")),
      await attributeSequence(subject, tinySequence({ target: changed, start: 2, end: 7 }), request("saliency")),
    ];
    for (const g of [0, 1, 2]) expectClose(column(a.targetAttributions, g), column(b.targetAttributions, g), 1e-6);
    expect(column(a.targetAttributions, 4)).not.toEqual(column(b.targetAttributions, 4));
    const [rows = 0, G = 0, D = 0] = a.targetAttributions?.shape ?? [];
    for (let i = 0; i < rows; i++) {
      for (let g = 0; g < G; g++) {
        const value = a.targetAttributions?.values[(i * G + g) * D] ?? 0;
        expect(Number.isNaN(value), `token ${i}, step ${g}`).toBe(i >= 2 + g);
      }
    }
  });

  test("gradients are those of finite differences", async () => {
    const subject = model("gpt2", 8);
    if (subject.kind !== "decoder-only") throw new Error("expected a decoder-only model");
    const target = [3, 9, 4, 20, 11];
    const signed = await attributeSequence(
      subject,
      tinySequence({ target, start: 4, end: 5 }),
      request("saliency", { abs: false }, { attributed: { id: "logit", score: findScore("logit"), options: {} } }),
    );
    const { tensor, tidy, add, mul, scalar, reshape, select } = await import("../support/finiteDifferences.ts");
    const [, , D = 0] = signed.targetAttributions?.shape ?? [];
    const direction = Float32Array.from({ length: 4 * D }, (_, i) => Math.sin(1 + 7 * i));
    const h = 1e-2;
    const at = (step: number): number =>
      tidy(() => {
        const x = subject.embed(tensor(target.slice(0, 4), [1, 4], "int32"));
        const moved = add(x, mul(scalar(step), reshape(tensor(direction, [4 * D]), [1, 4, D])));
        const logits = subject.forward({ embeddings_BTD: moved, targets_B: tensor([3], [1], "int32") });
        return select(logits, tensor([11], [1], "int32"));
      }).dataSync()[0] ?? NaN;
    const numeric = (at(h) - at(-h)) / (2 * h);
    const analytic = direction.reduce((sum, d, i) => sum + d * (signed.targetAttributions?.values[i] ?? NaN), 0);
    // Central differences at h = 1e-2 leave an error of h² f‴/6 and 1e-7/h of rounding.
    expect(Math.abs(numeric - analytic)).toBeLessThan(2e-3 * Math.max(1, Math.abs(analytic)));
  });

  test("an input at its baseline gets nothing from integrated gradients", async () => {
    const subject = model("llama", 6);
    const target = [3, 1, 4, 20, 1, 6];
    const result = await attributeSequence(
      subject,
      tinySequence({ target, start: 3, end: 6 }),
      request("integrated_gradients", { nSteps: 5 }),
    );
    const [, G = 0, D = 0] = result.targetAttributions?.shape ?? [];
    for (let g = 0; g < G; g++) {
      for (let d = 0; d < D; d++) expect(result.targetAttributions?.values[(1 * G + g) * D + d]).toBeCloseTo(0, 12);
    }
  });

  test("attention of a step is the row of the position that predicted it, and sums to one", async () => {
    const subject = model("gpt2", 9);
    const result = await attributeSequence(
      subject,
      tinySequence({ target: [3, 9, 4, 20, 11], start: 2, end: 5 }),
      request("attention"),
    );
    const [T = 0, G = 0, L = 0, H = 0] = result.targetAttributions?.shape ?? [];
    expect([T, G, L, H]).toEqual([5, 3, 2, 3]);
    for (let g = 0; g < G; g++) {
      for (let lh = 0; lh < L * H; lh++) {
        const keys = Array.from(
          { length: 2 + g },
          (_, i) => result.targetAttributions?.values[(i * G + g) * L * H + lh] ?? NaN,
        );
        expect(keys.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 5);
      }
    }
  });

  test.each(["saliency", "integrated_gradients", "attention", "dummy"] as const)(
    "%s leaves no tensor behind",
    async (method) => {
      for (const type of ["gpt2", "t5"] as const) {
        const subject = model(type, 7);
        const sequence = tinySequence({
          ...(type === "t5" ? { source: [5, 9, 2] } : {}),
          target: [0, 9, 4, 20, 11],
          start: 2,
          end: 5,
        });
        const options = method === "integrated_gradients" ? { nSteps: 3, returnConvergenceDelta: true } : {};
        const before = memory().numTensors;
        await attributeSequence(subject, sequence, request(method, options, { attributeTarget: type === "t5" }));
        expect(memory().numTensors).toBe(before);
      }
    },
  );

  test("a failing attributed function leaves no tensor behind, and its error comes through", async () => {
    const subject = model("gpt2", 7);
    const sequence = tinySequence({ target: [0, 9, 4, 20, 11], start: 2, end: 5 });
    const before = memory().numTensors;
    const broken = {
      ...findScore("logit"),
      compute: () => {
        throw new Error("made to fail");
      },
    };
    const failing = request("saliency", {}, { attributed: { id: "broken", score: broken, options: {} } });
    await expect(attributeSequence(subject, sequence, failing)).rejects.toThrow("made to fail");
    expect(memory().numTensors).toBe(before);
  });

  test("an attribution that is not finite is named where it is first seen, and nothing is left behind", async () => {
    const subject = model("gpt2", 7);
    const sequence = tinySequence({ target: [0, 9, 4, 20, 11], start: 2, end: 5 });
    const { mul, scalar } = await import("../../src/tensor.ts");
    const huge = {
      ...findScore("logit"),
      compute: (step: Parameters<ReturnType<typeof findScore>["compute"]>[0]) =>
        mul(mul(findScore("logit").compute(step), scalar(1e30)), scalar(1e30)),
    };
    const before = memory().numTensors;
    const failing = request("saliency", {}, { attributed: { id: "huge", score: huge, options: {} } });
    await expect(attributeSequence(subject, sequence, failing)).rejects.toThrow(
      /expected finite scores, received -?Infinity|expected finite scores, received NaN/,
    );
    expect(memory().numTensors).toBe(before);
  });

  test("a score that is not finite is named where it is first seen", async () => {
    const subject = model("gpt2", 7);
    const sequence = tinySequence({ target: [0, 9, 4, 20, 11], start: 2, end: 5 });
    const { log, neg } = await import("../../src/tensor.ts");
    const bad = {
      ...findScore("logit"),
      compute: ({ logits_RV }: { logits_RV: Parameters<typeof log>[0] }) => log(neg(logits_RV)),
    };
    await expect(
      attributeSequence(
        subject,
        sequence,
        request("saliency", {}, { stepScores: [{ id: "bad", score: bad, options: {} }] }),
      ),
    ).rejects.toThrow(/step score bad: expected finite numbers/);
  });
});
