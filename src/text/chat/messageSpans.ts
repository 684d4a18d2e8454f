/**
 * Where the messages are in what a template made of them. A template is a program, so it is run again on messages whose
 * contents are marked at both ends with characters of no meaning; the marks say where the contents went, even when the same
 * words occur elsewhere. If the marks change what the template does, the contents are looked for one after another instead.
 */

import type { Span } from "../span.ts";
import type { ChatMessage, TextPart } from "./message.ts";

export interface MessageSpan {
  /** Which message. */
  readonly message: number;
  readonly span: Span;
}

/**
 * The spans of the messages' contents in `text`, in order and without overlaps.
 * @param render what the template makes of messages
 */
export function findMessages(
  messages: readonly ChatMessage[],
  text: string,
  render: (messages: readonly ChatMessage[]) => string,
): MessageSpan[] {
  const contents = messages.flatMap((message, at) => textsOf(message).map((content) => ({ message: at, content })));
  const first = firstFreeMark(contents.map(({ content }) => content));
  // Marks outside the white space at the ends are exact; a template that trims needs them inside.
  for (const inside of [false, true]) {
    const marked = render(markMessages(messages, first, inside));
    const [stripped, marks] = takeMarks(marked, first, contents.length);
    if (stripped === text) return spansOfMarks(marks, contents, text);
  }
  return search(contents, text);
}

interface Content {
  readonly message: number;
  readonly content: string;
}

interface Mark {
  /** Number of the content. */
  readonly content: number;
  readonly isStart: boolean;
  readonly place: number;
}

function textsOf({ content }: ChatMessage): string[] {
  if (typeof content === "string") return [content];
  return Array.isArray(content) ? content.filter(isTextPart).map(({ text }) => text) : [];
}

function isTextPart(part: unknown): part is TextPart {
  return typeof part === "object" && part !== null && "text" in part && typeof part.text === "string";
}

/** The first of the code points, from the last private plane on, from which none occurs in the contents. */
function firstFreeMark(contents: readonly string[]): number {
  let first = 0x100000;
  for (const content of contents) {
    for (const character of content) {
      const code = character.codePointAt(0) ?? 0;
      if (code >= first) first = code + 1;
    }
  }
  return first;
}

/** Content k between the characters `first + 2k` and `first + 2k + 1`; an empty one stays, since templates ask for that. */
function markMessages(messages: readonly ChatMessage[], first: number, inside: boolean): ChatMessage[] {
  let next = first;
  const mark = (content: string): string => {
    const [start, end] = [String.fromCodePoint(next), String.fromCodePoint(next + 1)];
    next += 2;
    if (content.trim().length === 0) return content;
    const [, before = "", core = "", after = ""] = inside
      ? (/^(\s*)(.*?)(\s*)$/s.exec(content) ?? [])
      : ["", "", content];
    return `${before}${start}${core}${end}${after}`;
  };
  return messages.map((message) => {
    const { content } = message;
    if (typeof content === "string") return { ...message, content: mark(content) };
    if (!Array.isArray(content)) return message;
    return {
      ...message,
      content: content.map((part) => (isTextPart(part) ? { ...part, text: mark(part.text) } : part)),
    };
  });
}

/** The text without marks, and where they stood in it. */
function takeMarks(marked: string, first: number, contents: number): [string, Mark[]] {
  const marks: Mark[] = [];
  let text = "";
  for (const character of marked) {
    const number = (character.codePointAt(0) ?? 0) - first;
    if (number < 0 || number >= 2 * contents) text += character;
    else marks.push({ content: number >> 1, isStart: number % 2 === 0, place: text.length });
  }
  return [text, marks];
}

function spansOfMarks(marks: readonly Mark[], contents: readonly Content[], text: string): MessageSpan[] {
  const found: MessageSpan[] = [];
  let start: Mark | undefined;
  const add = (content: number, span: Span) => {
    if (span[0] < span[1] && span[0] >= (found.at(-1)?.span[1] ?? 0)) {
      found.push({ message: contents[content]?.message ?? 0, span });
    }
  };
  for (const mark of marks) {
    if (mark.isStart) {
      start = mark;
      continue;
    }
    // A template may cut the beginning off (a thought before an answer): then the end of the content is what is left.
    const whole = contents[mark.content]?.content.trimEnd() ?? "";
    const place =
      start?.content === mark.content ? start.place : mark.place - commonEnd(whole, text.slice(0, mark.place));
    add(mark.content, [place, mark.place]);
    start = undefined;
  }
  return found;
}

/** How many characters two texts share at their ends. */
function commonEnd(a: string, b: string): number {
  let count = 0;
  while (count < Math.min(a.length, b.length) && a.at(-1 - count) === b.at(-1 - count)) count++;
  return count;
}

function search(contents: readonly Content[], text: string): MessageSpan[] {
  const found: MessageSpan[] = [];
  let from = 0;
  for (const { message, content } of contents) {
    const wanted = content.trim();
    const start = wanted.length > 0 ? text.indexOf(wanted, from) : -1;
    if (start < 0) continue;
    from = start + wanted.length;
    found.push({ message, span: [start, from] });
  }
  return found;
}
