/** Whose words are where in a conversation that was attributed: ready for the aggregator `spans`. */

import { OptionError } from "../errors.ts";
import type { AttributionInfo, Json } from "../result/attribution.ts";
import type { Span } from "../text/span.ts";

/** The tokens of one message of a conversation. */
export interface MessageTokens {
  /** The message's role, or `template` for what the chat template wrote itself. */
  readonly role: string;
  /** Which message, or null for the template's own text. */
  readonly message: number | null;
  /** Tokens `[start, end)` of the prompt, or of the source of an encoder-decoder model. */
  readonly span: Span;
}

/**
 * The messages of a sequence in order, with what the template wrote between them.
 * @throws OptionError when the sequence is no conversation
 */
export function chatSpans({ chat_spans: all }: AttributionInfo, sequence: number): MessageTokens[] {
  const spans = Array.isArray(all) ? (all as readonly Json[])[sequence] : undefined;
  const found = Array.isArray(spans) ? spans.filter(isMessageTokens) : [];
  if (found.length > 0) return found;
  throw new OptionError(`chatSpans: expected a conversation, but sequence ${sequence} was attributed as a text`);
}

function isMessageTokens(value: unknown): value is MessageTokens {
  return typeof value === "object" && value !== null && "role" in value && "span" in value && Array.isArray(value.span);
}
