/** Drawings below each other. */

import { type Drawing, moved } from "./drawing.ts";

export function stacked(drawings: readonly Drawing[]): Drawing {
  const content: string[] = [];
  let height = 0;
  for (const drawing of drawings) {
    if (drawing.height === 0) continue;
    content.push(moved(0, height, drawing.content));
    height += drawing.height;
  }
  return { width: Math.max(0, ...drawings.map(({ width }) => width)), height, content: content.join("\n") };
}
