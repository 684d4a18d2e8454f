/** What the reproductions share: how they are asked, and what they answer with. */

import type { Interval } from "../../src/evaluate/bootstrap.ts";
import type { AttributionModel } from "../../src/index.ts";
import type { ReportBlock, ReportSection } from "../../src/render/report.ts";
import { typeset } from "../../src/render/scoreText.ts";
import type { Json } from "../../src/result/attribution.ts";

export interface ReproductionOptions {
  /** Of resampling. */
  readonly seed: number;
  /** No more items than this: for a first look. */
  readonly limit?: number | undefined;
  /** A file of items instead of the own ones, where there may be one. */
  readonly data?: string | undefined;
  /** Points of integrated gradients' path, where it takes part. */
  readonly steps: number;
  readonly onProgress?: (done: number, total: number) => void;
}

/** What came out: every number in the report is in `figures`. */
export interface Outcome {
  readonly figures: { readonly [name: string]: Json };
  readonly items: readonly { readonly [name: string]: Json }[];
  readonly sections: readonly ReportSection[];
  /** The result in a sentence or two, for the terminal. */
  readonly summary: readonly string[];
}

export interface Reproduction {
  readonly title: string;
  /** The bundled model that it runs on when it is told no other. */
  readonly model: string;
  readonly run: (model: AttributionModel, options: ReproductionOptions) => Promise<Outcome>;
}

/** A number with so many decimals and a true minus sign; a dash where there is none. */
export function shown(value: number | null, decimals = 3): string {
  return value === null || Number.isNaN(value) ? "–" : typeset(value.toFixed(decimals));
}

/** "0.98 [0.97, 0.99]". */
export function shownInterval({ value, low, high }: Interval, decimals = 2): string {
  return `${shown(value, decimals)} [${shown(low, decimals)}, ${shown(high, decimals)}]`;
}

export const paragraph = (text: string): ReportBlock => ({ kind: "text", text });

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
