/**
 * Contrastive attribution tracing (Sarti et al. 2023, "Inseq", arXiv 2302.13942): how strongly the output of each
 * layer's feed-forward network at each token acts on p(true) − p(false), as gradient × activation. All layers together
 * take one forward and one backward pass; causal tracing (Meng et al. 2022, arXiv 2202.05262), which it is compared with,
 * takes a forward pass for each token and layer.
 */

import { firstDifference } from "../../src/evaluate/firstDifference.ts";
import type { EvaluationItem } from "../../src/evaluate/item.ts";
import { type AttributionModel, OptionError, type Span } from "../../src/index.ts";

/** The parts of a prompt that are averaged over, as in Meng et al.: a subject of one token has only a last one. */
export const regions = [
  "before the subject",
  "first subject token",
  "middle subject tokens",
  "last subject token",
  "relation words",
  "last token",
] as const;
export type Region = (typeof regions)[number];

/** A fact and where the model's knowledge of it shows. T tokens before the answer, L layers. */
export interface TracedFact {
  readonly prompt: string;
  readonly subject: string;
  readonly answer: string;
  readonly foil: string;
  readonly pTrue: number;
  readonly pFalse: number;
  /** [T] */
  readonly tokens: readonly string[];
  /** Which region each token belongs to [T]. */
  readonly regions: readonly Region[];
  /** Lengths of gradient × activation, divided by their sum over the tokens of the layer [T][L]. */
  readonly map: readonly (readonly number[])[];
}

/** @throws OptionError when the fact has no foil or no subject */
export async function traceFact(model: AttributionModel, item: EvaluationItem): Promise<TracedFact> {
  const { input, target, foil, evidence: [subject] = [] } = item;
  if (foil === undefined || subject === undefined) {
    throw new OptionError(`factual-knowledge: expected a false answer and a subject of "${input}", received neither`);
  }
  const at = firstDifference(model, target, foil);
  const output = await model.attribute(input, target, {
    method: "layer_gradient_x_activation",
    targetLayer: "*.mlpOutput",
    attributedFn: "contrast_prob_diff",
    contrastTargets: foil,
    contrastTargetsAlignments: [[at, at]],
    attrPosStart: at,
    attrPosEnd: at + 1,
    stepScores: ["probability", "contrast_prob"],
  });
  const [raw] = output.sequenceAttributions;
  const [lengths] = output.aggregate({
    aggregator: "vnorm",
    normalize: false,
    doPostAggregationChecks: false,
  }).sequenceAttributions;
  const { shape: [, , L = 0] = [], values = new Float32Array() } = lengths?.targetAttributions ?? {};
  const before = (raw?.target ?? []).slice(0, at);
  const sums = Array.from({ length: L }, (_, layer) =>
    before.reduce((sum, _, token) => sum + (values[token * L + layer] ?? Number.NaN), 0),
  );
  const score = (name: string): number => raw?.stepScores[name]?.values[0] ?? Number.NaN;
  return {
    prompt: input,
    subject: input.slice(...subject),
    answer: target.slice(input.length).trim(),
    foil: foil.slice(input.length).trim(),
    pTrue: score("probability"),
    pFalse: score("contrast_prob"),
    tokens: before.map(({ span, token }) => (span === null ? token : target.slice(...span))),
    regions: regionsOf(
      before.map(({ span }) => span),
      subject,
    ),
    map: before.map((_, token) => sums.map((sum, layer) => (values[token * L + layer] ?? Number.NaN) / sum)),
  };
}

/** The region of each token, from their characters; tokens without any, such as BOS, stand before the subject. */
export function regionsOf(spans: readonly (Span | null)[], [start, end]: Span): Region[] {
  const inSubject = spans.flatMap((span, i) => (span !== null && span[0] < end && span[1] > start ? [i] : []));
  const [first, last] = [inSubject[0] ?? -1, inSubject.at(-1) ?? -1];
  return spans.map((_, i): Region => {
    if (i === spans.length - 1 && i !== last) return "last token";
    if (i > last) return "relation words";
    if (i === last) return "last subject token";
    if (i === first) return "first subject token";
    return i > first ? "middle subject tokens" : "before the subject";
  });
}
