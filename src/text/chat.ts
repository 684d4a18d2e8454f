/**
 * Conversations as the text that a model was trained on, by the model's own Jinja template, with the characters of every
 * message in it.
 */

import { Template } from "@huggingface/jinja";
import { FileError, OptionError } from "../errors.ts";
import type { FileSource } from "../files.ts";
import { isJsonObject, type Json } from "../json.ts";
import type { ChatMessage } from "./chat/message.ts";
import { findMessages, type MessageSpan } from "./chat/messageSpans.ts";
import { asArray, asObject, asString, readOptionalJsonObject } from "./json.ts";
import type { Span } from "./span.ts";
import type { TokenizerConfig } from "./tokenizerConfig.ts";

/** How a chat template is applied. */
export interface ChatOptions {
  /** End with what announces the assistant's next message. Default: unless the last message is the assistant's. */
  readonly addGenerationPrompt?: boolean;
  /** End with the last message, so that it can be continued. Default: when it is the assistant's. */
  readonly continueFinalMessage?: boolean;
  /** A template, or the name of one that the tokenizer has. Default: the tokenizer's `default`, or `tool_use` with tools. */
  readonly chatTemplate?: string;
  readonly tools?: readonly unknown[];
  readonly documents?: readonly unknown[];
  /** Other variables of the template, such as `enable_thinking`. */
  readonly variables?: Readonly<Record<string, unknown>>;
}

/** Characters of a rendered conversation: a message's, or what the template wrote itself. */
export interface ChatSpan {
  /** The message's role, or `template`. */
  readonly role: string;
  /** Which message, or null for the template's own text. */
  readonly message: number | null;
  readonly span: Span;
}

/** The text of a conversation, and whose characters are where in it. */
export interface ChatText {
  readonly text: string;
  /** In order, side by side, from the text's first character to its last. */
  readonly spans: readonly ChatSpan[];
}

export type ApplyChatTemplate = (messages: readonly ChatMessage[], options?: ChatOptions) => ChatText;

/** The templates that a tokenizer has, by name. */
export type ChatTemplates = ReadonlyMap<string, string>;

/**
 * The templates in a model's folder: `chat_template.jinja` comes before those of `tokenizer_config.json`, and what the
 * caller asked for before both.
 * @throws FileError when one of them is no text
 */
export async function readChatTemplates(
  files: FileSource,
  { settings, asked }: TokenizerConfig,
): Promise<ChatTemplates> {
  const templates = new Map<string, string>();
  const { chat_template: legacy = null } = (await readOptionalJsonObject(files, "chat_template.json")) ?? {};
  if (legacy !== null) templates.set("default", asString(legacy, "chat_template.json, chat_template"));
  for (const [name, template] of listed(settings.chat_template)) templates.set(name, template);
  if (!asked.has("chat_template") && (await files.list()).includes("chat_template.jinja")) {
    templates.set("default", new TextDecoder().decode(await files.read("chat_template.jinja")));
  }
  return templates;
}

/** One template, or a list `[{ name, template }]`. */
function listed(value: Json | undefined): (readonly [name: string, template: string])[] {
  if (value === undefined || value === null) return [];
  if (typeof value === "string") return [["default", value]];
  return asArray(value, "tokenizer_config.json, chat_template").map((item) => {
    const { name, template } = asObject(item, "tokenizer_config.json, chat_template");
    return [asString(name, "name of a chat template"), asString(template, "chat_template")];
  });
}

/** The function `applyChatTemplate` of a tokenizer. */
export function createChat(templates: ChatTemplates, config: TokenizerConfig): ApplyChatTemplate {
  const specialTokens = Object.fromEntries(Array.from(config.named, ([name, token]) => [`${name}_token`, token]));
  return (messages, options = {}) => {
    checkMessages(messages);
    const continues = messages.at(-1)?.role === "assistant";
    const {
      continueFinalMessage = options.addGenerationPrompt !== true && continues,
      addGenerationPrompt = !continueFinalMessage && !continues,
    } = options;
    if (continueFinalMessage && addGenerationPrompt) {
      throw new OptionError(
        "addGenerationPrompt: expected false with continueFinalMessage, because nothing new begins",
      );
    }
    const template = parse(chosen(templates, options));
    const render = (marked: readonly ChatMessage[]): string => {
      const { tools = null, documents = null, variables = {} } = options;
      const all = { ...specialTokens, tools, documents, ...variables, messages: marked };
      try {
        return template.render({ ...all, add_generation_prompt: addGenerationPrompt });
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new OptionError(
          `messages: expected a conversation that the model's chat template accepts, but it fails: ${reason}; change the ` +
            `messages (roles: ${messages.map(({ role }) => role).join(", ")}), or give another chatTemplate`,
          { cause },
        );
      }
    };
    const text = render(messages);
    const found = findMessages(messages, text, render);
    const whole = sideBySide(found, messages, text.length);
    return continueFinalMessage ? cutAfterLast(text, whole, messages.length - 1) : { text, spans: whole };
  };
}

function checkMessages(messages: readonly ChatMessage[]): void {
  if (!Array.isArray(messages) || messages.length === 0) {
    throw new OptionError("messages: expected a list of at least one message { role, content }, received none");
  }
  messages.forEach((message: unknown, at) => {
    const role = isJsonObject(message as Json) ? (message as { role?: unknown }).role : undefined;
    if (typeof role === "string") return;
    throw new OptionError(`messages[${at}]: expected { role, content }, received ${JSON.stringify(message)}`);
  });
}

function chosen(templates: ChatTemplates, { chatTemplate, tools }: ChatOptions): string {
  if (chatTemplate !== undefined) return templates.get(chatTemplate) ?? chatTemplate;
  const template = (tools === undefined ? undefined : templates.get("tool_use")) ?? templates.get("default");
  if (template !== undefined) return template;
  const named = [...templates.keys()];
  throw new OptionError(
    "messages: expected a tokenizer with a chat template, but it has " +
      (named.length > 0 ? `only those named ${named.join(", ")}; choose one as chatTemplate` : "none") +
      "; give a chatTemplate, or a text instead of messages",
  );
}

function parse(source: string): Template {
  try {
    return new Template(source);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FileError(
      `chat template: expected a Jinja template, received one that cannot be read (${reason}): ${source.slice(0, 80)}`,
      { cause },
    );
  }
}

/** The messages' spans with the template's own text between them. */
function sideBySide(found: readonly MessageSpan[], messages: readonly ChatMessage[], length: number): ChatSpan[] {
  const spans: ChatSpan[] = [];
  let read = 0;
  const templateUntil = (end: number) => {
    if (end > read) spans.push({ role: "template", message: null, span: [read, end] });
  };
  for (const { message, span } of found) {
    templateUntil(span[0]);
    spans.push({ role: messages[message]?.role ?? "", message, span });
    read = span[1];
  }
  templateUntil(length);
  return spans;
}

/** The text up to the end of the last message. */
function cutAfterLast(text: string, spans: readonly ChatSpan[], last: number): ChatText {
  const at = spans.findLastIndex(({ message }) => message === last);
  const end = spans[at]?.span[1];
  if (end === undefined) {
    throw new OptionError(
      "continueFinalMessage: expected a template that keeps the last message's text, but it cannot be found in what the " +
        "template makes of it; set continueFinalMessage to false",
    );
  }
  return { text: text.slice(0, end), spans: spans.slice(0, at + 1) };
}
