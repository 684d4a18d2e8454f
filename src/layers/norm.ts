/** The normalisation that a family of models uses: layer normalisation or by the root mean square. */

import { LayerNorm, type LayerNormOptions } from "./layerNorm.ts";
import { RmsNorm, type RmsNormOptions } from "./rmsNorm.ts";

export type NormChoice =
  | ({ readonly kind: "layerNorm" } & Omit<LayerNormOptions, "name" | "width" | "weights">)
  | ({ readonly kind: "rmsNorm" } & Omit<RmsNormOptions, "name" | "width" | "weights">);

export type Norm = LayerNorm | RmsNorm;

export function makeNorm(
  { kind, ...choice }: NormChoice,
  place: Pick<LayerNormOptions, "name" | "width" | "weights">,
): Norm {
  return kind === "layerNorm" ? new LayerNorm({ ...place, ...choice }) : new RmsNorm({ ...place, ...choice });
}
