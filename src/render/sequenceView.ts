/** What every view draws: one sequence's heat maps, step scores and readable tokens, checked and named. */

import { dims } from "../dims.ts";
import { ShapeError } from "../errors.ts";
import type { Scores, SequenceAttribution, Token } from "../result/attribution.ts";
import { decodeTokens, looksSpecial } from "../text/tokenText.ts";
import { labelText, lineText, runningText } from "./visibleText.ts";

export interface TokenView {
  /** Its position among the source or the target tokens. */
  readonly index: number;
  readonly id: number;
  /** The vocabulary's own string, made visible. */
  readonly vocabulary: string;
  /** For tables: spaces as `·`. */
  readonly label: string;
  /** For running text: with real spaces and line ends. */
  readonly text: string;
  /** Added by the tokenizer (`</s>` and the like) rather than read in the text. */
  readonly special: boolean;
}

export interface HeatMap {
  readonly side: "source" | "target";
  /** The attributed tokens; those at the end without any score are left out. */
  readonly rows: readonly TokenView[];
  /** The score of a row for a generated token; NaN where it does not apply. */
  valueAt(row: number, column: number): number;
}

export interface SequenceView {
  readonly source: readonly TokenView[];
  readonly target: readonly TokenView[];
  /** The attributed tokens: the columns of the maps. */
  readonly generated: readonly TokenView[];
  readonly maps: readonly HeatMap[];
  readonly stepScores: readonly { readonly name: string; readonly values: Float32Array }[];
  /** What the scores of each step add up to, and should: for people who can read it below the scores. */
  readonly completeness: SequenceView["stepScores"];
  /** The largest finite absolute score of all maps. */
  readonly maxAbs: number;
  readonly hasNegative: boolean;
}

/** @throws ShapeError when the attributions still have more than two axes, or sizes do not agree. */
export function sequenceView(sequence: SequenceAttribution): SequenceView {
  const source = tokenViews(sequence.source);
  const target = tokenViews(sequence.target);
  const generated = target.slice(sequence.attrPosStart, sequence.attrPosEnd);
  const G = generated.length;
  const maps = [
    ...heatMap("source", source, sequence.sourceAttributions, G),
    ...heatMap("target", target, sequence.targetAttributions, G),
  ];
  const stepScores = Object.entries(sequence.stepScores).map(([name, scores]) => {
    dims(`render: step score "${name}"`, scores, "G", { G });
    return { name: lineText(name), values: scores.values };
  });
  const values = [sequence.sourceAttributions, sequence.targetAttributions].flatMap((scores) => scores?.values ?? []);
  let maxAbs = 0;
  let hasNegative = false;
  for (const value of values.flatMap((array) => [...array])) {
    if (Number.isFinite(value)) maxAbs = Math.max(maxAbs, Math.abs(value));
    hasNegative ||= value < 0;
  }
  const completeness = completenessRows(sequence);
  return { source, target, generated, maps, stepScores, completeness, maxAbs, hasNegative };
}

function completenessRows({ completeness, attrPosStart, attrPosEnd }: SequenceAttribution): SequenceView["stepScores"] {
  if (completeness === undefined) return [];
  const { value, baseline, sum, gap } = completeness;
  const G = attrPosEnd - attrPosStart;
  for (const values of [value, sum]) dims("render: completeness", { shape: [values.length] }, "G", { G });
  if (baseline === null || gap === null) {
    return [
      { name: "f(x)", values: value },
      { name: "Σ scores", values: sum },
    ];
  }
  return [
    { name: "f(x) − f(x′)", values: value.map((x, g) => x - (baseline[g] ?? Number.NaN)) },
    { name: "Σ scores", values: sum },
    { name: "gap", values: gap },
  ];
}

/** A token's label without the sign for a space before it: as a word in a list. */
export function wordLabel({ label }: TokenView): string {
  return label.replace(/^·(?=.)/, "");
}

/** How many rows of a map, from the first, reach the last one that has a score for a generated token. */
export function rowsBefore(map: HeatMap, column: number): number {
  let rows = map.rows.length;
  while (rows > 0 && Number.isNaN(map.valueAt(rows - 1, column))) rows--;
  return rows;
}

/** The tokens with the strongest scores for a generated token, strongest first. */
export function strongest(
  view: SequenceView,
  column: number,
  count: number,
): { readonly side: HeatMap["side"]; readonly token: TokenView; readonly value: number }[] {
  return view.maps
    .flatMap((map) => map.rows.map((token, row) => ({ side: map.side, token, value: map.valueAt(row, column) })))
    .filter(({ value }) => !Number.isNaN(value) && value !== 0)
    .sort((a, b) => Math.abs(b.value) - Math.abs(a.value))
    .slice(0, count);
}

function heatMap(side: HeatMap["side"], tokens: readonly TokenView[], scores: Scores | null, G: number): HeatMap[] {
  if (scores === null) return [];
  if (scores.shape.length !== 2) {
    throw new ShapeError(
      `render: expected ${side} attributions with two axes, attributed and generated tokens, received ` +
        `[${scores.shape.join(", ")}]: call aggregate() first`,
    );
  }
  const { R } = dims(`render: ${side} attributions`, scores, "R G", { G });
  if (R > tokens.length || (side === "source" && R < tokens.length)) {
    throw new ShapeError(
      `render: expected one row for each of the ${tokens.length} ${side} tokens, received ${R} rows`,
    );
  }
  let used = R;
  while (used > 0 && scores.values.subarray((used - 1) * G, used * G).every(Number.isNaN)) used--;
  const valueAt = (row: number, column: number) => scores.values[row * G + column] ?? Number.NaN;
  return [{ side, rows: tokens.slice(0, used), valueAt }];
}

function tokenViews(tokens: readonly Token[]): TokenView[] {
  const decoded = decodeTokens(tokens.map(({ token }) => token));
  return tokens.map(({ token, id, span }, index) => {
    const text = runningText(decoded[index] ?? "");
    const end = tokens[index - 1]?.span?.[1];
    // Vocabularies without a sign for spaces: the places in the text tell where there is one.
    const apart = span !== null && end !== undefined && span[0] > end && !/^\s/.test(text);
    return {
      index,
      id,
      vocabulary: labelText(token),
      label: labelText(decoded[index] ?? "") || "⟨empty⟩",
      text: apart ? ` ${text}` : text,
      special: looksSpecial(token),
    };
  });
}
