/** Every metric on numbers that can be followed by hand. */

import type { MetricId, MetricOptions } from "../../../src/evaluate/registry.ts";
import { additive, type Given } from "../../support/questions.ts";

/** What is given, what comes out, and for which options. */
export type Example = readonly [given: Given, value: number | null, options?: MetricOptions];

/** f = 4·a + 2·b + 1·c + 1, the scores say b > a > c, a is evidence. */
const abc: Given = { scores: [2, 3, 1], value: (kept) => additive([4, 2, 1])(kept) + 1, evidence: [0] };
/** ln p of the same players, with p(x) = 1/e. */
const inLogarithms: Given = { ...abc, value: (kept, of) => (of === "logprob" ? additive([4, 2, 1])(kept) - 8 : 0) };
/**
 * Σ (√p − √q)²: nothing kept 1, half 1/2; two steps, of which the second never changes. The scores say that the second of two
 * players is all there is.
 */
const thinnedOut: Given = {
  scores: [0, 10],
  thinned: async (kept) =>
    kept.map((shares) => Float64Array.of(1 - shares.reduce((sum, share) => sum + share, 0) / shares.length, 0)),
};
/** Distances of one half and of one, by the definition of Hellinger: √(½ · ½), √(½ · 1). */
const [half, whole] = [0.5, Math.SQRT1_2];

export const examples: Readonly<Record<MetricId, readonly Example[]>> = {
  // Without b: 6 + 1 − 2 = 6 instead of 8. Without b and a: 2.
  comprehensiveness: [
    [abc, 2, { shares: [1 / 3] }],
    // Of three players half are one and a half: two for ERASER, one for ferret.
    [abc, 6, { shares: [0.5], protocol: "eraser" }],
    [abc, 2, { shares: [0.5], protocol: "ferret" }],
    [{ ...abc, scores: [-1, -2, -3] }, null, { protocol: "ferret" }],
  ],
  aopc_comprehensiveness: [
    [abc, (2 + 6) / 2, { shares: [1 / 3, 2 / 3] }],
    [abc, (2 + 6) / 3, { shares: [1 / 3, 2 / 3], protocol: "paper" }],
  ],
  // b alone: 3. All: 8.
  sufficiency: [[abc, 8 - 3, { shares: [1 / 3] }]],
  aopc_sufficiency: [[abc, (5 + 0) / 2, { shares: [1 / 3, 1] }]],
  // C: at the first step one player of two is kept.
  soft_comprehensiveness: [
    [thinnedOut, half / 2],
    [thinnedOut, 0.5 / Math.SQRT2 / 2, { distance: "reagent" }],
  ],
  // The second step loses nothing even without the text: it has no normalised form.
  soft_normalized_comprehensiveness: [
    [thinnedOut, half / whole],
    [thinnedOut, 0.5, { distance: "reagent" }],
  ],
  soft_sufficiency: [
    [thinnedOut, (1 - half + 1) / 2],
    [thinnedOut, (1 - 0.5 / Math.SQRT2 + 1) / 2, { distance: "reagent" }],
  ],
  soft_normalized_sufficiency: [
    [thinnedOut, (1 - half - (1 - whole)) / whole],
    [thinnedOut, 0.5, { distance: "reagent" }],
  ],
  // ln p without b, and without b and a: 2 and 6 less.
  log_odds: [[inLogarithms, -(2 + 6) / 2, { shares: [1 / 3, 2 / 3] }]],
  // f of nothing, b, b a, all: 1, 3, 7, 8.
  insertion: [[abc, (1 / 2 + 3 + 7 + 8 / 2) / 3]],
  // f along b, a, c: 8, 6, 2, 1.
  deletion: [
    [abc, (8 / 2 + 6 + 2 + 1 / 2) / 3],
    [abc, (8 + 1) / 2, { steps: 1 }],
  ],
  // f along c, a, b: 8, 7, 3, 1; along b, a, c as above.
  morf_lerf: [[abc, (0 + 1 + 1 + 0) / 3]],
  // Along b, a, c: 7, 5, 1, 0 of 7.
  rise: [[inLogarithms, (1 / 2 + 5 / 7 + 1 / 7) / 3]],
  // The scores left are 6, 3, 1, 0 of 6: penalties 0, 5/7 − 3/6, 1/6 − 1/7, 0.
  mas: [
    [inLogarithms, (1 / 2 + 5 / 7 + (5 / 7 - 3 / 6) + 1 / 6) / 3],
    [{ ...inLogarithms, scores: [-1, -2, -3] }, null],
  ],
  // Everybody is removed in every sample: (6 − 7)², and with the best factor nothing is left of it.
  infidelity: [
    [abc, 1, { removed: 1, samples: 3 }],
    [abc, 0, { removed: 1, samples: 3, normalize: true }],
  ],
  // Changes of the length 0, 1 and 5 beside scores of the length 5; scores of the length 0 count as 1.
  max_sensitivity: [
    [
      {
        scores: [3, 4, 0],
        nearby: [
          [3, 4, 0],
          [3, 4, 1],
          [0, 4, 4],
        ],
      },
      5 / 5,
    ],
    [{ scores: [0, 0], nearby: [[3, 4]] }, 5],
  ],
  // Scores 2 3 1 beside effects 4 2 1: one pair of three is the other way round.
  leave_one_out_correlation: [
    [abc, 1 / 3],
    [abc, 1 / 2, { coefficient: "spearman" }],
    [{ ...abc, scores: [1, 1, 1] }, null],
  ],
  // The scores add up to 6, the change from 1 to 8 is 7.
  completeness_gap: [[abc, 1]],
  // Ranks 2 3 1 beside 1 2 3: 1 − 6 · (1 + 1 + 4) / (3 · 8).
  parameter_randomization: [[{ scores: [3, 4, 0], randomized: [1, 2, 3] }, -1 / 2]],
  // b is on top, a is evidence. Of two on top, one is.
  top_1: [
    [abc, 0],
    [{ scores: [3, 3, 1], evidence: [0] }, 1 / 2],
  ],
  recovery: [
    [abc, 0, { share: 1 / 3 }],
    [abc, 1, { share: 2 / 3 }],
    // Scores that are not positive point at nothing.
    [{ ...abc, scores: [0, -1, -2] }, 0, { share: 1 }],
  ],
  mrr: [[abc, 1 / 2]],
  probes_needed: [[abc, 1]],
  auprc: [
    [abc, 1 / 2],
    // Points (0, 1), (0, 0), (1, 1/2).
    [abc, (0 + 1 / 2) / 2, { area: "trapezoids" }],
    // One tie of all: the share of evidence, or half way up to 1.
    [{ scores: [1, 1, 1, 1], evidence: [2] }, 1 / 4],
    [{ scores: [1, 1, 1, 1], evidence: [2] }, (1 + 1 / 4) / 2, { area: "trapezoids" }],
  ],
  token_f1: [
    [abc, (2 * 1) / (3 + 1)],
    [abc, 0, { k: "evidence" }],
    [{ scores: [2, 3, -1], evidence: [0] }, (2 * 1) / (2 + 1), { positive: true }],
  ],
  token_iou: [
    [abc, 1 / 2, { k: 2 }],
    [{ scores: [2, 3, -1], evidence: [2] }, 0, { positive: true }],
  ],
  dot_product: [[abc, 2]],
  relevance_mass: [
    [abc, 2 / 6],
    [{ scores: [3, -5, 1], evidence: [0, 1] }, 3 / 4],
    [{ scores: [0, -1], evidence: [0] }, null],
  ],
};
