/**
 * What narrows the distribution that a next token is drawn from: temperature, top-k, top-p, min-p, typical.
 *
 * Each maps scores [V] to scores, −∞ for a token that is not drawn; the highest `keep` tokens always stay. They do what
 * the classes of the same names in Hugging Face transformers do, except that probabilities are added in float64, and
 * that among equal scores those of lower ids are cut first.
 */

import { logSoftmax } from "./logitsProcessors.ts";

export type Warper = (scores: Float32Array) => Float32Array;

/** scores / T: below 1 likelier tokens gain, above 1 they lose. */
export function temperature(T: number): Warper {
  return (scores) => scores.map((score) => score / Math.fround(T));
}

/** The `k` highest scores, and those equal to the last of them (Fan et al. 2018). */
export function topK(k: number, keep = 1): Warper {
  return (scores) => {
    const kth = kthHighest(scores, Math.max(k, keep));
    return scores.map((score) => (score < kth ? Number.NEGATIVE_INFINITY : score));
  };
}

/** The smallest set of likeliest tokens whose probabilities reach `p` together (Holtzman et al. 2020, "nucleus"). */
export function topP(p: number, keep = 1): Warper {
  return (scores) => {
    // Sorting numbers is many times quicker than sorting ids by them, so the cut is found as a score.
    const ascending = Float32Array.from(scores).sort();
    const logProbabilities = logSoftmax(ascending);
    let cut = 0;
    for (let sum = 0; cut < ascending.length - keep; cut++) {
      sum += Math.exp(logProbabilities[cut] ?? 0);
      if (sum > 1 - p) break;
    }
    const lowest = ascending[cut] ?? Number.NEGATIVE_INFINITY;
    let equalOnesToCut = cut - ascending.indexOf(lowest);
    return scores.map((score) => {
      const goes = score < lowest || (score === lowest && equalOnesToCut-- > 0);
      return goes ? Number.NEGATIVE_INFINITY : score;
    });
  };
}

/** Tokens at least `p` times as likely as the likeliest (Nguyen et al. 2024, arXiv 2407.01082). */
export function minP(p: number, keep = 1): Warper {
  return (scores) => {
    const logProbabilities = logSoftmax(scores);
    const threshold = p * Math.exp(logProbabilities.reduce((a, b) => Math.max(a, b)));
    const kept = new Set(likeliest(scores, keep));
    return scores.map((score, id) =>
      Math.exp(logProbabilities[id] ?? 0) < threshold && !kept.has(id) ? Number.NEGATIVE_INFINITY : score,
    );
  };
}

/**
 * Tokens whose surprise is nearest to the entropy, until their probabilities reach `mass` together (Meister et al. 2023,
 * "Locally typical sampling").
 */
export function typicalP(mass: number, keep = 1): Warper {
  return (scores) => {
    const logProbabilities = logSoftmax(scores);
    const ids = drawable(scores);
    const entropy = -ids.reduce(
      (sum, id) => sum + (logProbabilities[id] ?? 0) * Math.exp(logProbabilities[id] ?? 0),
      0,
    );
    const distance = (id: number): number => Math.fround(Math.abs(-(logProbabilities[id] ?? 0) - entropy));
    const nearest = ids.sort((a, b) => distance(a) - distance(b) || a - b);
    let sum = 0;
    let last = 0;
    for (const id of nearest) {
      sum += Math.exp(logProbabilities[id] ?? 0);
      if (sum >= mass) break;
      last += 1;
    }
    const limit = distance(nearest[Math.min(last, nearest.length - 1)] ?? 0);
    const kept = new Set(nearest.slice(0, keep));
    return scores.map((score, id) =>
      score > Number.NEGATIVE_INFINITY && (kept.has(id) || distance(id) <= limit) ? score : Number.NEGATIVE_INFINITY,
    );
  };
}

/** The k-th highest score, or the lowest of fewer. */
function kthHighest(scores: Float32Array, k: number): number {
  if (k >= scores.length) return Number.NEGATIVE_INFINITY;
  if (k > 256) return scores.slice().sort()[scores.length - k] ?? Number.NEGATIVE_INFINITY;
  // Few are looked for: they are kept in descending order while all pass by once.
  const best = new Float32Array(k).fill(Number.NEGATIVE_INFINITY);
  for (const score of scores) {
    let place = k;
    while (place > 0 && score > (best[place - 1] ?? score)) place -= 1;
    if (place === k) continue;
    best.copyWithin(place + 1, place, k - 1);
    best[place] = score;
  }
  return best[k - 1] ?? Number.NEGATIVE_INFINITY;
}

/** Ids of tokens that have not been forbidden. */
function drawable(scores: Float32Array): number[] {
  const ids: number[] = [];
  for (const [id, score] of scores.entries()) if (score > Number.NEGATIVE_INFINITY) ids.push(id);
  return ids;
}

function likeliest(scores: Float32Array, count: number): number[] {
  return drawable(scores)
    .sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b)
    .slice(0, count);
}
