/**
 * Contrastive explanations of minimal pairs, after Yin and Neubig 2022 ("Interpreting language models with contrastive
 * explanations", arXiv 2202.10419): does asking "why this word rather than that one" find the word that decides by grammar better
 * than asking "why this word"?
 *
 * The same three methods explain both: the length of the gradient, gradient × input, and erasing an input. `data` takes BLiMP
 * and what has its format; the own pairs are sentences in the bundled model's language.
 */

import { readFileSync } from "node:fs";
import { readItems } from "../../src/evaluate/data/readItems.ts";
import type { EvaluatedMethod } from "../../src/evaluate/explain.ts";
import { firstDifference } from "../../src/evaluate/firstDifference.ts";
import type { EvaluationItem } from "../../src/evaluate/item.ts";
import { type AttributionModel, evaluate, NumericError, OptionError, UnsupportedError } from "../../src/index.ts";
import { describePairs, type PairResult, type Question } from "./minimalPairsReport.ts";
import type { Reproduction } from "./reproduction.ts";

/** What is explained: the logit of the right word, or its difference from the wrong one's. */
const questions = { "non-contrastive": "logit", contrastive: "contrast_logits_diff" } as const satisfies Record<
  Question,
  string
>;

/** Erasing sets an embedding to zero, as the paper does. */
const methods: readonly EvaluatedMethod[] = [
  { name: "gradient norm", method: "saliency", tokenScore: "vnorm" },
  { name: "gradient × input", method: "input_x_gradient", tokenScore: "sum" },
  { name: "input erasure", method: "leave_one_out" },
  { name: "random", method: "random" },
];

export const minimalPairs: Reproduction = {
  title: "Contrastive explanations of minimal pairs",
  model: "models/demo/stories-gpt2",

  async run(model, options) {
    if (model.model.kind !== "decoder-only") {
      throw new UnsupportedError(`minimal-pairs: expected a decoder-only model, but ${model.name} translates`);
    }
    const path = options.data ?? new URL("minimalPairs.jsonl", import.meta.url);
    const all = readItems(readFileSync(path, "utf8"), { name: String(path), format: "blimp" });
    const asked = all.slice(0, options.limit);
    const unknown = asked.find(({ evidence }) => evidence === undefined);
    if (unknown !== undefined) {
      throw new OptionError(
        `${path}: expected pairs whose evidence is known by rule (anaphor agreement, subject-verb agreement, noun after ` +
          `demonstrative) or given as "evidence", received "${unknown.id ?? unknown.input}"`,
      );
    }
    const results: PairResult[] = [];
    for (const [i, item] of asked.entries()) {
      options.onProgress?.(i, asked.length);
      results.push(await explainPair(model, item, options.seed + i));
    }
    options.onProgress?.(asked.length, asked.length);
    if (!results.some(({ isRight }) => isRight)) {
      throw new NumericError(
        `minimal-pairs: expected a model that prefers the right word in some pairs, but it does in none of ${asked.length}`,
      );
    }
    return describePairs(results, options.seed);
  },
};

async function explainPair(model: AttributionModel, item: EvaluationItem, seed: number): Promise<PairResult> {
  const difference = await preference(model, item);
  const pair: Partial<Record<Question, PairResult["values"][Question]>> = {};
  for (const question of Object.keys(questions) as Question[]) {
    const records = await evaluate(model, [item], {
      methods,
      metrics: ["dot_product", "probes_needed", "mrr"],
      removal: "zero",
      explained: { attributedFn: questions[question] },
      seed,
    });
    pair[question] = Object.fromEntries(
      records.map(({ method, results }) => [
        method,
        Object.fromEntries(results.map(({ metric, value }) => [metric, value ?? Number.NaN])),
      ]),
    );
  }
  return {
    id: item.id ?? "",
    paradigm: (item.id ?? "").replace(/ \S*$/, ""),
    prompt: item.input,
    right: item.target.slice(item.input.length).trim(),
    wrong: (item.foil ?? "").slice(item.input.length).trim(),
    evidence: (item.evidence ?? []).map(([start, end]) => item.input.slice(start, end)),
    difference,
    isRight: difference > 0,
    values: pair as PairResult["values"],
  };
}

/** The logit of the right word minus the wrong one's. */
async function preference(model: AttributionModel, { input, target, foil = "" }: EvaluationItem): Promise<number> {
  const at = firstDifference(model, target, foil);
  const { sequenceAttributions } = await model.attribute(input, target, {
    method: "dummy",
    stepScores: ["contrast_logits_diff"],
    contrastTargets: foil,
    contrastTargetsAlignments: [[at, at]],
    attrPosStart: at,
    attrPosEnd: at + 1,
  });
  return sequenceAttributions[0]?.stepScores.contrast_logits_diff?.values[0] ?? Number.NaN;
}
