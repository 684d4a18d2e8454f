/** What every kind of plot is given. */

import type { Theme } from "../colorScale.ts";

export interface PlotLook {
  readonly theme: Theme;
  /** Pixels, without the margins, the heading and the legend. */
  readonly width: number;
  readonly height: number;
}
