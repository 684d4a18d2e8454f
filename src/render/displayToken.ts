/**
 * Vocabulary strings as a person reads them, without the tokenizer: a result that was read from a file has only these.
 *
 * - SentencePiece writes a space as `▁`, and bytes outside its vocabulary as `<0x0A>`.
 * - Byte-level vocabularies (GPT-2, Radford et al. 2019) write each byte of the UTF-8 text as one printable character: a
 *   space as `Ġ`, a line end as `Ċ`, `ü` as `Ã¼`. One token does not show whether its vocabulary is of this kind; all
 *   tokens of a text together nearly always do.
 */

import { contrastArrow, labelText } from "./visibleText.ts";

/** One token as a table label: `·the`, `↵`, `⟨E2⟩`. Knows only this token; prefer `displayTokens` for those of a text. */
export function displayToken(token: string): string {
  return labelText(decodeTokens([token])[0] ?? "");
}

/** The tokens of one text as table labels. Same length as `tokens`. */
export function displayTokens(tokens: readonly string[]): string[] {
  return decodeTokens(tokens).map(labelText);
}

/**
 * The text behind each token, spaces and line ends included. A byte that is no whole character is shown as `⟨E2⟩`.
 * The result is as untrusted as the tokens: see `visibleText.ts`. Same length as `tokens`.
 */
export function decodeTokens(tokens: readonly string[]): string[] {
  const decode = isByteLevel(tokens) ? decodeByteLevel : decodeSentencePiece;
  return tokens.map((token) => joinChoices(token.split(contrastArrow).map(decode)));
}

/** ` he` and ` she` as ` he → she`: the space before the pair says that a word begins. */
function joinChoices(choices: readonly string[]): string {
  const [first = ""] = choices;
  const beginsWord = choices.every((choice) => choice.startsWith(" "));
  return beginsWord
    ? first +
        choices
          .slice(1)
          .map((choice) => contrastArrow + choice.slice(1))
          .join("")
    : choices.join(contrastArrow);
}

/** Whether a token is one that a tokenizer adds around texts, such as `</s>`, `<|endoftext|>` or `[CLS]`. */
export function looksSpecial(token: string): boolean {
  return /^(<\|?\/?[A-Za-z][\w-]*\|?>|\[[A-Z]+\]|__\w+__)$/.test(token);
}

function decodeSentencePiece(token: string): string {
  const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1];
  if (byte === undefined) return token.replaceAll("▁", " ");
  return decodeBytes([Number.parseInt(byte, 16)]);
}

function isByteLevel(tokens: readonly string[]): boolean {
  const parts = tokens.flatMap((token) => token.split(contrastArrow)).filter((part) => !looksSpecial(part));
  const letters = parts.join("");
  const bytes = [...letters].map((letter) => byteOfLetter.get(letter));
  if (!bytes.every((byte) => byte !== undefined)) return false;
  if (parts.some((part) => /^[ĠĊ]/.test(part))) return true;
  // Without a space or a line end: ordinary accented text is hardly ever valid UTF-8 when its letters are taken as bytes.
  return bytes.some((byte) => byte >= 0x80) && !decodeBytes(bytes).includes("⟨");
}

function decodeByteLevel(token: string): string {
  if (looksSpecial(token)) return token;
  return decodeBytes([...token].map((letter) => byteOfLetter.get(letter) ?? 0));
}

/** UTF-8, with each byte that belongs to no complete character written as `⟨E2⟩`. */
function decodeBytes(bytes: readonly number[]): string {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes[at] ?? 0);
    const decoded = decodeOne(bytes.slice(at, at + length));
    text += decoded ?? `⟨${(bytes[at] ?? 0).toString(16).toUpperCase().padStart(2, "0")}⟩`;
    at += decoded === null ? 1 : length;
  }
  return text;
}

function decodeOne(bytes: readonly number[]): string | null {
  const text = lenientDecoder.decode(Uint8Array.from(bytes));
  const isReplacement = bytes.length === 3 && bytes[0] === 0xef && bytes[1] === 0xbf && bytes[2] === 0xbd;
  return text.includes("\uFFFD") && !isReplacement ? null : text;
}

const lenientDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

function sequenceLength(firstByte: number): number {
  if (firstByte >= 0xf0) return 4;
  if (firstByte >= 0xe0) return 3;
  return firstByte >= 0xc0 ? 2 : 1;
}

/** Printable Latin-1 characters stand for themselves; the other 68 bytes are written from U+0100 on, in order. */
const byteOfLetter: ReadonlyMap<string, number> = new Map(
  (() => {
    const printable = (byte: number) => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
    const bytes = Array.from({ length: 256 }, (_, byte) => byte);
    const others = bytes.filter((byte) => !printable(byte));
    return bytes.map((byte) => [String.fromCodePoint(printable(byte) ? byte : 0x100 + others.indexOf(byte)), byte]);
  })(),
);
