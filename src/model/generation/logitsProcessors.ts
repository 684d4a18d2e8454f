/**
 * Rules that forbid, force or reweigh next tokens, on the host.
 *
 * A processor maps the ids of a row so far (prompt or decoder start included) and the scores [V] of its next token to new
 * scores, −∞ for a token that may not come. It never changes its arguments and returns `scores` itself when its rule has
 * nothing to say. Names, conditions and arithmetic (float32) are those of Hugging Face transformers; `processorChain.ts`
 * has their order. Where that library counts padding as tokens, nothing is padding here.
 */

import { OptionError } from "../../errors.ts";

export type LogitsProcessor = (ids: readonly number[], scores: Float32Array) => Float32Array;

/** Scores of tokens that have occurred are divided by `penalty` when positive, multiplied when negative (Keskar et al. 2019). */
export function repetitionPenalty(penalty: number): LogitsProcessor {
  const factor = Math.fround(penalty);
  return (ids, scores) => {
    const result = scores.slice();
    for (const id of new Set(ids)) {
      const score = scores[id];
      if (score !== undefined) result[id] = score < 0 ? score * factor : score / factor;
    }
    return result;
  };
}

/** No `n` tokens in a row occur twice in the text. */
export function noRepeatNgram(n: number): LogitsProcessor {
  return (ids, scores) => (ids.length < n ? scores : without(scores, followers(ids, ids, n)));
}

/** No `n` tokens in a row are copied from the source (or the prompt). */
export function encoderNoRepeatNgram(n: number, sourceIds: readonly number[]): LogitsProcessor {
  return (ids, scores) => (ids.length + 1 < n ? scores : without(scores, followers(sourceIds, ids, n)));
}

/**
 * The last token of a bad word may not come when the others have just come. A word that is a single EOS is left out.
 */
export function badWords(words: readonly (readonly number[])[], eos: readonly number[]): LogitsProcessor {
  const forbidden = words.filter((word) => !(word.length === 1 && eos.includes(word[0] ?? -1)));
  return (ids, scores) => {
    const complete = forbidden.filter((word) => {
      const from = ids.length - (word.length - 1);
      return from >= 0 && word.slice(0, -1).every((id, i) => ids[from + i] === id);
    });
    return without(
      scores,
      complete.map((word) => word.at(-1) ?? -1),
    );
  };
}

/** No EOS while the row is shorter than `length`. */
export function minLength(length: number, eos: readonly number[]): LogitsProcessor {
  return (ids, scores) => (ids.length < length ? without(scores, eos) : scores);
}

/** A row of one token goes on with `id`. */
export function forcedBos(id: number): LogitsProcessor {
  return (ids, scores) => (ids.length === 1 ? only(scores, [id]) : scores);
}

/** The last token before `maxLength` is one of `eos`. */
export function forcedEos(maxLength: number, eos: readonly number[]): LogitsProcessor {
  return (ids, scores) => (ids.length === maxLength - 1 ? only(scores, eos) : scores);
}

/**
 * From `start` new tokens on, EOS becomes likelier with every token: score + |score| (factorⁿ − 1), n tokens after.
 */
export function exponentialDecayLength(
  [start, factor]: readonly [number, number],
  eos: readonly number[],
  promptLength: number,
): LogitsProcessor {
  return (ids, scores) => {
    const after = ids.length - (start + promptLength);
    if (after <= 0) return scores;
    const result = scores.slice();
    const growth = Math.fround(factor ** after - 1);
    for (const id of eos) {
      const score = scores[id];
      if (score !== undefined && Number.isFinite(score)) result[id] = score + Math.fround(Math.abs(score) * growth);
    }
    return result;
  };
}

/** None of `tokens`, ever. */
export function suppress(tokens: readonly number[]): LogitsProcessor {
  return (_ids, scores) => without(scores, tokens);
}

/** None of `tokens` when the row has `length` tokens, which is where generation begins. */
export function suppressAtBegin(tokens: readonly number[], length: number): LogitsProcessor {
  return (ids, scores) => (ids.length === length ? without(scores, tokens) : scores);
}

/** log softmax of a row: scores − log Σ exp(scores), in float64 until the result. */
export function logSoftmax(scores: Float32Array): Float32Array {
  const top = highest(scores);
  let total = 0;
  for (const score of scores) total += Math.exp(score - top);
  const logTotal = top + Math.log(total);
  const result = new Float32Array(scores.length);
  for (let id = 0; id < scores.length; id++) result[id] = (scores[id] ?? Number.NaN) - logTotal;
  return result;
}

/**
 * The highest score.
 * @throws OptionError when all are −∞: the rules forbid every token
 */
export function highest(scores: Float32Array): number {
  let top = Number.NEGATIVE_INFINITY;
  for (const score of scores) if (score > top) top = score;
  if (top > Number.NEGATIVE_INFINITY) return top;
  throw new OptionError(
    "generation: expected at least one token that may come next, but badWordsIds, suppressTokens, noRepeatNgramSize, " +
      "minLength and the like forbid all of them together; loosen one of them",
  );
}

/** The tokens that would complete, at the end of `ids`, a run of `n` tokens of `text`. */
function followers(text: readonly number[], ids: readonly number[], n: number): number[] {
  const prefix = ids.slice(ids.length + 1 - n);
  const found: number[] = [];
  for (let end = n - 1; end < text.length; end++) {
    if (prefix.every((id, i) => text[end + 1 - n + i] === id)) found.push(text[end] ?? -1);
  }
  return found;
}

function without(scores: Float32Array, tokens: readonly number[]): Float32Array {
  if (tokens.length === 0) return scores;
  const result = scores.slice();
  for (const id of tokens) if (id >= 0 && id < result.length) result[id] = Number.NEGATIVE_INFINITY;
  return result;
}

function only(scores: Float32Array, tokens: readonly number[]): Float32Array {
  const result = new Float32Array(scores.length).fill(Number.NEGATIVE_INFINITY);
  for (const id of tokens) result[id] = 0;
  return result;
}
