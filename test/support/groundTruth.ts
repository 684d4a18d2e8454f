/**
 * The demo models' ground truth: do the words with high scores lie inside the evidence?
 *
 * The items (models/demo/README.md) say which words of a prompt decide between target and foil. The attributed function
 * is the difference of their probabilities; methods that are linear in the logits get the difference of those, a method that
 * explains one function only gets that, and most of those that read the inside of the model ask for none. A word's score is
 * the sum of its tokens' scores, and a token's the sum over the width for signed methods, the length of the vector for
 * unsigned ones, the mean over layers and heads.
 *
 *   hit rate   share of items whose highest-scoring word is evidence (once of all words, once of all but the last)
 *   AUPRC      area under the precision-recall curve of "is evidence" by score, as average precision Σ (R_k − R_{k−1}) P_k
 *              over the words in falling order of score, averaged over the items
 */

import { readFileSync } from "node:fs";
import type { AttributeOptions } from "../../src/attribution/options.ts";
import type { AttributionModel } from "../../src/attributionModel.ts";
import {
  listFeatureAttributionMethods,
  type Method,
  type MethodId,
  methods,
  scoresTokens,
} from "../../src/method/registry.ts";
import { Random } from "../../src/random.ts";
import type { Token } from "../../src/result/attribution.ts";
import { findScore, type ScoreId } from "../../src/score/registry.ts";

export interface Item {
  readonly input: string;
  readonly target: string;
  readonly foil: string;
  /** Spans of the input, in code points. */
  readonly evidence: readonly (readonly [number, number])[];
}

