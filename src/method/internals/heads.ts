/** Choosing attention heads and layers: by number, from the end where negative. */

import { OptionError } from "../../errors.ts";

/** One, several, or those from `start` up to and not including `end`. Negative numbers count from the end. */
export type Choice = number | readonly number[] | { readonly start: number; readonly end: number };

/** The same for every layer, or a choice for each layer by its number; layers that are not named have none. */
export type ChoiceByLayer = Choice | Readonly<Record<number, Choice>>;

/**
 * The chosen ones of `count`, in the order given; all of them when nothing is chosen.
 * @throws OptionError for a number outside −count … count − 1, or an empty choice
 */
export function chosen(option: string, choice: Choice | undefined, count: number): number[] {
  if (choice === undefined) return Array.from({ length: count }, (_, i) => i);
  const given = typeof choice === "number" ? [choice] : isList(choice) ? choice : span(option, choice, count);
  if (given.length === 0) throw new OptionError(`${option}: expected at least one of ${count}, received none`);
  return given.map((number) => {
    if (Number.isInteger(number) && number >= -count && number < count) return number < 0 ? count + number : number;
    throw new OptionError(`${option}: expected integers from ${-count} to ${count - 1}, received ${number}`);
  });
}

/**
 * The chosen heads of one layer; none where a choice by layer leaves the layer out.
 * @throws OptionError as `chosen`
 */
export function chosenOfLayer(
  option: string,
  choice: ChoiceByLayer | undefined,
  layer: number,
  count: number,
): number[] {
  if (choice === undefined || typeof choice === "number" || isList(choice) || "start" in choice) {
    return chosen(option, choice as Choice | undefined, count);
  }
  const ofLayer = (choice as Readonly<Record<number, Choice>>)[layer];
  return ofLayer === undefined ? [] : chosen(`${option} of layer ${layer}`, ofLayer, count);
}

const isList = (choice: object): choice is readonly number[] => Array.isArray(choice);

function span(option: string, { start, end }: { readonly start: number; readonly end: number }, count: number) {
  const [from, to] = [start, end].map((place) => (place < 0 ? count + place : place)) as [number, number];
  if (Number.isInteger(from) && Number.isInteger(to) && from >= 0 && to <= count && from < to) {
    return Array.from({ length: to - from }, (_, i) => from + i);
  }
  throw new OptionError(`${option}: expected start < end within ${count}, received start ${start}, end ${end}`);
}
