/** The aggregator `pair`: compares two attributions of the same shape element by element. */

import { OptionError } from "../errors.ts";
import type { Completeness, Scores, SequenceAttribution, Token } from "../result/attribution.ts";

export interface PairOptions {
  /** The attribution to compare with ("other"). */
  readonly pairedAttr: SequenceAttribution;
  /** One number for a score of this attribution and the other's. Default: other - self, the change from self to other. */
  readonly pairFn?: ((self: number, other: number) => number) | undefined;
}

/**
 * `pairFn(self, other)` for every attribution, step score and sequence score. Where the tokens differ the result says
 * `self → other`, with id -1.
 * @throws OptionError when lengths, positions, shapes or score names differ.
 */
export function aggregatePair(
  self: SequenceAttribution,
  { pairedAttr: other, pairFn = otherMinusSelf }: Partial<PairOptions>,
): SequenceAttribution {
  if (other === undefined)
    throw new OptionError("aggregate: pair: expected pairedAttr, the attribution to compare with, received none");
  const combined = (
    what: string,
    mine: Scores | null | undefined,
    theirs: Scores | null | undefined,
  ): Scores | null => {
    requireEqual(`shape of ${what}`, describe(mine), describe(theirs));
    if (!mine || !theirs) return null;
    return { shape: mine.shape, values: mine.values.map((value, i) => pairFn(value, theirs.values[i] ?? NaN)) };
  };
  const combinedRecord = (
    what: string,
    mine: Readonly<Record<string, Scores>>,
    theirs: Readonly<Record<string, Scores>>,
  ) => {
    requireEqual(`names of ${what}`, Object.keys(mine).sort().join(", "), Object.keys(theirs).sort().join(", "));
    const entries = Object.keys(mine).map(
      (name) => [name, combined(`${what} ${name}`, mine[name], theirs[name])] as const,
    );
    return Object.fromEntries(entries.flatMap(([name, scores]) => (scores ? [[name, scores]] : [])));
  };
  requireEqual("number of source tokens", self.source.length, other.source.length);
  requireEqual("number of target tokens", self.target.length, other.target.length);
  requireEqual("attrPosStart", self.attrPosStart, other.attrPosStart);
  requireEqual("attrPosEnd", self.attrPosEnd, other.attrPosEnd);
  return {
    ...self,
    source: pairedTokens(self.source, other.source),
    target: pairedTokens(self.target, other.target),
    sourceAttributions: combined("source attributions", self.sourceAttributions, other.sourceAttributions),
    targetAttributions: combined("target attributions", self.targetAttributions, other.targetAttributions),
    stepScores: combinedRecord("step scores", self.stepScores, other.stepScores),
    sequenceScores: combinedRecord("sequence scores", self.sequenceScores, other.sequenceScores),
    completeness: combinedCompleteness(self.completeness, other.completeness, pairFn),
  };
}

/** Differences add up to the difference of the sums; of another function that says nothing. */
function combinedCompleteness(
  mine: Completeness | undefined,
  theirs: Completeness | undefined,
  pairFn: NonNullable<PairOptions["pairFn"]>,
): Completeness | undefined {
  if (mine === undefined || theirs === undefined || pairFn !== otherMinusSelf) return undefined;
  const change = (a: Float32Array, b: Float32Array) => a.map((x, g) => pairFn(x, b[g] ?? Number.NaN));
  const { value, baseline, sum, gap } = theirs;
  return {
    value: change(mine.value, value),
    baseline: mine.baseline && baseline && change(mine.baseline, baseline),
    sum: change(mine.sum, sum),
    gap: mine.gap && gap && change(mine.gap, gap),
  };
}

const otherMinusSelf = (self: number, other: number): number => other - self;

/** a - b: how the scores change from b to a. */
export function subtract(a: SequenceAttribution, b: SequenceAttribution): SequenceAttribution {
  return aggregatePair(b, { pairedAttr: a });
}

function pairedTokens(mine: readonly Token[], theirs: readonly Token[]): Token[] {
  return mine.map((token, i) => {
    const other = theirs[i]?.token ?? token.token;
    return other === token.token ? token : { token: `${token.token} → ${other}`, id: -1, span: null };
  });
}

function describe(scores: Scores | null | undefined): string {
  return scores ? `[${scores.shape.join(", ")}]` : "none";
}

function requireEqual(what: string, mine: number | string, theirs: number | string): void {
  if (mine === theirs) return;
  throw new OptionError(
    `aggregate: pair: expected the same ${what} in both attributions, received ${mine} and ${theirs}; ` +
      "aggregate both the same way first",
  );
}
