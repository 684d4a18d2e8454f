/** Curves of single items as one mean curve for each method. */

import type { Evaluation } from "../../evaluate/evaluate.ts";
import type { Curve } from "../../evaluate/metric.ts";
import type { Column } from "../../evaluate/summary.ts";
import type { CurveSeries } from "../../render/svg/curves.ts";

/** At tenths of the players, between which items with other numbers of players are interpolated. */
export function meanCurves(
  evaluations: readonly Evaluation[],
  { metric, removal }: Column,
  methods: readonly string[],
): CurveSeries[] {
  return methods.flatMap((name): CurveSeries[] => {
    const own = evaluations.filter(({ method }) => method === name);
    const curves = own.flatMap(
      ({ results }) => results.find((one) => one.metric === metric && one.removal === removal)?.curve ?? [],
    );
    if (curves.length === 0) return [];
    const y = grid.map((share) => curves.reduce((sum, curve) => sum + valueAt(curve, share), 0) / curves.length);
    return [{ name, x: grid, y }];
  });
}

const grid = Array.from({ length: 11 }, (_, i) => i / 10);

/** The value at a share of the players, on the straight line between the nearest that were measured. */
export function valueAt({ shares, values }: Curve, share: number): number {
  const next = shares.findIndex((known) => known >= share);
  if (next < 0) return values.at(-1) ?? Number.NaN;
  if (next === 0) return values[0] ?? Number.NaN;
  const [from, to] = [shares[next - 1] ?? 0, shares[next] ?? 1];
  const [low, high] = [values[next - 1] ?? Number.NaN, values[next] ?? Number.NaN];
  return low + ((high - low) * (share - from)) / (to - from);
}
