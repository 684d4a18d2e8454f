/** From the scores of a sequence to its part of the result: tokens get their labels, scores their meaning. */

import type { Method } from "../method/registry.ts";
import type {
  Completeness,
  Scores,
  SequenceAttribution,
  SequenceKind,
  StepAttribution,
  Token,
} from "../result/attribution.ts";
import { defaultAggregators, dimensionNames } from "../result/kinds.ts";
import type { RegisteredScore } from "../score/registry.ts";
import type { ChatSpan } from "../text/chat.ts";
import type { Span } from "../text/span.ts";
import type { Encoding } from "../text/tokenizer.ts";
import type { ScoreRequest, SequenceScores } from "./engine.ts";
import type { Ends } from "./gradient/ends.ts";
import type { WidthReduction } from "./gradient/widthReduction.ts";
import type { Sequence } from "./sequence.ts";
import type { OutputSpans } from "./steps.ts";
import type { Contrast } from "./texts/contrast.ts";

/** How a token's label is written: the vocabulary's string, or its text. */
export type TokenLabel = (token: string, id: number) => string;

const kinds = {
  embeddings: "granular",
  sites: "granular",
  players: "coarse",
  internals: "multidimensional",
  nothing: "base",
} as const satisfies Record<Method["on"], SequenceKind>;

export function createSequenceAttribution(
  sequence: Sequence,
  scores: SequenceScores,
  request: {
    readonly method: Method;
    readonly stepScores: readonly ScoreRequest[];
    readonly contrasts: readonly Contrast[];
    readonly output: OutputSpans | null;
    readonly widthReduction?: WidthReduction | undefined;
  },
  label: TokenLabel,
  turns?: readonly ChatSpan[],
): SequenceAttribution {
  const { method, contrasts, output, widthReduction } = request;
  const T = sequence.target.ids.length;
  const isScalar = method.on === "internals" && method.dimensionNames.length === 0;
  const kind = isScalar ? "coarse" : kinds[method.on];
  const attributions = scores.targetAttributions ?? scores.sourceAttributions;
  const aggregators = attributions === null ? [] : defaultAggregators(kind, attributions);
  const input = sequence.source ?? firstTokens(sequence.target, sequence.promptLength);
  return {
    kind,
    source: tokensOf(input, label),
    target: output === null ? targetTokens(sequence, contrasts, label) : withSpans(sequence, output, label),
    sourceAttributions: scores.sourceAttributions,
    targetAttributions: scores.targetAttributions,
    stepScores: scores.stepScores,
    sequenceScores: scores.sequenceScores,
    attrPosStart: output === null ? sequence.start : T,
    attrPosEnd: output === null ? sequence.end : T + output.spans.length,
    defaultAggregators: widthReduction === undefined ? aggregators : [widthReduction, ...aggregators.slice(1)],
    stepScoreAggregation: Object.fromEntries(request.stepScores.flatMap(({ id, score }) => ownAggregation(id, score))),
    dimensionNames: dimensionNames(kind, attributions),
    ...(scores.ends && { completeness: completeness(scores, scores.ends) }),
    ...(turns && { turns }),
    ...(widthReduction && { aggregations: [{ aggregator: "width", aggregateFn: widthReduction }] }),
  };
}

/** What the scores of each step add up to; NaN is no score, and of several layers the mean is taken. */
function completeness(scores: SequenceScores, { value, baseline }: Ends): Completeness {
  const totals = scores.totals ?? sumsOfSteps(scores, value.length);
  const sum = Float32Array.from(totals);
  const gap = baseline && value.map((x, g) => x - (baseline[g] ?? Number.NaN) - (totals[g] ?? Number.NaN));
  return { value, baseline, sum, gap };
}

