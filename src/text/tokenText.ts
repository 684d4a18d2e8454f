/**
 * The text behind tokens, from the vocabulary's strings alone: a result that was read from a file has only these.
 *
 * - SentencePiece writes a space as `▁`, and bytes outside its vocabulary as `<0x0A>`.
 * - Byte-level vocabularies (GPT-2, Radford et al. 2019) write each byte of the UTF-8 text as one printable character: a
 *   space as `Ġ`, a line end as `Ċ`, `ü` as `Ã¼`. One token does not show whether its vocabulary is of this kind; all
 *   tokens of a text together nearly always do.
 */

import { byteOfToken, bytesOfToken, utf8 } from "./bytes.ts";
import { type Notation, readableToken } from "./readable.ts";

/** A contrastive target's token names both choices: `he → she`. */
export const contrastArrow = " → ";

/**
 * The text behind each token, spaces and line ends included. A byte that is no whole character is shown as `⟨E2⟩`.
 * The result is as untrusted as the tokens. Same length as `tokens`.
 */
export function decodeTokens(tokens: readonly string[]): string[] {
  const notation = notationOf(tokens);
  const decode = (part: string) => (notation.byteLevel && looksSpecial(part) ? part : readableToken(part, notation));
  return tokens.map((token) => joinChoices(token.split(contrastArrow).map(decode)));
}

/** A text that tokens spell, and where in it each of them begins. */
export interface SpelledText {
  readonly text: string;
  /** Of a token inside a character (one of its bytes), where that character begins. */
  readonly starts: readonly number[];
}

/** The text that tokens spell together, characters whose bytes are several tokens included. Of two choices the second. */
export function spelledText(tokens: readonly string[]): SpelledText {
  const notation = notationOf(tokens);
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let text = "";
  const starts = tokens.map((token) => {
    const start = text.length;
    text += decoder.decode(spelledBytes(token.split(contrastArrow).at(-1) ?? "", notation), { stream: true });
    return start;
  });
  return { text: text + decoder.decode(), starts };
}

/** Whether a token is one that a tokenizer adds around texts, such as `</s>`, `<|endoftext|>` or `[CLS]`. */
export function looksSpecial(token: string): boolean {
  return /^(<\|?\/?[A-Za-z][\w-]*\|?>|\[[A-Z]+\]|__\w+__)$/.test(token);
}

function spelledBytes(token: string, notation: Notation): Uint8Array {
  const byte = notation.byteLevel ? undefined : byteOfToken(token);
  if (byte !== undefined) return Uint8Array.of(byte);
  const bytes = notation.byteLevel && !looksSpecial(token) ? bytesOfToken(token) : undefined;
  return bytes === undefined ? utf8(readableToken(token, spaced)) : Uint8Array.from(bytes);
}

const spaced: Notation = {
  byteLevel: false,
  metaspace: true,
  byteFallback: true,
  continuingPrefix: "",
  endOfWordSuffix: "",
};
const byteLevel: Notation = { ...spaced, byteLevel: true, metaspace: false };

function notationOf(tokens: readonly string[]): Notation {
  const parts = tokens.flatMap((token) => token.split(contrastArrow)).filter((part) => !looksSpecial(part));
  const bytes = bytesOfToken(parts.join(""));
  if (bytes === undefined) return spaced;
  if (parts.some((part) => /^[ĠĊ]/.test(part))) return byteLevel;
  // Without a space or a line end: ordinary accented text is hardly ever valid UTF-8 when its letters are taken as bytes.
  const isAccented = bytes.some((byte) => byte >= 0x80);
  return isAccented && !readableToken(parts.join(""), byteLevel).includes("⟨") ? byteLevel : spaced;
}

/** ` he` and ` she` as ` he → she`: the space before the pair says that a word begins. */
function joinChoices(choices: readonly string[]): string {
  const [first = "", ...others] = choices;
  const beginWords = choices.every((choice) => choice.startsWith(" "));
  if (!beginWords) return choices.join(contrastArrow);
  return first + others.map((choice) => contrastArrow + choice.slice(1)).join("");
}
