/** Some entries of an axis (layers, heads, scores), as PyTorch and Inseq let one choose them. */

import { OptionError } from "./errors.ts";

/** One index, a list of indices, or the range from `start` up to and not including `end`; negative ones count from the end. */
export type Indices = number | readonly number[] | { readonly start: number; readonly end: number };

/**
 * The chosen indices of an axis, each from 0 to size − 1, in the order given; all of them when nothing is chosen.
 * @param option what messages name
 * @throws OptionError for an index outside −size … size − 1, one that is there twice, and for none
 */
export function chosenIndices(option: string, chosen: Indices | undefined, size: number): number[] {
  if (chosen === undefined) return Array.from({ length: size }, (_, i) => i);
  const wrong = (expected: string) =>
    new OptionError(`${option}: expected ${expected}, of ${size} entries, received ${JSON.stringify(chosen)}`);
  const index = (value: number): number => {
    const fits = Number.isInteger(value) && value >= -size && value < size;
    if (!fits) throw wrong(`indices from ${-size} to ${size - 1}`);
    return value < 0 ? value + size : value;
  };
  if (typeof chosen === "number") return [index(chosen)];
  if ("start" in chosen) {
    const start = index(chosen.start);
    const end = chosen.end === size ? size : index(chosen.end);
    if (start >= end) throw wrong("a range with its start before its end");
    return Array.from({ length: end - start }, (_, k) => start + k);
  }
  const indices = chosen.map(index);
  if (indices.length === 0) throw wrong("at least one index");
  if (new Set(indices).size < indices.length) throw wrong("every index once");
  return indices;
}
