/** Rows of weight tables for the layers that every architecture has, as PyTorch stores them. */

import type { WeightTable } from "./weights.ts";

type Rows = WeightTable["rows"];

/** `nn.Linear`, which stores [out, in]; ours is [in, out]. */
export function linearRows(from: string, to: string, inputs: number, outputs: number, bias = true): Rows {
  return {
    [`${from}.weight`]: { to: `${to}.kernel`, shape: [outputs, inputs], transpose: true },
    ...(bias && { [`${from}.bias`]: { to: `${to}.bias`, shape: [outputs] } }),
  };
}

/** `nn.LayerNorm`, or a normalisation by the root mean square, which has no bias. */
export function normRows(from: string, to: string, width: number, bias = true): Rows {
  return {
    [`${from}.weight`]: { to: `${to}.scale`, shape: [width] },
    ...(bias && { [`${from}.bias`]: { to: `${to}.bias`, shape: [width] } }),
  };
}
