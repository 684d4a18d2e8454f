/** What methods are evaluated on: a text, its target, what it is contrasted with, and what is known to decide. */

import { OptionError } from "../errors.ts";
import type { Span } from "../text/span.ts";

/** A text that is explained, and what is known of it. */
export interface EvaluationItem {
  /** A name of the caller's, repeated in the results. */
  readonly id?: string;
  /** The prompt of a decoder-only model, or the source. */
  readonly input: string;
  /** The text to be explained, as `attribute` takes it: of a decoder-only model beginning with the prompt. */
  readonly target: string;
  /** Another target, for contrastive functions: its first token that differs is what is compared. */
  readonly foil?: string;
  /** Which characters of the input decide, as spans in UTF-16 code units. */
  readonly evidence?: readonly Span[];
  /**
   * Target positions [start, end) that are explained, as `attrPosStart` and `attrPosEnd` of `attribute` count them; by
   * default the first token that differs from the foil's, and without a foil all tokens of the target.
   */
  readonly positions?: readonly [start: number, end: number];
}

/**
 * @param where how the item is called in messages
 * @throws OptionError when evidence is not a list of spans inside the input text
 */
export function checkItem({ input, target, foil, evidence }: EvaluationItem, where: string): void {
  for (const [name, text] of Object.entries({ input, target, ...(foil !== undefined && { foil }) })) {
    if (typeof text !== "string") {
      throw new OptionError(`${where}: expected a text as ${name}, received ${JSON.stringify(text) ?? "undefined"}`);
    }
  }
  if (evidence === undefined) return;
  const inside = ([start, end]: Span): boolean =>
    Number.isInteger(start) && Number.isInteger(end) && start >= 0 && start < end && end <= input.length;
  const wrong = evidence.find((span) => !Array.isArray(span) || !inside(span));
  if (evidence.length > 0 && wrong === undefined) return;
  throw new OptionError(
    `${where}: expected evidence as spans [start, end) inside the input's ${input.length} characters, received ` +
      JSON.stringify(wrong ?? evidence),
  );
}
