/**
 * Input × gradient of segments, forwards, is the signed sum of input × gradient over their tokens, for every family of models
 * and every score that can be differentiated.
 */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadArchitecture } from "../../../models/load.ts";
import { type AttributionRequest, attributeSequence, type SequenceScores } from "../../../src/attribution/engine.ts";
import { resolveOptions } from "../../../src/attribution/options.ts";
import type { Contrast } from "../../../src/attribution/texts/contrast.ts";
import { useBackend } from "../../../src/backend/backend.ts";
import { loadModel } from "../../../src/loadModel.ts";
import type { MethodOptions } from "../../../src/method/registry.ts";
import type { Model } from "../../../src/model/model.ts";
import { openFolder } from "../../../src/platform/node.ts";
import type { Scores } from "../../../src/result/attribution.ts";
import { findScore, listStepFunctions } from "../../../src/score/registry.ts";
import { int32, memory, mul, scalar, softmax, tidy } from "../../../src/tensor.ts";
import { presentBackends, useEmulatedCuda } from "../../support/backends.ts";
import { closeScores } from "../../support/closeScores.ts";
import { architectures, goldenPath, isDecoderOnly } from "../../support/goldenResults.ts";
import { floats } from "../../support/models.ts";
import { request, tinyModel, tinySequence } from "../../support/tinyModels.ts";

beforeAll(async () => {
  await useBackend("auto");
});

const source = [5, 9, 7, 30, 11];
const target = [6, 4, 8, 15, 16];
const text = tinySequence({ target, start: 2, end: 5 });
const translation = tinySequence({ source, target, start: 2, end: 5 });
/** The baseline that input × gradient has: zero. */
const fromZero = (sequence: typeof text): typeof text => ({
  ...sequence,
  baselines: [{ source: sequence.source?.ids.map(() => "zero" as const) ?? null, target: target.map(() => "zero") }],
});
const sequenceOf = (model: Model): typeof text => fromZero(model.kind === "decoder-only" ? text : translation);
const contrast: Contrast = {
  source: null,
  target: null,
  positions: [2, 3, 4],
  ids: [3, 10, 12],
  tokens: ["t3", "t10", "t12"],
};

/** Scores of single tokens, forwards, and the signed sums of input × gradient; what no step sees is NaN in both. */
async function bothWays(
  model: Model,
  changes: Partial<AttributionRequest> = {},
  options: MethodOptions = {},
): Promise<{ forwards: number[]; backwards: number[]; size: number }> {
  const sequence = sequenceOf(model);
  const asked = { attributeTarget: model.kind !== "decoder-only", ...changes };
  const players = request("segment_input_x_gradient", { players: "token", ...options }, asked);
  const forwards = await attributeSequence(model, sequence, players);
  const backwards = await attributeSequence(model, sequence, request("input_x_gradient", {}, asked));
  return {
    forwards: all(forwards, (scores) => [...scores.values]),
    backwards: all(backwards, sumsOverWidth(Number)),
    size: Math.max(...all(backwards, sumsOverWidth(Math.abs)).filter((x) => !Number.isNaN(x))),
  };
}

const all = (
  { sourceAttributions, targetAttributions }: SequenceScores,
  read: (scores: Scores) => number[],
): number[] => [sourceAttributions, targetAttributions].flatMap((scores) => (scores === null ? [] : read(scores)));

const sumsOverWidth =
  (of: (x: number) => number) =>
  ({ shape, values }: Scores): number[] => {
    const D = shape[2] ?? 1;
    return Array.from({ length: values.length / D }, (_, i) =>
      values.subarray(i * D, (i + 1) * D).reduce((total, x) => total + of(x), 0),
    );
  };

/** To float32's accuracy: of the largest sum of absolute values, because terms may cancel. */
function expectEqual({ forwards, backwards, size }: Awaited<ReturnType<typeof bothWays>>): void {
  expect(forwards.map(Number.isNaN)).toEqual(backwards.map(Number.isNaN));
  const worst = Math.max(...forwards.map((x, i) => Math.abs(x - (backwards[i] ?? 0))).filter((x) => !Number.isNaN(x)));
  expect(worst / size).toBeLessThan(1e-5);
  expect(size).toBeGreaterThan(0);
}

