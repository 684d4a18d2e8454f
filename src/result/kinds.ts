/** What Inseq derives from a result's class and its files do not say: default aggregators and names of axes. */

import type { Scores, SequenceKind } from "./attribution.ts";

/**
 * The default aggregation of raw attributions: aggregation functions over the last axis, in order. Nothing once there
 * are two axes.
 */
export function defaultAggregators(kind: SequenceKind, attributions: Scores | null): readonly string[] {
  const furtherAxes = (attributions?.shape.length ?? 2) - 2;
  if (furtherAxes <= 0) return [];
  switch (kind) {
    case "granular":
      // The width first; of several layers the mean.
      return ["vnorm", ...Array.from({ length: furtherAxes - 1 }, () => "mean")];
    case "multidimensional":
      return Array.from({ length: furtherAxes }, () => "mean");
    case "base":
      return ["scores"];
    case "coarse":
      return [];
    default:
      throw kind satisfies never;
  }
}

/** The names of the axes after the second one. */
export function dimensionNames(kind: SequenceKind, attributions: Scores | null): readonly string[] {
  const furtherAxes = Math.max((attributions?.shape.length ?? 2) - 2, 0);
  const names: Readonly<Record<SequenceKind, readonly string[]>> = {
    granular: furtherAxes > 1 ? ["Model Layer", "Embedding Dimension"] : ["Embedding Dimension"],
    multidimensional: furtherAxes > 2 ? [] : ["Model Layer", "Attention Head"],
    base: [],
    coarse: [],
  };
  return names[kind].slice(0, furtherAxes);
}
