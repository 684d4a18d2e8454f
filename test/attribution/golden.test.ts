/**
 * The golden cases: raw scores of the real Inseq on the same weights (test/golden, made by make_golden.py).
 *
 * Scores agree within 1e-4 of the largest score of the case: both sides compute in float32, with sums in another order.
 * Tokens and positions are exact. Every folder of test/golden is run on the fastest backend present, the reference models
 * on all of them (on cpu one case of each method). Where Inseq is wrong the right value is tested instead, by the name of the case below.
 */

import { afterAll, expect, test } from "vitest";
import type { AttributionModel } from "../../src/attributionModel.ts";
import { loadModel } from "../../src/loadModel.ts";
import { listFeatureAttributionMethods, type MethodId } from "../../src/method/registry.ts";
import type { Scores, SequenceAttribution } from "../../src/result/attribution.ts";
import { type AttributionCase, attributionCases } from "../support/attributionCases.ts";
import { describeOnBackends, presentBackends } from "../support/backends.ts";
import {
  architectures,
  goldenPath,
  goldenRaw,
  isDecoderOnly,
  referenceArchitectures,
} from "../support/goldenResults.ts";

const TOLERANCE = 1e-4;

/** Models that scale their embeddings and have cases of discretized integrated gradients. */
const scaledWords = ["bart", "marian"];

/** What is compared of a case: ours, and Inseq's made right where Inseq is wrong. */
type Correction = (expected: SequenceAttribution, received: SequenceAttribution) => SequenceAttribution;

/** Inseq's errors that a case records, and what is right. */
function correction(golden: AttributionCase, decoderOnly: boolean): Correction {
  // A negative start counts from the end; Inseq replaces it by the length of the prompt.
  if (golden.id === "attr_pos_start" && decoderOnly) {
    return (expected) => {
      const [G, T] = [expected.attrPosEnd - expected.attrPosStart, expected.target.length];
      return keepSteps(expected, G - 3, G, { start: T - 3, end: T });
    };
  }
  // A range of an encoder-decoder model that ends early: Inseq computes one step too many and labels all one too early.
  if (golden.id === "attr_pos_end" && !decoderOnly)
    return (expected) => keepSteps(expected, 0, 3, { start: 2, end: 5 });
  // Without attributions Inseq puts the target's prefix where the source belongs.
  if (golden.method === "dummy") return (expected, { source }) => ({ ...expected, source });
  // A token of nothing but a special character stays itself; Inseq writes an object instead of its text.
  if (golden.id === "clean_special_chars") {
    return (expected, received) => ({
      ...expected,
      target: expected.target.map((token, i) =>
        typeof token.token === "string" ? token : (received.target[i] ?? token),
      ),
    });
  }
  return (expected) => expected;
}

/** The largest error of a case relative to its largest score, printed and quoted in the README. */
const worstOfAll = { error: 0 };

