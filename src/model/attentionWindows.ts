/** Sliding windows of attention, layer by layer: `layer_types` with `sliding_window`. */

import { ConfigError } from "../errors.ts";
import { describeJson } from "../json.ts";
import type { Field } from "./configField.ts";

const types = ["full_attention", "sliding_attention"] as const;
export type LayerType = (typeof types)[number];

/** `layer_types`: how the queries of each layer see their past. */
export const layerTypes: Field<readonly LayerType[] | null> = {
  names: ["layer_types"],
  expected: `a list of ${types.map((type) => describeJson(type)).join(" or ")}, or null`,
  accept(value) {
    if (value === null) return null;
    const known = Array.isArray(value) && value.every((type) => (types as readonly unknown[]).includes(type));
    return known ? (value as readonly LayerType[]) : undefined;
  },
  fallback: null,
};

export interface WindowAttributes {
  readonly layers: number;
  /** `layer_types`, or null for `usual`. */
  readonly layerTypes: readonly LayerType[] | null;
  /** Whether a layer slides, where the config does not say. */
  readonly usual: (layer: number) => boolean;
  /** `sliding_window`; null or 0 when it is switched off. */
  readonly window: number | null;
}

/**
 * For each layer how many keys up to its own a query sees; undefined for all.
 * @throws ConfigError when there are not as many types as layers, or a sliding layer has no window
 */
export function layerWindows({ layers, layerTypes, usual, window }: WindowAttributes): (number | undefined)[] {
  if (layerTypes !== null && layerTypes.length !== layers) {
    throw new ConfigError(`layer_types: expected one for each of ${layers} layers, received ${layerTypes.length}`);
  }
  return Array.from({ length: layers }, (_, layer) => {
    const slides = layerTypes === null ? usual(layer) : layerTypes[layer] === "sliding_attention";
    if (!slides) return undefined;
    if (window !== null && window > 0) return window;
    throw new ConfigError(`sliding_window: expected a positive integer, as layer ${layer} slides, received ${window}`);
  });
}
