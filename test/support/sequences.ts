/** Random attributions for property tests. */

import fc from "fast-check";
import type { Scores, SequenceAttribution, Token } from "../../src/result/attribution.ts";

const piece = fc.constantFrom("▁a", "▁be", "c", "d", ".", "▁");

function tokens(count: number): fc.Arbitrary<Token[]> {
  return fc.array(piece, { minLength: count, maxLength: count }).map((pieces) => {
    const ends = pieces.map((_, i) => pieces.slice(0, i + 1).join("").length);
    return pieces.map((token, i) => ({ token, id: 10 + i, span: [ends[i - 1] ?? 0, ends[i] ?? 0] }));
  });
}

function scores(shape: number[], keep: (row: number, column: number) => boolean = () => true): fc.Arbitrary<Scores> {
  const [, columns = 1, inner = 1] = shape;
  const size = shape.reduce((total, n) => total * n, 1);
  // Multiples of 1/1024: no sums of magnitudes below the 1e-12 at which normalisation stops.
  const value = fc.integer({ min: -4096, max: 4096 }).map((n) => (n === 0 ? 0 : n / 1024));
  return fc.array(value, { minLength: size, maxLength: size }).map((values) => ({
    shape,
    values: Float32Array.from(values, (x, i) => {
      const cell = Math.floor(i / inner);
      return keep(Math.floor(cell / columns), cell % columns) ? x : NaN;
    }),
  }));
}

/** Sequences with source, target prefix, step scores and a map of the encoder; D = 0 means two axes. */
export const sequences: fc.Arbitrary<SequenceAttribution> = fc
  .record({
    S: fc.integer({ min: 1, max: 7 }),
    T: fc.integer({ min: 2, max: 8 }),
    D: fc.constantFrom(0, 1, 3),
    startShare: fc.double({ min: 0, max: 0.99, noNaN: true }),
    endShare: fc.double({ min: 0, max: 1, noNaN: true }),
    decoderOnly: fc.boolean(),
  })
  .chain(({ S, T, D, startShare, endShare, decoderOnly }) => {
    const start = 1 + Math.floor(startShare * (T - 1));
    const end = Math.min(T, start + 1 + Math.floor(endShare * (T - start)));
    const sourceLength = decoderOnly ? start : S;
    const inner = D === 0 ? [] : [D];
    const target = tokens(T);
    return fc
      .record({
        source: tokens(sourceLength),
        target,
        sourceAttributions: decoderOnly ? fc.constant(null) : scores([S, end - start, ...inner]),
        targetAttributions: scores([end, end - start, ...inner], (row, column) => row < start + column),
        probability: scores([end - start]),
        encoder: scores([sourceLength, sourceLength, ...inner]),
      })
      .map(
        ({ source, target, sourceAttributions, targetAttributions, probability, encoder }): SequenceAttribution => ({
          kind: D === 0 ? "coarse" : "granular",
          source: decoderOnly ? target.slice(0, start) : source,
          target,
          sourceAttributions,
          targetAttributions,
          stepScores: { probability },
          sequenceScores: { encoder_self_attentions: encoder },
          attrPosStart: start,
          attrPosEnd: end,
          defaultAggregators: D === 0 ? [] : ["vnorm"],
          stepScoreAggregation: {},
          dimensionNames: D === 0 ? [] : ["Embedding Dimension"],
        }),
      );
  });

/** A decoder-only sequence with the given tokens, of which the last `generated` are attributed; scores are 1, 2, 3, ... */
export function decoderOnly(pieces: readonly string[], generated: number): SequenceAttribution {
  const target = pieces.map((token, i): Token => ({ token, id: i, span: null }));
  const start = pieces.length - generated;
  const values = Float32Array.from({ length: pieces.length * generated }, (_, i) =>
    Math.floor(i / generated) < start + (i % generated) ? i + 1 : NaN,
  );
  return {
    kind: "coarse",
    source: target.slice(0, start),
    target,
    sourceAttributions: null,
    targetAttributions: { shape: [pieces.length, generated], values },
    stepScores: {},
    sequenceScores: {},
    attrPosStart: start,
    attrPosEnd: pieces.length,
    defaultAggregators: [],
    stepScoreAggregation: {},
    dimensionNames: [],
  };
}
