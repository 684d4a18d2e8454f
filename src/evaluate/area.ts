/** The area under a curve. */

import type { Curve } from "./metric.ts";

/** ∫ value d(share) from the first share to the last, by trapezoids, over the difference of the two: the mean height. */
export function area({ shares, values }: Curve): number {
  let total = 0;
  for (let i = 1; i < shares.length; i++) {
    const width = (shares[i] ?? 0) - (shares[i - 1] ?? 0);
    total += (width * ((values[i] ?? Number.NaN) + (values[i - 1] ?? Number.NaN))) / 2;
  }
  const [first = 0, last = 0] = [shares[0], shares.at(-1)];
  return total / (last - first);
}