describe("equals the sum of input × gradient", () => {
  test.each(architectures)("%s", async (architecture) => {
    const { model } = await loadArchitecture(await openFolder(goldenPath(architecture, "model")));
    try {
      expect(model.kind === "decoder-only").toBe(isDecoderOnly(architecture));
      expectEqual(await bothWays(model));
    } finally {
      model.dispose();
    }
  });

  test.each(listStepFunctions().filter((id) => findScore(id).differentiable && findScore(id).contrast !== "context"))(
    "of %s",
    async (id) => {
      for (const kind of ["llama", "bart"] as const) {
        const model = tinyModel(kind, 4);
        const attributed = { id, score: findScore(id), options: {} };
        expectEqual(await bothWays(model, { attributed, contrasts: [contrast] }));
        model.dispose();
      }
    },
  );

  test("where frequencies depend on the length, and of experts", async () => {
    for (const kind of ["dynamicLlama", "nllbMoe"] as const) {
      const model = tinyModel(kind, 4);
      expectEqual(await bothWays(model));
      model.dispose();
    }
  });

  test("of output spans, and of the source alone", async () => {
    const model = tinyModel("t5", 4);
    const output = { spans: [[2, 4] as const, [4, 5] as const], reduction: "mean" as const };
    for (const changes of [{ output }, { attributeTarget: false }]) {
      expectEqual(await bothWays(model, changes));
    }
    model.dispose();
  });

  test("in as many passes as the limits ask for, and leaves nothing behind", async () => {
    const model = tinyModel("gpt2", 4);
    await bothWays(model);
    const before = memory().numTensors;
    const whole = await bothWays(model);
    const parts = await bothWays(model, { limits: { memoryBudget: 1 } });
    const two = await bothWays(model, {}, { perturbationsPerEval: 2 });
    expect(memory().numTensors).toBe(before);
    for (const { forwards } of [parts, two]) closeScores(forwards, whole.forwards, 1e-5);
    model.dispose();
  });
});

test("all segments together are the derivative along the embeddings, by finite differences", async () => {
  const model = tinyModel("llama", 4);
  if (model.kind !== "decoder-only") throw new Error("expected a decoder-only model");
  const { forwards } = await bothWays(model);
  const G = 3;
  const h = 1e-2;
  /** Probabilities of the three tokens at (1 + t) x. */
  const at = (t: number): number[] =>
    Array.from({ length: G }, (_, g) => {
      const p_1V = tidy(() => {
        const x_1TD = mul(model.embed(int32(target.slice(0, 2 + g), [1, 2 + g])), scalar(1 + t));
        return softmax(model.forward({ embeddings_BTD: x_1TD, targets_B: int32([1 + g]) }), -1);
      });
      return floats(p_1V)[target[2 + g] ?? 0] ?? Number.NaN;
    });
  const [more, less] = [at(h), at(-h)];
  for (let g = 0; g < G; g++) {
    const together = forwards.filter((x, i) => i % G === g && !Number.isNaN(x)).reduce((total, x) => total + x, 0);
    const difference = ((more[g] ?? 0) - (less[g] ?? 0)) / (2 * h);
    expect(Math.abs(together - difference)).toBeLessThan(1e-3 * Math.max(0.1, Math.abs(difference)));
  }
  model.dispose();
});

describe("of a text's parts", () => {
  const chat_template = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}";
  const messages = [
    { role: "user", content: "Anna hid the ring in the cellar." },
    { role: "assistant", content: "Then she went home. The ring was in the" },
  ];
  const documents = "[1] Anna hid the ring.\n[2] Tom hid the key.\nQuestion: where is the ring? In the";
  let model: Awaited<ReturnType<typeof loadModel>>;
  beforeAll(async () => {
    model = await loadModel("models/demo/stories-gpt2", "dummy", { tokenizerKwargs: { chat_template } });
  });
  afterAll(() => model.dispose());

  test.each([
    ["document", "documents", documents, 4],
    ["paragraph", "paragraphs", documents.replaceAll("\n", "\n\n"), 4],
    ["turn", "turns", messages, 5],
  ] as const)("players: %s", async (players, aggregator, input, rows) => {
    const options = { generationArgs: { max_new_tokens: 3, do_sample: false } };
    const forwards = await model.attribute(input, null, { method: "segment_input_x_gradient", players, ...options });
    const backwards = await model.attribute(input, null, {
      method: "input_x_gradient",
      widthReduction: "sum",
      ...options,
    });
    // What is written already is a segment, too; of a conversation, what its template writes.
    expect(forwards.info.inseq_tfjs).toMatchObject({ rows });
    const sums = { aggregator, aggregateFn: "sum", aggregateGenerated: false } as const;
    const [mine, theirs] = [forwards, backwards].map((output) => {
      const [sequence] = output.aggregate(sums).sequenceAttributions;
      // The first segments of each; the tokens written since stay single.
      return [...(sequence?.targetAttributions?.values ?? [])].slice(0, 3 * (rows - 1));
    });
    expect(mine?.length).toBe(3 * (rows - 1));
    closeScores(mine ?? [], theirs ?? [], 1e-4);
  });

  test("turns are those of a conversation", async () => {
    const asked = { method: "segment_input_x_gradient", players: "turn" } as const;
    await expect(model.attribute("The ring", "The ring was", asked)).rejects.toThrow(
      'players: "turn" expected a conversation',
    );
  });
});

