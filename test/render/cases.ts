/** Sequences for the tests of the views: real results, and texts made to do harm. */

import { readFileSync } from "node:fs";
import type { Scores, SequenceAttribution, Token } from "../../src/result/attribution.ts";

interface Map2D {
  readonly rows: number;
  readonly columns: number;
  readonly valueAt: (row: number, column: number) => number;
}

/** A sequence of the golden files, which hold aggregated results as JSON with null for NaN. */
export function goldenSequence(path: string, index = 0): SequenceAttribution {
  const file = new URL(`../golden/${path}`, import.meta.url);
  return fromPlainJson(JSON.parse(readFileSync(file, "utf8")).sequences[index]);
}

interface PlainSequence {
  readonly source: string[];
  readonly target: string[];
  readonly source_attributions: (number | null)[][] | null;
  readonly target_attributions: (number | null)[][] | null;
  readonly step_scores: Record<string, number[]>;
  readonly attr_pos_start: number;
  readonly attr_pos_end: number;
}

export function fromPlainJson(plain: PlainSequence): SequenceAttribution {
  const scores = (rows: (number | null)[][] | null): Scores | null =>
    rows === null
      ? null
      : {
          shape: [rows.length, plain.attr_pos_end - plain.attr_pos_start],
          values: Float32Array.from(rows.flat(), (value) => value ?? Number.NaN),
        };
  return sequence({
    source: plain.source,
    target: plain.target,
    start: plain.attr_pos_start,
    end: plain.attr_pos_end,
    sourceAttributions: scores(plain.source_attributions),
    targetAttributions: scores(plain.target_attributions),
    stepScores: plain.step_scores,
  });
}

export function sequence(parts: {
  readonly source?: readonly string[];
  readonly target: readonly string[];
  readonly start: number;
  readonly end?: number;
  readonly sourceAttributions?: Scores | null;
  readonly targetAttributions?: Scores | null;
  readonly stepScores?: Readonly<Record<string, readonly number[]>>;
}): SequenceAttribution {
  const { source = [], target, start, end = target.length } = parts;
  const stepScores = Object.entries(parts.stepScores ?? {}).map(([name, values]) => [
    name,
    { shape: [values.length], values: Float32Array.from(values) },
  ]);
  return {
    kind: "coarse",
    source: source.map(token),
    target: target.map(token),
    sourceAttributions: parts.sourceAttributions ?? null,
    targetAttributions: parts.targetAttributions ?? null,
    stepScores: Object.fromEntries(stepScores),
    sequenceScores: {},
    attrPosStart: start,
    attrPosEnd: end,
    defaultAggregators: [],
    stepScoreAggregation: {},
    dimensionNames: [],
  };
}

export function scores({ rows, columns, valueAt }: Map2D): Scores {
  const values = Float32Array.from({ length: rows * columns }, (_, at) =>
    valueAt(Math.floor(at / columns), at % columns),
  );
  return { shape: [rows, columns], values };
}

/** A decoder-only result over `target`: row i is NaN for the tokens that were not generated after it. */
export function causal(target: readonly string[], start: number, valueAt = wave): SequenceAttribution {
  const columns = target.length - start;
  const targetAttributions = scores({
    rows: target.length,
    columns,
    valueAt: (row, column) => (row >= start + column ? Number.NaN : valueAt(row, column)),
  });
  const probability = Array.from({ length: columns }, (_, column) => 1 / (1 + column));
  return sequence({ target, source: target.slice(0, start), start, targetAttributions, stepScores: { probability } });
}

/** Scores of both signs without a pattern that a mistake could keep. */
export function wave(row: number, column: number): number {
  return Math.sin(1 + row * 1.7 + column * 0.9) * Math.exp(-((row * 7 + column * 3) % 11) / 5);
}

/** Byte-level tokens of a short story, the word after it generated. */
export const storyTokens = (
  "Once Ġthere Ġwas Ġa Ġkind Ġgard ener Ġcalled ĠSimon . ĠHe Ġhad Ġa Ġgolden Ġbox Ġand Ġa Ġred Ġbi cycle . ĠFrom Ġthe " +
  "Ġwindow Ġyou Ġcould Ġsee Ġthat Ġthe Ġpicture Ġwas Ġvery Ġold . ĠHe"
).split(" ");

/** The story with scores as attribution gives them: strong on the name and the pronoun, weak elsewhere. */
export function story(): SequenceAttribution {
  const strong = new Map([
    ["ĠSimon", 0.41],
    ["ĠHe", 0.33],
    ["Ġgard", -0.12],
    ["ener", -0.05],
  ]);
  return causal(
    storyTokens,
    storyTokens.length - 1,
    (row) => strong.get(storyTokens[row] ?? "") ?? 0.01 * Math.sin(row),
  );
}

export const hostileTokens: readonly string[] = [
  "<script>alert(1)</script>",
  "</script><script>alert(2)</script>",
  '"><img src=x onerror=alert(3)>',
  "'-alert(4)-'",
  "<!--",
  "]]>",
  "&lt;b&gt;",
  "\u001b[31mred\u001b[0m",
  "\u001b]0;title\u0007",
  "\u009b2J",
  "\u202Eevil\u202C",
  "\u2066isolate\u2069",
  "a\u0000b",
  "\uD83D",
  "\uDC00x",
  "\uFFFE\uFFFF",
  "👩‍👩‍👧‍👦",
  "👍🏽",
  "❤️",
  "e\u0301",
  `z${"\u0335".repeat(300)}`,
  "日本語テキスト",
  "한국어",
  "שלום",
  "مرحبا",
  "\u200B",
  "\u00AD",
  "\uFEFF",
  "\n",
  "\r\n\t",
  "   ",
  "",
  "\u2028",
  "<0x0A>",
  "<0xE2>",
  "▁word",
  "</s>",
  "x".repeat(500),
];

/** Both maps with hostile tokens on every side, and a hostile step score. */
export function hostile(): SequenceAttribution {
  const size = hostileTokens.length;
  return sequence({
    source: hostileTokens,
    target: ["<pad>", ...hostileTokens],
    start: 1,
    sourceAttributions: scores({ rows: size, columns: size, valueAt: wave }),
    targetAttributions: scores({
      rows: size + 1,
      columns: size,
      valueAt: (row, column) => (row > column ? Number.NaN : wave(row, column)),
    }),
    stepScores: { "</script><b>\u001b[1m": hostileTokens.map((_, index) => index / 7) },
  });
}

function token(text: string, id: number): Token {
  return { token: text, id, span: null };
}
