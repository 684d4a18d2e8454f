/** Words, which may contain escape sequences, set in lines. */

import { columnsOf } from "./cells.ts";

/** Lines of at most `width` columns, with one space between words; a word is never broken. */
export function wrapWords(words: readonly string[], width: number): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const line = lines.at(-1);
    const fits = line !== undefined && columnsOf(line) + 1 + columnsOf(word) <= width;
    if (fits) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}