const demo = new URL("../../models/demo/", import.meta.url);
const lines = (file: string): Record<string, unknown>[] =>
  readFileSync(new URL(file, demo), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

export interface Task {
  readonly name: string;
  readonly folder: string;
  readonly items: readonly Item[];
}

/** The tasks with every n-th item, so that all kinds are there. */
export function tasks(everyStory: number, everyTranslation: number): readonly [stories: Task, translations: Task] {
  const some = <T>(items: readonly T[], n: number): T[] => items.filter((_, i) => i % n === 0);
  const place = (folder: string): string => new URL(folder, demo).pathname;
  return [
    {
      name: "stories",
      folder: place("stories-gpt2"),
      items: some(lines("stories_groundtruth.jsonl"), everyStory).map(
        ({ prompt, target, foil, evidence }) =>
          ({ input: prompt, target: `${prompt} ${target}`, foil: `${prompt} ${foil}`, evidence }) as Item,
      ),
    },
    {
      name: "translations",
      folder: place("translation-marian"),
      items: some(
        lines("translation_groundtruth.jsonl").filter(({ kind }) => kind === "determined"),
        everyTranslation,
      ).map(({ source, target, foil, evidence }) => ({ input: source, target, foil, evidence }) as Item),
    },
  ];
}

/** What a method explains: what can tell target and foil apart, where it takes that. */
function functionOf(id: MethodId): ScoreId {
  const method: Method = methods[id];
  if (method.on === "players" && method.explains !== undefined) return method.explains;
  return method.on === "internals" && method.explains === "logits" ? "contrast_logits_diff" : DIFFERENCE;
}

const DIFFERENCE = "contrast_prob_diff";

export interface MethodUnderTest {
  readonly method: MethodId;
  readonly options?: AttributeOptions;
}

/** Few points and samples where the method's own number would take long; the table's rows say so. */
const presets: Readonly<Partial<Record<MethodId, AttributeOptions>>> = {
  integrated_gradients: { nSteps: 20 },
  sequential_integrated_gradients: { nSteps: 5 },
  discretized_integrated_gradients: { nSteps: 20 },
  gradient_shap: { nSamples: 20 },
  expected_gradients: { nSamples: 40 },
  // A story's player is a sentence by default, which holds evidence and other words.
  segment_input_x_gradient: { players: "word" },
  lime: { nSamples: 200 },
  kernel_shap: { nSamples: 256 },
  shapley_value_sampling: { nSamples: 5 },
  reagent: { numProbes: 4, maxProbeSteps: 50 },
  // A source is one sentence, its default player.
  context_cite: { players: "word" },
};

/** "20 steps": how a preset is told in the name of a row. */
function told({ nSteps, nSamples, numProbes, maxProbeSteps, players }: AttributeOptions): string {
  const parts = [
    nSteps && `${nSteps} steps`,
    nSamples && `${nSamples} samples`,
    numProbes && `${numProbes} probes`,
    maxProbeSteps && `at most ${maxProbeSteps} rounds`,
    players && `players: ${players as string}`,
  ];
  return parts.flatMap((part) => (part === undefined ? [] : [`, ${part}`])).join("");
}

const variants: Readonly<Record<string, MethodUnderTest>> = {
  "`saliency`, smoothgrad": { method: "saliency", options: { smoothing: "smoothgrad", abs: false } },
  "`integrated_gradients`, 20 steps, zero baseline": {
    method: "integrated_gradients",
    options: { nSteps: 20, baseline: "zero" },
  },
  "`deeplift`, rule inseq": { method: "deeplift", options: { rule: "inseq" } },
};

/** Sites are inside the model, where there are no words; the logit lens scores none; exact Shapley values take 2^tokens passes. */
const isLeftOut = (id: MethodId): boolean => methods[id].on === "sites" || id === "shapley_values" || !scoresTokens(id);

/** The methods of the registry and some variants, under the names of the table's rows. */
export const methodsUnderTest: Readonly<Record<string, MethodUnderTest>> = {
  ...Object.fromEntries(
    listFeatureAttributionMethods()
      .filter((method) => !isLeftOut(method))
      .map((method): [string, MethodUnderTest] => {
        const options = presets[method] ?? {};
        const explained = functionOf(method);
        const what = explained === DIFFERENCE ? "" : `, of \`${explained}\``;
        return [`\`${method}\`${told(options)}${what}`, { method, options }];
      }),
  ),
  ...variants,
};

export interface Quality {
  readonly hitRate: number;
  /** The same when the input's last word, next to which the model writes, is left out. */
  readonly hitRateBefore: number;
  readonly auprc: number;
  /** On how many items, where it was not all of the table's. */
  readonly items?: number;
}

interface ScoredWord {
  readonly word: Token;
  readonly score: number;
}

/** The quality of a method on a task's items. */
export async function qualityOf(
  model: AttributionModel,
  items: readonly Item[],
  asked: MethodUnderTest,
): Promise<Quality> {
  return mean(await each(items, async (item) => judge(await scoredWords(model, item, asked), item)));
}

/** What scores drawn at random, and scores that grow towards the end of the text, would have got. */
export async function trivialQualities(
  model: AttributionModel,
  items: readonly Item[],
): Promise<{ readonly random: Quality; readonly recency: Quality }> {
  const random = new Random(0);
  const qualities = await each(items, async (item) => {
    const words = await scoredWords(model, item, { method: "saliency" });
    // Many orders of each item: the expectation over orders, up to a standard error of a twentieth of a percent.
    const orders = Array.from({ length: 40 }, () =>
      judge(
        words.map(({ word }) => ({ word, score: random.uniform() })),
        item,
      ),
    );
    return {
      random: mean(orders),
      recency: judge(
        words.map(({ word }, i) => ({ word, score: i })),
        item,
      ),
    };
  });
  return { random: mean(qualities.map((q) => q.random)), recency: mean(qualities.map((q) => q.recency)) };
}

async function each<In, Out>(items: readonly In[], work: (item: In) => Promise<Out>): Promise<Out[]> {
  const results: Out[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}

function mean(qualities: readonly Quality[]): Quality {
  const average = (of: "hitRate" | "hitRateBefore" | "auprc") =>
    qualities.reduce((sum, q) => sum + q[of], 0) / qualities.length;
  return { hitRate: average("hitRate"), hitRateBefore: average("hitRateBefore"), auprc: average("auprc") };
}

function judge(words: readonly ScoredWord[], item: Item): Quality {
  const ranked = byScore(words).map(({ word }) => isEvidence(word, item));
  const relevant = ranked.filter(Boolean).length;
  let [found, precisions] = [0, 0];
  for (const [k, isFound] of ranked.entries()) {
    if (!isFound) continue;
    found++;
    precisions += found / (k + 1);
  }
  const [before] = byScore(words.slice(0, -1));
  return {
    hitRate: ranked[0] ? 1 : 0,
    hitRateBefore: before !== undefined && isEvidence(before.word, item) ? 1 : 0,
    auprc: relevant > 0 ? precisions / relevant : 0,
  };
}

function byScore(words: readonly ScoredWord[]): ScoredWord[] {
  return [...words].sort((a, b) => b.score - a.score);
}

/** The input's words with their scores for the first token that differs between target and foil. */
async function scoredWords(
  model: AttributionModel,
  item: Item,
  { method, options }: MethodUnderTest,
): Promise<ScoredWord[]> {
  const asTarget = model.model.kind === "encoder-decoder";
  const encode = (text: string): number[] => [...model.encode(text, { asTarget }).ids];
  const [target, other] = [encode(item.target), encode(item.foil)];
  // The decoder start token of an encoder-decoder model stands before the target's own tokens.
  const position = target.findIndex((id, i) => id !== other[i]) + (asTarget ? 1 : 0);
  const attributedFn = functionOf(method);
  const foil = { contrastTargets: item.foil, contrastTargetsAlignments: [[position, position]] } as const;
  const output = await model.attribute(item.input, item.target, {
    ...options,
    method,
    attributedFn,
    ...(findScore(attributedFn).contrast !== "none" && foil),
    attrPosStart: position,
    attrPosEnd: position + 1,
  });
  const [raw] = output.sequenceAttributions;
  const axes = (raw?.sourceAttributions ?? raw?.targetAttributions)?.shape.slice(2) ?? [];
  const isUnsigned = method === "saliency";
  // Layers and heads by their mean, the width by its sum; a vector without sign by its length.
  const stages = axes.map((_, k) => (raw?.kind === "granular" && k === 0 ? (isUnsigned ? "vnorm" : "sum") : "mean"));
  const words = raw?.aggregate({
    aggregator: [...stages, "subwords"],
    aggregateFn: [...stages.map(() => null), "sum"],
    ...(stages.length > 0 && { normalize: false }),
    aggregateTarget: !asTarget,
  });
  const scores = (asTarget ? words?.sourceAttributions : words?.targetAttributions)?.values ?? new Float32Array();
  return (words?.source ?? []).map((word, i) => ({ word, score: scores[i] ?? 0 }));
}

function isEvidence({ span }: Token, { input, evidence }: Item): boolean {
  const units = (codePoints: number): number => [...input].slice(0, codePoints).join("").length;
  return span !== null && evidence.some(([start, end]) => span[0] < units(end) && span[1] > units(start));
}
