/** Splits as the library `datasets` writes them: `train`, `train[:20]`, `test[100:200]`, `validation[-10%:]`. */

import { OptionError } from "../../errors.ts";

export interface Split {
  readonly name: string;
  /** The rows `[start, end)` of it, when it has `total`. */
  readonly rows: (total: number) => { readonly start: number; readonly end: number };
}

/** @throws OptionError for sums of splits and everything else that is not of that form */
export function readSplit(written: string): Split {
  const [, name, slice, from, to] = /^([\w.-]+)(\[(-?\d+%?)?:(-?\d+%?)?\])?$/.exec(written) ?? [];
  if (name === undefined) {
    throw new OptionError(
      `--dataset_split: expected one split with or without a slice, such as train, train[:100] or test[10%:20%], received "${written}"`,
    );
  }
  if (slice === undefined) return { name, rows: (total) => ({ start: 0, end: total }) };
  return {
    name,
    rows: (total) => {
      const end = place(to, total, total);
      return { start: Math.min(place(from, total, 0), end), end };
    },
  };
}

/** A row number within the data; percents are rounded to the closest row, as `datasets` does. */
function place(written: string | undefined, total: number, byDefault: number): number {
  if (written === undefined) return byDefault;
  const number = written.endsWith("%") ? Math.round((Number(written.slice(0, -1)) / 100) * total) : Number(written);
  return Math.min(total, Math.max(0, number < 0 ? total + number : number));
}