describeOnBackends("golden cases", (backend) => {
  afterAll(() => {
    process.stdout.write(
      `golden cases on ${backend}: worst error ${worstOfAll.error.toExponential(1)} of a case's largest score\n`,
    );
    worstOfAll.error = 0;
  });
  for (const architecture of backend === presentBackends[0] ? architectures : referenceArchitectures) {
    const decoderOnly = isDecoderOnly(architecture);
    const models = new Map<string, AttributionModel>();
    const load = async ({ method, loadOptions }: AttributionCase): Promise<AttributionModel> => {
      const key = JSON.stringify([method, loadOptions]);
      const model =
        models.get(key) ??
        (await loadModel(goldenPath(architecture, "model"), method as MethodId, { backend, ...loadOptions }));
      models.set(key, model);
      return model;
    };
    afterAll(() => {
      for (const model of models.values()) model.dispose();
    });

    const cases = attributionCases(architecture, listFeatureAttributionMethods())
      // Inseq applies Marian's embedding scale twice; what the model computes is in the cases without this suffix.
      .filter(({ id }) => !id.endsWith("_unpatched"))
      // The words that Inseq walks along lack these models' embedding scale; Marian has cases in which they do not.
      .filter(
        ({ id }) => !scaledWords.includes(architecture) || !id.startsWith("discretized") || id.endsWith("_scaled"),
      )
      // Inseq evaluates the baseline at the input's ids, so that these scores are all zero, unless it is told which ids.
      .filter(({ id, method }) => !/layer_(integrated|deeplift)/.test(method) || id.endsWith("_ids_fixed"))
      // The wide side of a feed-forward part is no site of ours: these golden cases look at BART's and Marian's fc1.
      .filter(({ loadOptions }) => !`${loadOptions.targetLayer}`.endsWith("fc1"))
      // Plain JavaScript takes minutes for all of them. What options change is the same on every backend: one of each method.
      .filter(({ id, method }) => backend !== "cpu" || (id === method && method !== "sequential_integrated_gradients"))
      // What Inseq drew is put into our methods by gradientShap.test.ts and limeOfEmbeddings.test.ts.
      .filter(({ method }) => method !== "gradient_shap" && method !== "lime");
    test.each(cases)(`${architecture}: $id`, async (golden) => {
      const model = await load(golden);
      const natural = golden.generatedTexts === undefined || golden.options.generateFromTargetPrefix;
      const { skip_special_tokens: _ours, ...generationArgs } = { ...golden.options.generationArgs };
      const options = {
        ...golden.options,
        ...(golden.options.generationArgs && { generationArgs }),
        // Inseq encodes the generated text again; ours keeps the generated tokens unless it is told otherwise.
        ...(natural && { retokenize: true }),
        // Inseq's DeepLIFT sees no non-linearity that is not a module.
        ...(golden.method.endsWith("deeplift") && { rule: "inseq" as const }),
        // Inseq's occlusion loses the sign.
        ...(golden.method === "occlusion" && { abs: true }),
        // What these deltas mean to Inseq; ours vanish with the number of steps (test/method).
        ...(golden.options.returnConvergenceDelta && { returnConvergenceDelta: "inseq" as const }),
      };
      const output = await model.attribute(golden.inputTexts, golden.generatedTexts, options);
      const expected = await goldenRaw(architecture, golden.id);
      expect(output.length).toBe(expected.sequences.length);
      for (const [i, received] of output.sequenceAttributions.entries()) {
        // Inseq lets the model see the padding of the shorter prompts while it generates, which changes what it writes.
        const sawPadding = golden.id === "batch_generate" && (decoderOnly || architecture === "bart") && i > 0;
        // And it counts the positions of a decoder-only model's shorter texts from their padding.
        const length = expected.sequences[i]?.target.length ?? 0;
        const isShort = expected.sequences.some(({ target }) => target.length > length);
        const countedPadding = golden.id === "batch_generate_equal_lengths" && decoderOnly && isShort;
        if (sawPadding || countedPadding) {
          const alone = await model.attribute((golden.inputTexts as string[])[i] ?? "", undefined, options);
          compare(received, alone.sequenceAttributions[0] as SequenceAttribution);
          continue;
        }
        compare(received, correction(golden, decoderOnly)(expected.sequences[i] as SequenceAttribution, received));
      }
      if (golden.options.outputStepAttributions) expect(output.stepAttributions?.length).toBe(expected.steps?.length);
      for (const [i, step] of (golden.options.outputStepAttributions ? (expected.steps ?? []) : []).entries()) {
        const ours = output.stepAttributions?.[i];
        near(ours?.sourceAttributions ?? null, step.sourceAttributions, `step ${i}`);
        near(ours?.targetAttributions ?? null, step.targetAttributions, `step ${i}`);
        expect(ours?.prefix).toEqual(
          step.prefix.map((tokens) =>
            tokens.map((token) => expect.objectContaining({ token: token.token, id: token.id })),
          ),
        );
      }
    });
  }
});