function sumsOfSteps({ sourceAttributions, targetAttributions }: SequenceScores, G: number): Float64Array {
  const totals = new Float64Array(G);
  for (const { shape, values } of [sourceAttributions, targetAttributions].filter((part) => part !== null)) {
    const inner = shape.slice(2).reduce((product, size) => product * size, 1);
    const layers = shape.slice(2, -1).reduce((product, size) => product * size, 1);
    for (const [i, score] of values.entries()) {
      const g = Math.floor(i / inner) % G;
      if (!Number.isNaN(score)) totals[g] = (totals[g] ?? 0) + score / layers;
    }
  }
  return totals;
}

/** How a registered score is merged over spans, if its author has said so. */
function ownAggregation(id: string, score: object): [string, string][] {
  const spans = (score as Partial<RegisteredScore>).aggregateMap?.spans;
  return spans === undefined ? [] : [[id, spans]];
}

function firstTokens({ ids, tokens, spans }: Encoding, length: number): Encoding {
  return { ids: ids.slice(0, length), tokens: tokens.slice(0, length), spans: spans.slice(0, length) };
}

function tokensOf({ ids, tokens, spans }: Encoding, label: TokenLabel): Token[] {
  return ids.map((id, i) => ({ token: label(tokens[i] ?? "", id), id, span: spans[i] ?? null }));
}

/** Attributed tokens that differ from their contrast are shown as `contrast → original`, with id −1; of several `a|b → original`. */
function targetTokens(sequence: Sequence, contrasts: readonly Contrast[], label: TokenLabel): Token[] {
  return tokensOf(sequence.target, label).map((token, t) => {
    const g = t - sequence.start;
    const foils = contrasts.flatMap(({ tokens, ids }) =>
      tokens[g] === undefined || tokens[g] === sequence.target.tokens[t] ? [] : [label(tokens[g], ids[g] ?? 0)],
    );
    if (g < 0 || foils.length === 0) return token;
    return { ...token, token: `${[...new Set(foils)].join("|")} → ${token.token}`, id: -1 };
  });
}

/** All tokens, and behind them the explained spans as tokens of their own, with id −1 and the strings of theirs. */
function withSpans({ target }: Sequence, { spans }: OutputSpans, label: TokenLabel): Token[] {
  const tokens = tokensOf(target, label);
  const joined = ([from, to]: Span): Token => ({
    token: tokens
      .slice(from, to)
      .map(({ token }) => token)
      .join(""),
    id: -1,
    span: null,
  });
  return [...tokens, ...spans.map(joined)];
}

/** The steps of a sequence one by one, as Inseq keeps them: a batch of one. */
export function stepsOf(sequence: SequenceAttribution): StepAttribution[] {
  const G = sequence.attrPosEnd - sequence.attrPosStart;
  return Array.from({ length: G }, (_, g) => {
    const t = sequence.attrPosStart + g;
    const perStep = Object.entries(sequence.stepScores).map(([id, { values }]): [string, Scores] => [
      id,
      { shape: [1], values: values.slice(g, g + 1) },
    ]);
    const target = sequence.target[t];
    return {
      kind: sequence.kind,
      sourceAttributions: column(sequence.sourceAttributions, g, sequence.source.length),
      targetAttributions: column(sequence.targetAttributions, g, t),
      stepScores: Object.fromEntries(perStep),
      sequenceScores: {},
      source: [sequence.source],
      prefix: [sequence.target.slice(0, t)],
      target: [target === undefined ? [] : [target]],
    };
  });
}

/** Column g of the first `rows` rows, [1, rows, ...]. */
function column(scores: Scores | null, g: number, rows: number): Scores | null {
  if (scores === null) return null;
  const [, G = 1, ...rest] = scores.shape;
  const size = rest.reduce((product, length) => product * length, 1);
  const values = new Float32Array(rows * size);
  for (let i = 0; i < rows; i++) {
    values.set(scores.values.subarray((i * G + g) * size, (i * G + g + 1) * size), i * size);
  }
  return { shape: [1, rows, ...rest], values };
}
