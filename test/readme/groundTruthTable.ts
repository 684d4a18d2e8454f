/** The ground truth's table in the README, from what `npm run groundtruth` has measured (`groundTruth.json`). */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { methodsUnderTest, type Quality } from "../support/groundTruth.ts";

/** Of each task the number of items, and each row's quality; null where the method cannot be asked. */
export interface GroundTruth {
  readonly stories: Measured;
  readonly translations: Measured;
}

interface Measured {
  readonly items: number;
  readonly rows: Record<string, Quality | null>;
}

const file = new URL("groundTruth.json", import.meta.url);

export function readGroundTruth(): GroundTruth {
  const nothing = { stories: { items: 0, rows: {} }, translations: { items: 0, rows: {} } };
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as GroundTruth) : nothing;
}

export function writeGroundTruth(measured: GroundTruth): void {
  writeFileSync(file, `${JSON.stringify(measured, null, 2)}\n`);
}

export const groundTruthHead = ({ stories, translations }: GroundTruth): string[] => [
  "",
  `hit rate, stories (${stories.items} items)`,
  "hit rate before the last word",
  "AUPRC",
  `hit rate, translations (${translations.items} items)`,
  "AUPRC",
];

/** Rows that have been measured, floors first. */
export function groundTruthRows({ stories, translations }: GroundTruth): string[][] {
  const percent = (share: number | undefined): string => (share === undefined ? "—" : `${(100 * share).toFixed(0)} %`);
  const fewer = (quality: Quality | null | undefined): string => (quality?.items ? ` (${quality.items} items)` : "");
  return ["random", "recency", ...Object.keys(methodsUnderTest)]
    .filter((name) => name in stories.rows && name in translations.rows)
    .map((name) => {
      const [story, translation] = [stories.rows[name], translations.rows[name]];
      return [
        name,
        percent(story?.hitRate) + fewer(story),
        percent(story?.hitRateBefore),
        story?.auprc.toFixed(2) ?? "—",
        percent(translation?.hitRate) + fewer(translation),
        translation?.auprc.toFixed(2) ?? "—",
      ];
    });
}