function compare(received: SequenceAttribution, expected: SequenceAttribution): void {
  const plain = (tokens: SequenceAttribution["target"]) => tokens.map(({ token, id }) => [token, id]);
  expect(plain(received.target)).toEqual(plain(expected.target));
  expect(plain(received.source)).toEqual(plain(expected.source));
  expect([received.attrPosStart, received.attrPosEnd]).toEqual([expected.attrPosStart, expected.attrPosEnd]);
  expect(received.kind).toBe(expected.kind);
  near(received.sourceAttributions, expected.sourceAttributions, "source attributions");
  near(received.targetAttributions, expected.targetAttributions, "target attributions");
  for (const field of ["stepScores", "sequenceScores"] as const) {
    expect(Object.keys(received[field]).sort()).toEqual(Object.keys(expected[field]).sort());
    for (const [id, scores] of Object.entries(expected[field])) {
      const ours = received[field][id] ?? null;
      // The divergence over filtered tokens is a number; Inseq's is NaN.
      if (id === "kl_divergence" && scores.values.every(Number.isNaN))
        expect(ours?.values.every((x) => x >= 0)).toBe(true);
      // A convergence delta is a small difference of large sums: it is as exact as those.
      else near(ours, scores, id, id === "deltas" ? largestColumnSum(expected) : 0);
    }
  }
}

function near(received: Scores | null, expected: Scores | null, what: string, scale = 0): void {
  expect(received?.shape ?? null, what).toEqual(expected?.shape ?? null);
  if (received === null || expected === null) return;
  const largest = Math.max(
    scale,
    ...Array.from(expected.values, (value) => (Number.isNaN(value) ? 0 : Math.abs(value))),
  );
  let worst = { index: -1, error: 0 };
  for (const [index, value] of expected.values.entries()) {
    const actual = received.values[index] ?? Number.POSITIVE_INFINITY;
    const bothMissing = Number.isNaN(value) && Number.isNaN(actual);
    const error = bothMissing ? 0 : Math.abs(actual - value);
    if (!(error <= worst.error)) worst = { index, error: Number.isNaN(error) ? Number.POSITIVE_INFINITY : error };
  }
  const { index, error } = worst;
  worstOfAll.error = Math.max(worstOfAll.error, largest > 0 ? error / largest : 0);
  const place = `${what}: worst at ${index}: ${received.values[index]} instead of ${expected.values[index]}, largest ${largest}`;
  expect(error <= TOLERANCE * largest, place).toBe(true);
}

/** The largest sum of a step's attributions, which is what a convergence delta is a difference of. */
function largestColumnSum({
  sourceAttributions,
  targetAttributions,
  attrPosEnd,
  attrPosStart,
}: SequenceAttribution): number {
  const sums = new Float64Array(attrPosEnd - attrPosStart);
  for (const scores of [sourceAttributions, targetAttributions]) {
    const [, G = 1, D = 1] = scores?.shape ?? [];
    for (const [i, value] of (scores?.values ?? new Float32Array()).entries()) {
      const g = Math.floor(i / D) % G;
      sums[g] = (sums[g] ?? 0) + (Number.isNaN(value) ? 0 : value);
    }
  }
  return Math.max(...Array.from(sums, Math.abs));
}

/** Columns from ≤ g < to of an expected sequence, under new positions. */
function keepSteps(
  sequence: SequenceAttribution,
  from: number,
  to: number,
  { start, end }: { start: number; end: number },
): SequenceAttribution {
  const columns = (scores: Scores | null, rows?: number): Scores | null => {
    if (scores === null) return null;
    const [S = 0, G = 0, ...rest] = scores.shape;
    const size = rest.reduce((product, length) => product * length, 1);
    const kept = Math.min(S, rows ?? S);
    const values = Array.from({ length: kept }, (_, i) => [
      ...scores.values.subarray((i * G + from) * size, (i * G + to) * size),
    ]);
    return { shape: [kept, to - from, ...rest], values: Float32Array.from(values.flat()) };
  };
  return {
    ...sequence,
    sourceAttributions: columns(sequence.sourceAttributions),
    targetAttributions: columns(sequence.targetAttributions, end),
    stepScores: Object.fromEntries(
      Object.entries(sequence.stepScores).map(([id, { values }]) => [
        id,
        { shape: [to - from], values: values.slice(from, to) },
      ]),
    ),
    attrPosStart: start,
    attrPosEnd: end,
  };
}