test("without a baseline special tokens count, too: every token has what input × gradient gives it", async () => {
  const model = await loadModel("models/demo/translation-marian");
  const attribute = async (options: object) => {
    // Of probabilities near 1 little is left of terms that cancel.
    const asked = { attributeTarget: true, attrPosEnd: 4, attributedFn: "logit", ...options } as const;
    const output = await model.attribute("Annem bir mühendis.", "My mother is an engineer.", asked);
    const [sequence] = output.sequenceAttributions;
    return [sequence?.sourceAttributions, sequence?.targetAttributions].flatMap((scores) => [
      ...(scores?.values ?? []),
    ]);
  };
  const forwards = await attribute({ method: "segment_input_x_gradient", players: "token" });
  const backwards = await attribute({ method: "input_x_gradient", widthReduction: "sum" });
  closeScores(forwards, backwards, 1e-4);
  expect(forwards.filter((x) => x === 0)).toEqual([]);
  model.dispose();
});

test("goes from a baseline, and averages over several", async () => {
  const model = tinyModel("gpt2", 4);
  const [one, other] = [1, 17].map((id) => ({ source: null, target: target.map(() => id) }));
  const of = async (baselines: typeof text.baselines) => {
    const asked = request("segment_input_x_gradient", { players: "token" });
    const result = await attributeSequence(model, { ...text, baselines }, asked);
    return [...(result.targetAttributions?.values ?? [])];
  };
  const [a, b, both] = [
    await of([one as (typeof text.baselines)[0]]),
    await of([other as (typeof text.baselines)[0]]),
    await of([one, other] as typeof text.baselines),
  ];
  closeScores(
    both,
    a.map((x, i) => (x + (b[i] ?? Number.NaN)) / 2),
    1e-5,
  );
  const zero = await of(fromZero(text).baselines);
  expect(zero).not.toEqual(a);
  model.dispose();
});

test("takes one pass for each segment, whatever the number of tokens", async () => {
  const model = await loadModel("models/demo/stories-gpt2");
  const prompt = "Tom hid the ring. Anna saw him. Where is the";
  for (const added of [" ring", " ring and the box and the ring"]) {
    const reported: number[] = [];
    const output = await model.attribute(prompt, prompt + added, {
      method: "segment_input_x_gradient",
      onProgress: ({ total }) => reported.push(total),
    });
    expect(output.info.inseq_tfjs).toMatchObject({ rows: 3 });
    expect(new Set(reported)).toEqual(new Set([3]));
  }
  model.dispose();
});

test("refuses what has no derivative, and removals, before any work", async () => {
  const model = tinyModel("gpt2", 4);
  const attributed = { id: "top_p_size", score: findScore("top_p_size"), options: {} };
  const asked = request("segment_input_x_gradient", {}, { attributed });
  await expect(attributeSequence(model, sequenceOf(model), asked)).rejects.toThrow(
    /expected a differentiable function/,
  );
  expect(() => resolveOptions("segment_input_x_gradient", {}, { removal: "delete" })).toThrow(
    /unknown option "removal"/,
  );
  model.dispose();
});

test.skipIf(presentBackends.includes("cuda"))("stays on the device", async () => {
  const model = tinyModel("llama", 4);
  const expected = (await bothWays(model)).forwards;
  model.dispose();
  await useEmulatedCuda();
  const device = tinyModel("llama", 4);
  const fallbacks = () => Object.values(memory().fallbacks ?? {}).reduce((total, n) => total + n, 0);
  const before = fallbacks();
  const { forwards } = await bothWays(device);
  expect(fallbacks()).toBe(before);
  closeScores(forwards, expected, 1e-4);
  device.dispose();
  await useBackend("auto");
});
