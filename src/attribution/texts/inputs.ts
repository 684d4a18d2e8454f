/** What a caller gives to be explained: texts, or conversations, which the model's chat template makes texts of. */

import { OptionError } from "../../errors.ts";
import type { ChatMessage } from "../../text/chat/message.ts";
import type { ChatOptions, ChatText } from "../../text/chat.ts";
import type { Encoding, Tokenizer } from "../../text/tokenizer.ts";

type Conversation = readonly ChatMessage[];

/** One or several texts, one conversation, or several. */
export type Inputs = string | readonly string[] | Conversation | readonly Conversation[];

export interface Input {
  readonly text: string;
  /** Of a conversation: whose words are where. Its text has its special tokens already. */
  readonly chat: ChatText | null;
}

/** Tokens of a prompt that are one message's, or the template's own. */
export interface ChatTokens {
  /** The message's role, or `template`. */
  readonly role: string;
  /** Which message, or null for the template's own text. */
  readonly message: number | null;
  /** Tokens `[start, end)` of the prompt, or of the source. */
  readonly span: readonly [start: number, end: number];
  /** Its characters in the conversation's text. */
  readonly characters: readonly [start: number, end: number];
}

/** @throws OptionError when something else was given, or the chat template fails */
export function readInputs(tokenizer: Tokenizer, given: Inputs, options: ChatOptions | undefined): Input[] {
  const list: readonly unknown[] = typeof given === "string" ? [given] : Array.isArray(given) ? given : [undefined];
  if (list.length === 0) throw new OptionError("inputTexts: expected at least one text, received none");
  if (list.every((text) => typeof text === "string")) {
    if (options === undefined) return list.map((text) => ({ text, chat: null }));
    throw new OptionError("chat: expected messages { role, content } as inputs, received texts; leave it out");
  }
  const conversations = list.every(isMessage) ? [list] : list.every(isConversation) ? list : undefined;
  if (conversations === undefined) {
    const wrong = list.find((item) => typeof item !== "string" && !isMessage(item));
    throw new OptionError(
      "inputTexts: expected a text, a list of texts, messages { role, content }, or a list of such lists, received " +
        (JSON.stringify(wrong ?? given) ?? "undefined"),
    );
  }
  return conversations.map((messages) => {
    const chat = tokenizer.applyChatTemplate(messages, options);
    return { text: chat.text, chat };
  });
}

/**
 * Tokens by message: every token belongs to what its first character belongs to. A message whose characters are all in
 * tokens that begin before it has none.
 */
export function chatTokens({ spans }: ChatText, encoding: Encoding): ChatTokens[] {
  const found: ChatTokens[] = [];
  let at = 0;
  for (const { role, message, span } of spans) {
    const start = at;
    while (at < encoding.spans.length && (encoding.spans[at]?.[0] ?? span[0]) < span[1]) at++;
    if (at > start) found.push({ role, message, span: [start, at], characters: span });
  }
  return found;
}

function isMessage(item: unknown): item is ChatMessage {
  return typeof item === "object" && item !== null && !Array.isArray(item) && "role" in item;
}

function isConversation(item: unknown): item is Conversation {
  return Array.isArray(item) && item.length > 0 && item.every(isMessage);
}
