/**
 * Every option of every method, at another value than its default, as a user gives it: it changes what it promises to change,
 * and nothing where it promises not to. An option that is read and then forgotten fails here. What it may not be is refused.
 */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AttributeOptions, methodOptionNames, type Progress } from "../../src/attribution/options.ts";
import type { AttributionModel } from "../../src/attributionModel.ts";
import { OptionError } from "../../src/errors.ts";
import { loadModel } from "../../src/loadModel.ts";
import { type Method, type MethodId, type MethodOptions, methods } from "../../src/method/registry.ts";
import type { Scores } from "../../src/result/attribution.ts";
import { goldenPath } from "../support/goldenResults.ts";

type OptionName = keyof Required<MethodOptions>;
type Kind = "gpt2" | "marian";

/** What an option is tried with, and what it changes: scores by themselves, other results beside them, or passes. */
interface Trial {
  /** Another value than what is there without it. */
  readonly value: unknown | ((id: MethodId) => unknown);
  /** What it needs beside it. */
  readonly beside?: MethodOptions;
  /** `rows`: no pass has more than one row. `absent`, `present`: step or sequence scores of such names, and no other score changes. */
  readonly changes: "scores" | "rows" | { readonly absent: RegExp } | { readonly present: RegExp };
  /** Scores that are kept for each sequence (`encoder_self_scores`) or for sources: of an encoder-decoder model. */
  readonly kind?: Kind;
}

const layer = "decoder.1.blockOutput";
const scores = (value: Trial["value"], beside: MethodOptions = {}): Trial => ({ value, beside, changes: "scores" });
const ofEncoderDecoder = (value: Trial["value"], changes: Trial["changes"] = "scores"): Trial => ({
  value,
  changes,
  kind: "marian",
});

/** A new option without a row does not compile. */
const trials: { readonly [Name in OptionName]: Trial } = {
  abs: scores((id: MethodId) => id !== "saliency"),
  nSteps: scores(4),
  quadrature: scores("riemann_left"),
  multiplyByInputs: scores((id: MethodId) => id === "discretized_integrated_gradients"),
  returnConvergenceDelta: { value: true, changes: { present: /^deltas$/ } },
  strategy: scores("maxcount"),
  nNeighbors: scores(6),
  nSamples: scores(9),
  stdevs: scores(0.3),
  rule: scores("inseq"),
  targetLayer: scores(layer),
  attributeToLayerInput: scores(true, { targetLayer: layer }),
  similarityMetric: scores("euclidean"),
  encoderZeroedUnitsIndices: ofEncoderDecoder(0),
  decoderZeroedUnitsIndices: scores(0),
  crossZeroedUnitsIndices: ofEncoderDecoder(0),
  outputDecoderSelfScores: ofEncoderDecoder(false, { absent: /^decoder_self_/ }),
  outputEncoderSelfScores: ofEncoderDecoder(false, { absent: /^encoder_self_/ }),
  rolloutHeads: scores(1),
  attentionLayers: scores(0),
  attentionHeads: scores(1),
  positiveGradients: scores(true),
  withResidual: scores(true),
  routeThreshold: scores(0.3),
  outputRoutes: { value: true, changes: { present: /_routes$/ } },
  lensRanks: { value: true, changes: { present: /^lens_rank_/ } },
  smoothing: scores("squaregrad"),
  smoothingSamples: scores(3, { smoothing: "smoothgrad" }),
  noiseLevel: scores(0.3, { smoothing: "smoothgrad", smoothingSamples: 2 }),
  slidingWindowShapes: scores(2),
  strides: scores(2, { slidingWindowShapes: 2 }),
  features: scores("embeddings"),
  maskProb: scores(0.6),
  regularization: scores(0.5),
  kernelWidth: scores(0.1),
  groups: scores(["sentence"]),
  perToken: scores(true),
  players: scores("word"),
  removal: scores("resample"),
  sampler: scores("postag", { removal: "resample" }),
  keepTopN: scores(1),
  keepRatio: scores(0.9, { keepTopN: 0, keepRatio: 0.2, stoppingConditionTopK: 40 }),
  invertKeep: scores(true),
  stoppingConditionTopK: scores(60),
  replacingRatio: scores(0.8),
  maxProbeSteps: scores(1),
  numProbes: scores(3),
  perturbationsPerEval: { value: 1, beside: { players: "word" }, changes: "rows" },
  internalBatchSize: { value: 1, changes: "rows" },
};

const models = new Map<Kind, AttributionModel>();
beforeAll(async () => {
  for (const kind of ["gpt2", "marian"] as const) models.set(kind, await loadModel(goldenPath(kind, "model"), "dummy"));
});
afterAll(() => {
  for (const model of models.values()) model.dispose();
});

