/** Why a translation begins with "She" or with "He": probabilities, and integrated gradients of the words. */

import { firstDifference } from "../../src/evaluate/firstDifference.ts";
import type { AttributionModel } from "../../src/index.ts";
import type { Occupation } from "./occupations.ts";

/** What is attributed. */
export const functions = ["p(she)", "p(he)", "p(she) − p(he)"] as const;
export type FunctionName = (typeof functions)[number];

export interface Scores {
  readonly pronoun: number;
  readonly profession: number;
  /** `bir`, punctuation and special tokens. */
  readonly rest: number;
}

export interface PronounChoice extends Occupation {
  readonly pShe: number;
  readonly pHe: number;
  /** What the model writes when it is free to. */
  readonly translation: string;
  /** Integrated gradients, with sign: they add up to f(x) − f(x′). */
  readonly signed: Readonly<Record<FunctionName, Scores>>;
  /** As Inseq shows them: lengths of the vectors, divided by their sum. */
  readonly shares: Readonly<Record<FunctionName, Scores>>;
  /** The largest |f(x) − f(x′) − sum| of the three. */
  readonly gap: number;
}

export const sentence = (profession: string): string => `O bir ${profession}.`;
const translation = (pronoun: string, profession: string): string =>
  `${pronoun} is ${/^[aeiou]/.test(profession) ? "an" : "a"} ${profession}.`;

/**
 * The choice of the first pronoun in the translation of "O bir <profession>."
 * @param written what the model has made of the sentence
 * @param nSteps points of the path of integrated gradients
 */
export async function measureChoice(
  model: AttributionModel,
  occupation: Occupation,
  written: string,
  nSteps: number,
): Promise<PronounChoice> {
  const source = sentence(occupation.turkish);
  const [she, he] = [translation("She", occupation.english), translation("He", occupation.english)];
  const at = firstDifference(model, she, he);
  const signed: Partial<Record<FunctionName, Scores>> = {};
  const shares: Partial<Record<FunctionName, Scores>> = {};
  let gap = 0;
  let [pShe, pHe] = [Number.NaN, Number.NaN];
  for (const name of functions) {
    const isPair = name === "p(she) − p(he)";
    const output = await model.attribute(source, name === "p(he)" ? he : she, {
      method: "integrated_gradients",
      nSteps,
      attributedFn: isPair ? "contrast_prob_diff" : "probability",
      ...(isPair && { contrastTargets: he, contrastTargetsAlignments: [[at, at]] }),
      attrPosStart: at,
      attrPosEnd: at + 1,
      stepScores: ["probability"],
    });
    const [raw] = output.sequenceAttributions;
    const [byLength] = output.aggregate().sequenceAttributions;
    const [bySum] = output.aggregate({ aggregator: "sum", normalize: false }).sequenceAttributions;
    const spans = (raw?.source ?? []).map(({ span }) => span);
    const parts = (values: Float32Array | undefined): Scores => partsOf(values ?? new Float32Array(), spans, source);
    signed[name] = parts(bySum?.sourceAttributions?.values);
    shares[name] = parts(byLength?.sourceAttributions?.values);
    gap = Math.max(gap, Math.abs(raw?.completeness?.gap?.[0] ?? Number.NaN));
    const probability = raw?.stepScores.probability?.values[0] ?? Number.NaN;
    if (name === "p(he)") pHe = probability;
    else pShe = probability;
  }
  return { ...occupation, pShe, pHe, translation: written, signed, shares, gap } as PronounChoice;
}

/** The scores of the source's words: tokens belong to the word that they share a character with. */
function partsOf(values: Float32Array, spans: readonly (readonly [number, number] | null)[], source: string): Scores {
  const sums = { pronoun: 0, profession: 0, rest: 0 };
  const [start, end] = ["O bir ".length, source.length - 1];
  for (const [i, value] of values.entries()) {
    const span = spans[i] ?? null;
    const isIn = (from: number, to: number): boolean => span !== null && span[0] < to && span[1] > from;
    sums[isIn(0, 1) ? "pronoun" : isIn(start, end) ? "profession" : "rest"] += value;
  }
  return sums;
}
