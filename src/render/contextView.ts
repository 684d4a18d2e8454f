/** What both views of an attributed context show: its tokens as text, and which of them stand out. */

import type { AttributionInfo } from "../result/attribution.ts";
import type { ContextAttribution, ContextualCues } from "../result/contextAttribution.ts";
import { type SalienceOptions, salienceThreshold, salient } from "../result/salience.ts";
import { decodeTokens } from "../text/tokenText.ts";
import { labelText, lineText, runningText } from "./visibleText.ts";

export interface ScoredToken {
  /** As running text, with the space before it. */
  readonly text: string;
  readonly score: number;
}

export interface ContextText {
  readonly title: "Input context" | "Output context";
  readonly tokens: readonly ScoredToken[];
  /** Indices of the tokens that stand out. */
  readonly salient: ReadonlySet<number>;
}

/** One dependent token. */
export interface CuesView {
  /** Its index in the output. */
  readonly index: number;
  readonly token: string;
  readonly score: number;
  /** What it was compared with; null if with nothing, or with itself in another context. */
  readonly alternative: string | null;
  readonly contexts: readonly ContextText[];
  /** From which magnitude on a token stands out; those of both contexts are looked at together, as in Inseq. */
  readonly threshold: number;
  readonly maxAbs: number;
}

export interface ContextView {
  readonly output: readonly ScoredToken[];
  readonly maxAbs: number;
  /** From which magnitude on a token depends on the context. */
  readonly threshold: number;
  readonly cues: readonly CuesView[];
  /** The texts, by their titles. */
  readonly texts: readonly (readonly [title: string, text: string])[];
  /** How it was found, by names. */
  readonly facts: readonly (readonly [name: string, value: string])[];
}

export function contextView(result: ContextAttribution): ContextView {
  const { info, ctiScores } = result;
  const output = scoredTokens(result.outputCurrentTokens, ctiScores);
  const current = info?.input_current_text;
  const texts: (readonly [string, string | null])[] = [
    ["Input context", result.inputContext],
    ["Input", typeof current === "string" ? current : null],
    ["Output context", result.outputContext],
    ["Output", result.outputCurrent],
  ];
  return {
    output,
    maxAbs: largest(ctiScores),
    threshold: salienceThreshold(ctiScores, selection(info, "context_sensitivity").stdThreshold),
    cues: result.cciScores.map((cues) => cuesView(cues, result)),
    texts: texts.flatMap(([title, text]) => (text === null ? [] : [[title, runningText(text)] as const])),
    facts: info === null ? [] : factsOf(info),
  };
}

function cuesView(
  cues: ContextualCues,
  { info, inputContextTokens, outputContextTokens }: ContextAttribution,
): CuesView {
  const { inputContextScores, outputContextScores, contrastToken, ctiToken } = cues;
  const all = [...(inputContextScores ?? []), ...(outputContextScores ?? [])];
  const chosen = selection(info, "attribution");
  const threshold = salienceThreshold(all, chosen.stdThreshold);
  const context = (title: ContextText["title"], tokens: readonly string[] | null, scores: readonly number[] | null) =>
    tokens === null || scores === null
      ? []
      : [{ title, tokens: scoredTokens(tokens, scores), salient: new Set(salient(scores, chosen, threshold)) }];
  return {
    index: cues.ctiIdx,
    token: word(ctiToken),
    score: cues.ctiScore,
    alternative: contrastToken === null || contrastToken === ctiToken ? null : word(contrastToken),
    contexts: [
      ...context("Input context", inputContextTokens, inputContextScores),
      ...context("Output context", outputContextTokens, outputContextScores),
    ],
    threshold,
    maxAbs: largest(all),
  };
}

/** By what tokens were, or are to be chosen; Inseq's defaults where the result does not say. */
function selection(info: AttributionInfo | null, step: "context_sensitivity" | "attribution"): SalienceOptions {
  const std = info?.[`${step}_std_threshold`];
  const topk = info?.[`${step}_topk`];
  return {
    stdThreshold: typeof std === "number" || std === null ? std : 1,
    topk: typeof topk === "number" && topk > 0 ? topk : null,
  };
}

function factsOf(info: AttributionInfo): [string, string][] {
  const text = (key: string) => (typeof info[key] === "string" ? lineText(info[key]) : null);
  const facts: [string, string | null][] = [
    ["Model", text("model_name_or_path")],
    ["Context sensitivity", text("context_sensitivity_metric")],
    ["Tokens of the output", selectionText(selection(info, "context_sensitivity"))],
    ["Method", text("attribution_method")],
    ["Attributed function", text("attributed_fn")],
    ["Tokens of the contexts", selectionText(selection(info, "attribution"))],
  ];
  return facts.filter((fact): fact is [string, string] => fact[1] !== null);
}

/** How tokens are chosen, in words: `from mean + 1 std, at most 3`. */
export function selectionText({ stdThreshold, topk }: SalienceOptions): string {
  const parts = [
    ...(stdThreshold === null ? [] : [`from mean ${stdThreshold < 0 ? "−" : "+"} ${Math.abs(stdThreshold)} std`]),
    ...(topk === null ? [] : [`at most ${topk}`]),
  ];
  return parts.length === 0 ? "all" : parts.join(", ");
}

function scoredTokens(tokens: readonly string[], scores: readonly number[]): ScoredToken[] {
  return decodeTokens(tokens).map((text, i) => ({
    text: runningText(i === 0 ? text.trimStart() : text),
    score: scores[i] ?? Number.NaN,
  }));
}

/** A token as a word in a line. */
function word(token: string): string {
  const [text = ""] = decodeTokens([token]);
  return labelText(text.trim() === "" ? text : text.trim());
}

function largest(scores: readonly number[]): number {
  return scores.reduce((most, score) => (Number.isFinite(score) ? Math.max(most, Math.abs(score)) : most), 0);
}
