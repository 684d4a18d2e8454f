/** Choosing attention heads, for all layers alike or layer by layer. */

import { chosenIndices, type Indices } from "../../indices.ts";

/** The same for every layer, or a choice for each layer by its number; layers that are not named have none. */
export type IndicesByLayer = Indices | Readonly<Record<number, Indices>>;

/**
 * The chosen ones of a layer's `count` heads; none where a choice by layer leaves the layer out.
 * @throws OptionError as `chosenIndices`
 */
export function chosenHeads(
  option: string,
  chosen: IndicesByLayer | undefined,
  layer: number,
  count: number,
): number[] {
  if (isForAllLayers(chosen)) return chosenIndices(option, chosen, count);
  const ofLayer = chosen[layer];
  return ofLayer === undefined ? [] : chosenIndices(`${option} of layer ${layer}`, ofLayer, count);
}

function isForAllLayers(chosen: IndicesByLayer | undefined): chosen is Indices | undefined {
  return typeof chosen !== "object" || Array.isArray(chosen) || "start" in chosen;
}
