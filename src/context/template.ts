/** Templates of texts with `{context}` and `{current}`, in the manner of Python's `str.format`: `{{` is one brace. */

import { OptionError } from "../errors.ts";
import type { Span } from "../text/span.ts";

export type Placeholder = "context" | "current";

/** A literal text, or a place to be filled. */
export type TemplatePart = { readonly text: string } | { readonly place: Placeholder };

/** A text, and where in it the parts are that were filled in. */
export interface FilledText {
  readonly text: string;
  readonly context: Span | null;
  readonly current: Span | null;
}

/**
 * @param name of the option, for messages
 * @throws OptionError for a brace that is neither doubled nor part of a placeholder, and for a placeholder that comes twice
 */
export function parseTemplate(name: string, template: string): TemplatePart[] {
  const parts: TemplatePart[] = [];
  for (const piece of template.split(/(\{\{|\}\}|\{context\}|\{current\})/)) {
    if (piece === "{context}" || piece === "{current}") {
      const place = piece === "{context}" ? "context" : "current";
      if (places(parts).includes(place)) throw new OptionError(`${name}: expected ${piece} once in "${template}"`);
      parts.push({ place });
    } else if (piece === "{{" || piece === "}}") {
      parts.push({ text: piece.slice(1) });
    } else if (/[{}]/.test(piece)) {
      throw new OptionError(
        `${name}: expected no braces but those of {context} and {current}, received "${template}"; write {{ or }} for one`,
      );
    } else if (piece !== "") {
      parts.push({ text: piece });
    }
  }
  return parts;
}

/** The placeholders, in their order. */
export function places(parts: readonly TemplatePart[]): Placeholder[] {
  return parts.flatMap((part) => ("place" in part ? [part.place] : []));
}

/** The literal text behind `from` (or the beginning) and before `to` (or the end). */
export function literalBetween(
  parts: readonly TemplatePart[],
  from: Placeholder | null,
  to: Placeholder | null,
): string {
  const at = (place: Placeholder) => parts.findIndex((part) => "place" in part && part.place === place);
  const between = parts.slice(from === null ? 0 : at(from) + 1, to === null ? parts.length : at(to));
  return between.map((part) => ("text" in part ? part.text : "")).join("");
}

export function fillTemplate(
  parts: readonly TemplatePart[],
  values: Readonly<Partial<Record<Placeholder, string>>>,
): FilledText {
  const spans: Record<Placeholder, Span | null> = { context: null, current: null };
  let text = "";
  for (const part of parts) {
    const start = text.length;
    text += "text" in part ? part.text : (values[part.place] ?? "");
    if ("place" in part) spans[part.place] = [start, text.length];
  }
  return { text, ...spans };
}

/** The separator between two texts, unless one of them has it there already; with no separator, nothing. */
export function joined(
  first: string,
  second: string,
  separator: string,
): { readonly text: string; readonly at: number } {
  const needed = !first.endsWith(separator) && !second.startsWith(separator);
  const before = needed ? first + separator : first;
  return { text: before + second, at: before.length };
}

/** Moved by `by` characters. */
export function shifted(span: Span | null, by: number): Span | null {
  return span && [span[0] + by, span[1] + by];
}
