/** Which output spans are explained, from what the caller has chosen. */

import { OptionError } from "../../errors.ts";
import { knownName } from "../../names.ts";
import type { Span } from "../../text/span.ts";
import { tokenGroups } from "../perturbation/players.ts";
import type { Sequence } from "../sequence.ts";
import { type OutputSpans, type SpanReduction, spanReductions } from "../steps.ts";

const outputSpanKinds = ["all", "word", "sentence"] as const;

/**
 * Everything that is attributed as one span; each word or sentence of it; or spans of characters [start, end) of the target
 * text (of a decoder-only model the whole text, with its prompt), ascending and without overlaps.
 */
export type OutputSpansChoice = (typeof outputSpanKinds)[number] | readonly Span[];

/** @throws OptionError for names that there are not, and for a reduction of nothing */
export function checkOutputSpans(choice: OutputSpansChoice | undefined, reduction: SpanReduction | undefined): void {
  if (typeof choice === "string") knownName("outputSpans", choice, outputSpanKinds);
  if (choice?.length === 0) throw new OptionError("outputSpans: expected at least one span, received an empty list");
  if (reduction === undefined) return;
  knownName("spanReduction", reduction, spanReductions);
  if (choice === undefined) throw new OptionError("spanReduction: expected outputSpans beside it, received none");
}

/**
 * The spans of a sequence, as far as they are attributed.
 * @throws OptionError when a span has no attributed token
 */
export function resolveOutputSpans(
  { target, start, end }: Sequence,
  choice: OutputSpansChoice | undefined,
  reduction: SpanReduction = "sum",
): OutputSpans | null {
  if (choice === undefined) return null;
  if (choice === "all") return { spans: [[start, end]], reduction };
  const attributed = tokenGroups("outputSpans", target, choice).map((tokens) =>
    tokens.filter((t) => t >= start && t < end),
  );
  const outside = attributed.findIndex((tokens) => tokens.length === 0);
  if (outside >= 0 && typeof choice !== "string") {
    throw new OptionError(
      `outputSpans: expected spans with attributed tokens (${start} to ${end - 1}), found none in ` +
        `[${choice[outside]?.join(", ")}); the characters of a prompt count, too`,
    );
  }
  const spans = attributed.flatMap((tokens): Span[] =>
    tokens.length === 0 ? [] : [[tokens[0] ?? 0, (tokens.at(-1) ?? 0) + 1]],
  );
  return { spans, reduction };
}
