/** What every layout of a figure is given. */

import type { Theme } from "../colorScale.ts";

export interface Figure {
  readonly theme: Theme;
  readonly maxAbs: number;
  readonly decimals: number | null;
  readonly numbers: boolean;
  readonly width: number;
  readonly methodName: string;
}
