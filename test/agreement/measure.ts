/**
 * How closely our models agree with Python's, for each architecture that has golden numbers: logits and gradients with
 * PyTorch's (test/golden/<architecture>/forward.json, test/golden/variants), attributions with the real Inseq's.
 *
 * Errors are absolute differences, of logits as a share of their range, of gradients and attributions as a share of the
 * largest magnitude of the case. Both sides compute in float32 with sums in another order, so that about 1e-6 is what
 * rounding alone explains.
 */

import { existsSync } from "node:fs";
import type { AttributionModel } from "../../src/attributionModel.ts";
import { type BackendName, useBackend } from "../../src/backend/backend.ts";
import { loadModel } from "../../src/loadModel.ts";
import type { Model } from "../../src/model/model.ts";
import type { Scores } from "../../src/result/attribution.ts";
import { tidy } from "../../src/tensor.ts";
import { attributionCases } from "../support/attributionCases.ts";
import { presentBackends } from "../support/backends.ts";
import { architectures as goldenArchitectures, goldenPath, goldenRaw } from "../support/goldenResults.ts";
import { floats, goldenForward, goldenModel, logits } from "../support/models.ts";
import { embeddingGradients, type Variant, variantModel, variants } from "../support/variants.ts";

/** Largest and mean error, as shares; null where there are no golden numbers. */
export interface Errors {
  readonly max: number;
  readonly mean: number;
}

export const quantities = ["logits", "gradient", "integratedGradients"] as const;
export type Agreement = { readonly [Quantity in (typeof quantities)[number]]: Errors | null };

/** What a golden number stands beside. */
interface Compared {
  readonly received: ArrayLike<number>;
  readonly expected: ArrayLike<number>;
  /** What counts as one: the range, or the largest magnitude, of the expected numbers. */
  readonly unit: "range" | "magnitude";
}

const variantsOf = (architecture: string): readonly Variant[] =>
  variants.filter(({ title }) => title.startsWith(`${architecture}: `));

/** Every architecture with golden numbers: a folder with a model, or a file of variants. */
export const measured: readonly string[] = [
  ...new Set([...goldenArchitectures, ...variants.map(({ title }) => title.slice(0, title.indexOf(":")))]),
].sort();

/** The backend that is measured: the fastest one that computes on this machine's processor. */
export const measuredBackend = presentBackends.find((name) => name !== "cuda") as BackendName;

/** The errors of one architecture, its golden model and its variants taken together. */
export async function measureAgreement(architecture: string): Promise<Agreement> {
  const hasModel = existsSync(goldenPath(architecture, "model", "config.json"));
  await useBackend(measuredBackend);
  const ofModel = hasModel ? await logitsOfModel(architecture) : [];
  const ofVariants = await Promise.all(variantsOf(architecture).map(compareVariant));
  const saliency = hasModel ? await attributions(architecture, "saliency") : [];
  return {
    logits: errors([...ofModel, ...ofVariants.map((variant) => variant.logits)]),
    gradient: errors([...saliency, ...ofVariants.flatMap(({ gradients }) => gradients)]),
    integratedGradients: errors(hasModel ? await attributions(architecture, "integrated_gradients") : []),
  };
}

async function logitsOfModel(architecture: string): Promise<Compared[]> {
  const model = await goldenModel(architecture);
  const cases = await goldenForward(goldenPath(architecture, "forward.json"));
  const compared = cases.map((golden): Compared => {
    const received = logitsOf(model, golden.inputIds, golden.decoderInputIds);
    return { received, expected: golden.logits, unit: "range" };
  });
  model.dispose();
  return compared;
}

async function compareVariant(variant: Variant): Promise<{ logits: Compared; gradients: Compared[] }> {
  const { inputIds, decoderInputIds, sourceGradient, targetGradient } = variant;
  const model = await variantModel(variant);
  const received = logitsOf(model, inputIds, decoderInputIds);
  const [target, source] = tidy(() => embeddingGradients(model, inputIds, decoderInputIds)).map(floats);
  model.dispose();
  const pairs = [[target, targetGradient], ...(sourceGradient === undefined ? [] : [[source, sourceGradient]])];
  return {
    logits: { received, expected: variant.logits, unit: "range" },
    gradients: pairs.map(([ours = [], expected = []]) => ({ received: ours, expected, unit: "magnitude" })),
  };
}

function logitsOf(model: Model, inputIds: readonly number[], decoderInputIds?: readonly number[]): Float32Array {
  return logits(model, { targetIds: [decoderInputIds ?? inputIds], sourceIds: [inputIds] });
}

/** The golden case of a method with its own name: raw scores of every embedding component. */
async function attributions(architecture: string, method: "saliency" | "integrated_gradients"): Promise<Compared[]> {
  const golden = attributionCases(architecture, [method]).find(({ id }) => id === method);
  if (golden === undefined) throw new Error(`${architecture} has no golden case ${method}`);
  const folder = goldenPath(architecture, "model");
  const model: AttributionModel = await loadModel(folder, method, { backend: measuredBackend, ...golden.loadOptions });
  const output = await model.attribute(golden.inputTexts, golden.generatedTexts, golden.options);
  const expected = await goldenRaw(architecture, method);
  model.dispose();
  const kinds = ["sourceAttributions", "targetAttributions"] as const;
  return expected.sequences.flatMap((sequence, i) =>
    kinds.flatMap((kind): Compared[] => {
      const [ours, theirs]: (Scores | null | undefined)[] = [output.sequenceAttributions[i]?.[kind], sequence[kind]];
      if (theirs === null || theirs === undefined) return [];
      return [{ received: ours?.values ?? [], expected: theirs.values, unit: "magnitude" }];
    }),
  );
}

/** Largest and mean error over all numbers; infinite where a length differs or a number is none on one side only. */
export function errors(compared: readonly Compared[]): Errors | null {
  let [max, sum, count] = [0, 0, 0];
  for (const { received, expected, unit } of compared) {
    if (received.length !== expected.length) return { max: Infinity, mean: Infinity };
    const known = Array.from(expected).filter(Number.isFinite);
    const low = known.reduce((least, value) => Math.min(least, value), Infinity);
    const high = known.reduce((most, value) => Math.max(most, value), -Infinity);
    const one = unit === "range" ? high - low : Math.max(high, -low);
    for (let i = 0; i < expected.length; i++) {
      const [ours = NaN, theirs = NaN] = [received[i], expected[i]];
      if (Number.isNaN(theirs) && Number.isNaN(ours)) continue;
      const error = Math.abs(ours - theirs) / one;
      max = Math.max(max, Number.isNaN(error) ? Infinity : error);
      sum += error;
      count++;
    }
  }
  return count === 0 ? null : { max, mean: max === Infinity ? Infinity : sum / count };
}
