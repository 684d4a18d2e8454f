/** What every terminal layout is given. */

import type { Palette } from "./paint.ts";

export interface TerminalFrame {
  readonly width: number;
  readonly palette: Palette;
  readonly decimals: number | null;
  readonly topK: number;
  readonly title: string;
}
