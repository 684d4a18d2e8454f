/** Items of any length whose evidence is known because they are made. */

import { OptionError } from "../../errors.ts";
import { rejectUnknownOptions } from "../../names.ts";
import { Random } from "../../random.ts";
import type { Span } from "../../text/span.ts";
import type { EvaluationItem } from "../item.ts";
import { promptItem } from "./continuation.ts";

/** How many items are made, and of what length. */
export interface GenerateOptions {
  /** Words in the prompt, about so many for needles. 100 by default. */
  readonly length?: number;
  /** 20 by default. */
  readonly count?: number;
  /** 0 by default. */
  readonly seed?: number;
}

/**
 * Needles in haystacks: a number said once among other sentences is asked for at the end; a second number, of something else,
 * is the foil (after the RULER tasks, Hsieh et al. 2024, arXiv 2404.06654).
 * @throws OptionError for a length below 30 words or a count below 1
 */
export function needleItems(options: GenerateOptions = {}): EvaluationItem[] {
  const { length, count, random } = checked("needleItems", options, 30);
  return Array.from({ length: count }, (_, i) => {
    const [asked = "", other = ""] = random.permutation(things.length).map((at) => things[at] ?? "");
    const [number, foil] = twoNumbers(random);
    const needle = `The number of the ${asked} is ${number}.`;
    const question = `The number of the ${asked} is`;
    const wanted = length - words(needle) * 2 - words(question);
    const hay: string[] = [];
    for (let filled = 0, at = random.below(sentences.length); filled < wanted; at++) {
      const sentence = sentences[at % sentences.length] ?? "";
      hay.push(sentence);
      filled += words(sentence);
    }
    hay.splice(random.below(hay.length + 1), 0, `The number of the ${other} is ${foil}.`);
    const place = random.below(hay.length + 1);
    hay.splice(place, 0, needle);
    const before = hay.slice(0, place).reduce((sum, sentence) => sum + sentence.length + 1, 0);
    const end = before + needle.length - 1;
    return promptItem(`${hay.join(" ")} ${question}`, number, {
      id: `needle ${i}`,
      foil,
      evidence: [[end - number.length, end]],
    });
  });
}

/**
 * Induction: words that mean nothing, none of them twice, are begun again and break off; what followed there the first time is
 * the target (Olsson et al. 2022, arXiv 2209.11895), another of the words the foil.
 * @throws OptionError for a length below 6 words or a count below 1
 */
export function inductionItems(options: GenerateOptions = {}): EvaluationItem[] {
  const { length, count, random } = checked("inductionItems", options, 6);
  return Array.from({ length: count }, (_, i) => {
    const first = Math.ceil((length + 1) / 2);
    const list = inventedWords(first, random);
    const again = length - first;
    const target = list[again] ?? "";
    const others = list.filter((_, at) => at !== again && at !== again - 1);
    const start = list.slice(0, again).reduce((sum, word) => sum + word.length + 1, 0);
    const evidence: Span = [start, start + target.length];
    return promptItem([...list, ...list.slice(0, again)].join(" "), target, {
      id: `induction ${i}`,
      foil: others[random.below(others.length)] ?? "",
      evidence: [evidence],
    });
  });
}

function checked(where: string, options: GenerateOptions, shortest: number) {
  rejectUnknownOptions(where, options, ["length", "count", "seed"]);
  const { length = 100, count = 20, seed = 0 } = options;
  for (const [name, value, least] of [
    ["length", length, shortest],
    ["count", count, 1],
  ] as const) {
    if (!(Number.isInteger(value) && value >= least)) {
      throw new OptionError(`${where}: expected ${name} to be a whole number from ${least} on, received ${value}`);
    }
  }
  return { length, count, random: new Random(seed) };
}

const words = (text: string): number => text.split(" ").length;

/** Two numbers of four digits that begin differently, so that their first tokens differ. */
function twoNumbers(random: Random): readonly [string, string] {
  const first = 1 + random.below(9);
  const second = ((first + random.below(8)) % 9) + 1;
  const rest = (): string => String(random.below(1000)).padStart(3, "0");
  return [`${first}${rest()}`, `${second}${rest()}`];
}

function inventedWords(count: number, random: Random): string[] {
  const found = new Set<string>();
  while (found.size < count) {
    const syllables = 2 + random.below(2);
    const syllable = (): string =>
      `${consonants[random.below(consonants.length)]}${vowels[random.below(vowels.length)]}`;
    found.add(Array.from({ length: syllables }, syllable).join(""));
  }
  return [...found];
}

const consonants = [..."bdfgklmnprstvz"];
const vowels = [..."aeiou"];
const things = [
  "red box",
  "old house",
  "blue car",
  "green door",
  "small boat",
  "tall tower",
  "white horse",
  "long train",
];
const sentences = [
  "The sun was warm and the street was quiet.",
  "A bird sat on the roof and looked at the garden.",
  "Nobody said a word for a long time.",
  "The children went home before the rain began.",
  "There was bread on the table and tea in the kitchen.",
  "In the evening the wind came from the sea.",
  "The old man told a story about a river.",
  "She opened the window and counted the stars.",
];
