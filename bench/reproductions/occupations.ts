/** Professions and the share of women in them. */

import { readFileSync } from "node:fs";
import { OptionError } from "../../src/index.ts";

/** A profession in both languages, and per cent of women in it. */
export interface Occupation {
  readonly turkish: string;
  readonly english: string;
  readonly femaleShare: number;
}

/**
 * A table with the columns turkish, english, female_share (per cent), separated by tabs.
 * @throws OptionError when a line is none of it
 */
export function readOccupations(path: string | URL): Occupation[] {
  const lines = readFileSync(path, "utf8").trim().split(/\r?\n/);
  return lines.slice(1).map((line, i) => {
    const [turkish = "", english = "", share = ""] = line.split("\t");
    const femaleShare = Number(share);
    if (turkish !== "" && english !== "" && share !== "" && femaleShare >= 0 && femaleShare <= 100) {
      return { turkish, english, femaleShare };
    }
    throw new OptionError(
      `${path}, line ${i + 2}: expected turkish, english and female_share (0 to 100) separated by tabs, received "${line}"`,
    );
  });
}
