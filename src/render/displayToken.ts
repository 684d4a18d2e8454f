/** Vocabulary strings as labels. */

import { decodeTokens } from "../text/tokenText.ts";
import { labelText } from "./visibleText.ts";

/** One token as a table label: `·the`, `↵`, `⟨E2⟩`. Knows only this token; prefer `displayTokens` for those of a text. */
export function displayToken(token: string): string {
  return labelText(decodeTokens([token])[0] ?? "");
}

/** The tokens of one text as table labels. Same length as `tokens`. */
export function displayTokens(tokens: readonly string[]): string[] {
  return decodeTokens(tokens).map(labelText);
}
