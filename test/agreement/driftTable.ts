/** The published drift of quantised weights (drift.json), and the table of it in docs/models.md. */

import { readFileSync } from "node:fs";

/** By format: the largest error of logits as a share of their range; of attributions see `driftHead`. */
export interface Drift {
  readonly [format: string]: { readonly logits: number; readonly rank: number; readonly top: number };
}

export const driftPath: URL = new URL("./drift.json", import.meta.url);

export const readDrift = (): Readonly<Record<string, Drift>> => JSON.parse(readFileSync(driftPath, "utf8"));

export const driftHead: readonly string[] = [
  "Model",
  "bfloat16: logits",
  "ranks",
  "top",
  "int8: logits",
  "ranks",
  "top",
  "int4: logits",
  "ranks",
  "top",
];

export function driftRows(drift: Readonly<Record<string, Drift>>): string[][] {
  return Object.entries(drift).map(([model, formats]) => [
    `\`${model}\``,
    ...["bfloat16", "int8", "int4"].flatMap((format) => {
      const { logits = NaN, rank = NaN, top = NaN } = formats[format] ?? {};
      return [logits.toExponential(1), rank.toFixed(2), `${Math.round(100 * top)}%`];
    }),
  ]);
}

/** Spearman's: the correlation of the ranks, those of equals averaged; 1 for a single number. */
export function rankCorrelation(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) throw new RangeError(`expected lists of one length, received ${a.length} and ${b.length}`);
  const [x, y] = [ranks(a), ranks(b)];
  const mean = (a.length - 1) / 2;
  const product = (u: readonly number[], v: readonly number[]) =>
    u.reduce((sum, value, i) => sum + (value - mean) * ((v[i] ?? 0) - mean), 0);
  const size = Math.sqrt(product(x, x) * product(y, y));
  return size === 0 ? 1 : product(x, y) / size;
}

function ranks(values: readonly number[]): number[] {
  return values.map((value) => {
    const below = values.filter((other) => other < value).length;
    const equal = values.filter((other) => other === value).length;
    return below + (equal - 1) / 2;
  });
}
