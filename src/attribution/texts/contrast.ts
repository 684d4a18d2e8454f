/**
 * The contrast of a sequence: for each attributed position t the position c in another text whose token (and prefix) it
 * is compared with.
 *
 * Where the caller gives no pair for t, the texts are aligned from their ends: the k-th token from the end of one with
 * the k-th from the end of the other, and with the last one where the contrast is too short.
 */

import { OptionError } from "../../errors.ts";
import type { Encoding } from "../../text/tokenizer.ts";
import type { Sequence } from "../sequence.ts";

/** Pairs of positions (original target, contrast target). */
export type Alignment = readonly (readonly [original: number, contrast: number])[];

export interface Contrast {
  /** Another source text, or null for the same one. */
  readonly source: Encoding | null;
  /** Another target text, or null for the same one. */
  readonly target: Encoding | null;
  /** c for each t in start ≤ t < end. */
  readonly positions: readonly number[];
  /** Id of token c, likewise. */
  readonly ids: readonly number[];
  /** Its string in the vocabulary. */
  readonly tokens: readonly string[];
}

/** Whether only the token differs, so that there is nothing else to run. */
export const inSameContext = ({ source, target }: Contrast): boolean => source === null && target === null;

/**
 * Aligns every attributed position.
 *
 * Of several pairs for one position the first counts whose contrast position is still free, else the first. Pairs that
 * point outside the contrast are errors, not ignored.
 * @throws OptionError when a pair is out of range
 */
function align(sequence: Sequence, contrast: Encoding, pairs: Alignment): number[] {
  const { start, end, target } = sequence;
  const sorted = [...pairs].sort(([a, c], [b, d]) => a - b || c - d);
  for (const [original, other] of sorted) {
    const whole = Number.isInteger(original) && Number.isInteger(other);
    if (whole && original >= 0 && original < target.ids.length && other >= 1 && other < contrast.ids.length) continue;
    throw new OptionError(
      `contrastTargetsAlignments: expected pairs (0..${target.ids.length - 1}, 1..${contrast.ids.length - 1}), ` +
        `received (${original}, ${other})`,
    );
  }
  const used = new Set<number>();
  return Array.from({ length: end - start }, (_, g) => {
    const t = start + g;
    const candidates = sorted.filter(([original]) => original === t).map(([, other]) => other);
    const chosen = candidates.find((other) => !used.has(other)) ?? candidates[0];
    if (chosen !== undefined) {
      used.add(chosen);
      return chosen;
    }
    const fromEnd = contrast.ids.length - (target.ids.length - t);
    return fromEnd > 0 ? fromEnd : contrast.ids.length - 1;
  });
}

/**
 * The contrast of a sequence.
 * @throws OptionError when the contrast target has no token to compare with
 */
export function createContrast(
  sequence: Sequence,
  source: Encoding | null,
  target: Encoding | null,
  pairs: Alignment,
): Contrast {
  if (target === null) {
    const positions = Array.from({ length: sequence.end - sequence.start }, (_, g) => sequence.start + g);
    return contrastAt(source, target, positions, sequence.target);
  }
  if (target.ids.length < 2) {
    throw new OptionError(
      `contrastTargets: expected a text with at least one token after the first, received ${target.ids.length} ` +
        "token(s); give a text that has a token to compare with",
    );
  }
  const positions = align(sequence, target, pairs);
  return contrastAt(source, target, positions, target);
}

function contrastAt(
  source: Encoding | null,
  target: Encoding | null,
  positions: readonly number[],
  { ids, tokens }: Encoding,
): Contrast {
  return {
    source,
    target,
    positions,
    ids: positions.map((c) => ids[c] ?? 0),
    tokens: positions.map((c) => tokens[c] ?? ""),
  };
}
