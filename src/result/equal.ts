/** Equality of results up to rounding. */

import type { Attribution, Scores, SequenceAttribution, StepAttribution, Token } from "./attribution.ts";

/**
 * Whether two results have the same tokens, positions, score names and shapes, and scores that differ by `tolerance` at
 * most. NaN equals only NaN, infinities only themselves. `info` (which holds times), character spans, and what
 * `aggregate` does by default are not compared.
 */
export function attributionsEqual(a: Attribution, b: Attribution, tolerance = 1e-5): boolean {
  if (a.sequences.length !== b.sequences.length || a.steps?.length !== b.steps?.length) return false;
  const sequencesEqual = zip(a.sequences, b.sequences).every(([x, y]) => sequenceAttributionsEqual(x, y, tolerance));
  return sequencesEqual && zip(a.steps ?? [], b.steps ?? []).every(([x, y]) => stepsEqual(x, y, tolerance));
}

/** The same for one sequence. */
export function sequenceAttributionsEqual(a: SequenceAttribution, b: SequenceAttribution, tolerance = 1e-5): boolean {
  return (
    a.attrPosStart === b.attrPosStart &&
    a.attrPosEnd === b.attrPosEnd &&
    tokensEqual(a.source, b.source) &&
    tokensEqual(a.target, b.target) &&
    allScoresEqual(a, b, tolerance)
  );
}

function stepsEqual(a: StepAttribution, b: StepAttribution, tolerance: number): boolean {
  const listsEqual = (x: readonly (readonly Token[])[], y: readonly (readonly Token[])[]) =>
    x.length === y.length && zip(x, y).every(([mine, theirs]) => tokensEqual(mine, theirs));
  const sameTokens = listsEqual(a.source, b.source) && listsEqual(a.prefix, b.prefix) && listsEqual(a.target, b.target);
  return sameTokens && allScoresEqual(a, b, tolerance);
}

function allScoresEqual(
  a: SequenceAttribution | StepAttribution,
  b: SequenceAttribution | StepAttribution,
  tolerance: number,
): boolean {
  return (
    scoresEqual(a.sourceAttributions, b.sourceAttributions, tolerance) &&
    scoresEqual(a.targetAttributions, b.targetAttributions, tolerance) &&
    recordsEqual(a.stepScores, b.stepScores, tolerance) &&
    recordsEqual(a.sequenceScores, b.sequenceScores, tolerance)
  );
}

function tokensEqual(a: readonly Token[], b: readonly Token[]): boolean {
  return a.length === b.length && zip(a, b).every(([x, y]) => x.token === y.token && x.id === y.id);
}

function recordsEqual(
  a: Readonly<Record<string, Scores>>,
  b: Readonly<Record<string, Scores>>,
  tolerance: number,
): boolean {
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => name in b && scoresEqual(a[name] ?? null, b[name] ?? null, tolerance));
}

function scoresEqual(a: Scores | null, b: Scores | null, tolerance: number): boolean {
  if (a === null || b === null) return a === b;
  if (a.shape.join() !== b.shape.join()) return false;
  return a.values.every((x, i) => {
    const y = b.values[i] ?? NaN;
    return Object.is(x, y) || Math.abs(x - y) <= tolerance;
  });
}

function zip<A, B>(a: readonly A[], b: readonly B[]): [A, B][] {
  return a.flatMap((x, i) => {
    const y = b[i];
    return y === undefined ? [] : [[x, y]];
  });
}