const texts: { readonly [K in Kind]: { readonly input: string; readonly target: string } } = {
  gpt2: { input: "The big cat", target: "The big cat sat on it" },
  marian: { input: "The cat sat.", target: "a b c" },
};
/** Few points and samples: what is tested holds for any number. */
const few: MethodOptions = { nSteps: 3, nSamples: 12, nNeighbors: 3, maxProbeSteps: 3, numProbes: 2 };

interface Outcome {
  readonly scores: Readonly<Record<string, Scores>>;
  /** Rows of the largest pass. */
  readonly rows: number;
}

async function attribute(kind: Kind, id: MethodId, options: MethodOptions): Promise<Outcome> {
  const { input, target } = texts[kind];
  const known: readonly string[] = methodOptionNames(methods[id]);
  const method: Method = methods[id];
  let rows = 0;
  const output = await (models.get(kind) as AttributionModel).attribute(input, target, {
    method: id,
    ...(method.on === "internals" && method.explains === "logits" && { attributedFn: "logit" }),
    ...Object.fromEntries(Object.entries(few).filter(([name]) => known.includes(name))),
    ...(kind === "gpt2" && { attrPosStart: -2 }),
    ...options,
    onProgress: (pass: Progress) => {
      rows = Math.max(rows, pass.rows);
    },
  } as AttributeOptions);
  const [sequence] = output.sequenceAttributions;
  if (sequence === undefined) throw new Error("a sequence is missing");
  const { sourceAttributions: source, targetAttributions, stepScores, sequenceScores } = sequence;
  return {
    rows,
    scores: {
      ...(source && { source }),
      ...(targetAttributions && { target: targetAttributions }),
      ...stepScores,
      ...sequenceScores,
    },
  };
}

/** Reagent removes players in one way only, which everyPerturbation.test.ts holds it to. */
const hasOneValue = (method: Method, name: OptionName): boolean =>
  name === "removal" && method.on === "players" && method.removals?.length === 1;
const pairs = (Object.keys(methods) as MethodId[]).flatMap((id) =>
  methodOptionNames(methods[id])
    .filter((name) => !hasOneValue(methods[id], name))
    .map((name) => [id, name] as const),
);
const withoutOption = new Map<string, Promise<Outcome>>();

test("every option belongs to a method", () => {
  const used = new Set(pairs.map(([, name]) => name));
  expect(Object.keys(trials).filter((name) => !used.has(name as OptionName))).toEqual([]);
});

describe.each(pairs)("%s", (id, name) => {
  const { value, beside = {}, changes, kind = "gpt2" } = trials[name];
  const given = { ...beside, [name]: typeof value === "function" ? value(id) : value };
  const plain = (): Promise<Outcome> => {
    const key = `${kind} ${id} ${JSON.stringify(beside)}`;
    const found = withoutOption.get(key) ?? attribute(kind, id, beside);
    withoutOption.set(key, found);
    return found;
  };

  test(`${name} of another kind is refused`, async () => {
    for (const wrong of [null, { a: 1 }, Number.NaN, "no such thing"]) {
      const received = attribute(kind, id, { ...beside, [name]: wrong });
      await expect(received, JSON.stringify(wrong)).rejects.toThrow(OptionError);
      await expect(received).rejects.toThrow(new RegExp(name));
    }
  });

  test(`${name} changes what it says`, async () => {
    const [before, after] = [await plain(), await attribute(kind, id, given)];
    if (changes === "scores") return expect(after.scores).not.toEqual(before.scores);
    if (changes === "rows") {
      expect(before.rows).toBeGreaterThan(1);
      expect(after.rows).toBe(1);
      return expectSame(after.scores, before.scores);
    }
    const [more, less, names] =
      "present" in changes ? [after, before, changes.present] : [before, after, changes.absent];
    const isNew = (score: string) => names.test(score);
    expect(Object.keys(more.scores).some(isNew)).toBe(true);
    expect(Object.keys(less.scores).some(isNew)).toBe(false);
    const others = Object.fromEntries(Object.entries(more.scores).filter(([score]) => !isNew(score)));
    expectSame(less.scores, others);
  });
});

/** The same to rounding: rows that share a pass are summed in another order. */
function expectSame(received: Outcome["scores"], wanted: Outcome["scores"]) {
  expect(Object.keys(received)).toEqual(Object.keys(wanted));
  for (const [name, { shape, values }] of Object.entries(wanted)) {
    expect(received[name]?.shape).toEqual(shape);
    const largest = Math.max(1e-6, ...values.filter((x) => !Number.isNaN(x)).map(Math.abs));
    for (const [i, x] of values.entries()) {
      const mine = received[name]?.values[i] ?? Number.NaN;
      expect(Number.isNaN(mine)).toBe(Number.isNaN(x));
      if (!Number.isNaN(x)) expect(Math.abs(mine - x) / largest).toBeLessThan(1e-4);
    }
  }
}
