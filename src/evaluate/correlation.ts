/** How alike two lists of numbers are ordered. Each is null when one of the lists is constant: it has no order. */

import { knownName } from "../names.ts";

export const coefficients = ["kendall", "spearman", "pearson"] as const;

export interface CorrelationOptions {
  /** Of ranks `kendall` (τ-b) and `spearman` (ties share their mean rank), or of the numbers themselves `pearson`. */
  readonly coefficient?: (typeof coefficients)[number];
}

export function checkCoefficient({ coefficient }: Required<CorrelationOptions>): void {
  knownName("coefficient", coefficient, coefficients);
}

/** From −1 (opposite) to 1 (alike). */
export function correlation(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  coefficient: (typeof coefficients)[number],
): number | null {
  const [x, y] = [Array.from(a), Array.from(b)];
  switch (coefficient) {
    case "kendall":
      return kendall(x, y);
    case "spearman":
      return pearson(ranks(x), ranks(y));
    case "pearson":
      return pearson(x, y);
    default:
      throw coefficient satisfies never;
  }
}

/** τ-b (Kendall 1945): (concordant − discordant) / √((pairs − ties in x)(pairs − ties in y)). */
function kendall(x: readonly number[], y: readonly number[]): number | null {
  let [agreement, untiedX, untiedY] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    for (let j = 0; j < i; j++) {
      const dx = Math.sign((x[i] ?? 0) - (x[j] ?? 0));
      const dy = Math.sign((y[i] ?? 0) - (y[j] ?? 0));
      agreement += dx * dy;
      untiedX += dx * dx;
      untiedY += dy * dy;
    }
  }
  return untiedX === 0 || untiedY === 0 ? null : agreement / Math.sqrt(untiedX * untiedY);
}

function pearson(x: readonly number[], y: readonly number[]): number | null {
  const [dx, dy] = [centered(x), centered(y)];
  const products = dx.reduce((sum, d, i) => sum + d * (dy[i] ?? 0), 0);
  const squares = (d: readonly number[]): number => d.reduce((sum, one) => sum + one * one, 0);
  const scale = Math.sqrt(squares(dx) * squares(dy));
  const isConstant = (values: readonly number[]): boolean => values.every((value) => value === values[0]);
  if (scale === 0 || isConstant(x) || isConstant(y)) return null;
  return Math.min(1, Math.max(-1, products / scale));
}

/** Differences from the mean, the greatest of them 1 or −1, so that products of very small ones are not lost. */
function centered(values: readonly number[]): number[] {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const differences = values.map((value) => value - mean);
  const greatest = Math.max(...differences.map(Math.abs));
  return greatest === 0 ? differences : differences.map((difference) => difference / greatest);
}

/** Ranks from 1; equal numbers share the mean of theirs. */
function ranks(values: readonly number[]): number[] {
  return values.map((value) => {
    const below = values.filter((other) => other < value).length;
    const equal = values.filter((other) => other === value).length;
    return below + (equal + 1) / 2;
  });
}
