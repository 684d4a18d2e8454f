/** All scores of a sequence by token, ready for a table. */

import { OptionError } from "../errors.ts";
import type { Scores, SequenceAttribution, Token } from "../result/attribution.ts";

/** A token and where it stands, which tells equal tokens apart. */
export interface PositionedToken {
  readonly position: number;
  readonly token: string;
}

/** The scores of all attributed tokens for one generated token. */
export interface GeneratedTokenAttributions extends PositionedToken {
  readonly scores: readonly (PositionedToken & { readonly score: number })[];
}

/** The step scores of one generated token, by id. */
export interface GeneratedTokenScores extends PositionedToken {
  readonly scores: Readonly<Record<string, number>>;
}

/** One entry per generated token in each list; a list is empty where there are no such scores. */
export interface ScoresDicts {
  readonly sourceAttributions: readonly GeneratedTokenAttributions[];
  /** Target tokens up to `attrPosEnd`; NaN for those that do not precede the generated token. */
  readonly targetAttributions: readonly GeneratedTokenAttributions[];
  readonly stepScores: readonly GeneratedTokenScores[];
}

/**
 * The scores of an aggregated sequence. (Inseq's dictionaries have pairs of position and token as keys; these are lists
 * with the pair in each entry.)
 * @throws OptionError when the attributions have more than two axes.
 */
export function scoresDicts(sequence: SequenceAttribution): ScoresDicts {
  const { attrPosStart, attrPosEnd, target } = sequence;
  const columns = target.slice(attrPosStart, attrPosEnd).map(({ token }, g) => ({ position: attrPosStart + g, token }));
  const attributions = (scores: Scores | null, rows: readonly Token[]) =>
    scores === null ? [] : columns.map((column, g) => ({ ...column, scores: columnOf(scores, rows, g) }));
  return {
    sourceAttributions: attributions(sequence.sourceAttributions, sequence.source),
    targetAttributions: attributions(sequence.targetAttributions, target.slice(0, attrPosEnd)),
    stepScores: columns.map((column, g) => ({
      ...column,
      scores: Object.fromEntries(Object.entries(sequence.stepScores).map(([id, { values }]) => [id, values[g] ?? NaN])),
    })),
  };
}

function columnOf({ shape, values }: Scores, rows: readonly Token[], column: number) {
  const columns = shape[1] ?? 0;
  if (shape.length !== 2) {
    throw new OptionError(
      `getScoresDicts: expected attributions with two axes, received shape [${shape.join(", ")}]; aggregate them first`,
    );
  }
  return rows.map(({ token }, position) => ({ position, token, score: values[position * columns + column] ?? NaN }));
}
