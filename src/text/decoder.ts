/** The `decoder` of a `tokenizer.json`: from the vocabulary's strings back to text. */

import { UnsupportedError } from "../errors.ts";
import type { Json, JsonObject } from "../json.ts";
import { byteOfToken, bytesOfToken, decodeUtf8, utf8 } from "./bytes.ts";
import { asArray, asFlag, asNumber, asObject, asOptionalString, asString } from "./json.ts";
import { readPattern } from "./pattern.ts";

/** Rewrites a list of strings; the text is what they make when put together. */
export type Decoder = (tokens: readonly string[]) => readonly string[];

/**
 * Makes a decoder from its description; `null` gives the one that puts a space between tokens.
 * @throws UnsupportedError naming a type that is not known.
 */
export function createDecoder(value: Json | undefined, where = "decoder"): Decoder {
  if (value === null || value === undefined) return (tokens) => [tokens.join(" ")];
  const config = asObject(value, where);
  const type = asString(config.type, `${where}.type`);
  switch (type) {
    case "Sequence": {
      const parts = asArray(config.decoders, `${where}.decoders`).map((part) => createDecoder(part, where));
      return (tokens) => parts.reduce((current, part) => part(current), tokens);
    }
    case "ByteLevel":
      return (tokens) => [decodeUtf8(tokens.flatMap((token) => bytesOfToken(token) ?? Array.from(utf8(token))))];
    case "ByteFallback":
      return byteFallback;
    case "Fuse":
      return (tokens) => [tokens.join("")];
    case "Metaspace":
      return metaspace(config, where);
    case "Replace":
      return replace(config, where);
    case "Strip":
      return strip(config, where);
    case "BPEDecoder": {
      const suffix = asOptionalString(config.suffix, where) ?? "</w>";
      return (tokens) => tokens.map((token, at) => token.replaceAll(suffix, at === tokens.length - 1 ? "" : " "));
    }
    case "WordPiece":
      return wordPiece(config, where);
    default:
      throw new UnsupportedError(
        `${where}: expected one of Sequence, ByteLevel, ByteFallback, Fuse, Metaspace, Replace, Strip, BPEDecoder, WordPiece, received "${type}"; convert the tokenizer without it`,
      );
  }
}

/**
 * How tokenizers that transformers writes in Python put a text together: tokens of `apart`, which were added behind the
 * vocabulary, stand alone between spaces, and what lies between them is decoded on its own.
 */
export function decodeApart(
  tokens: readonly string[],
  apart: ReadonlySet<string>,
  decodeRun: (tokens: readonly string[]) => string,
): string {
  const parts: string[] = [];
  let run: string[] = [];
  const endRun = (isLast: boolean) => {
    const text = run.length > 0 ? decodeRun(run) : "";
    if (text.length > 0 || (isLast && run.length > 0)) parts.push(text);
    run = [];
  };
  for (const token of tokens) {
    if (!apart.has(token)) {
      run.push(token);
      continue;
    }
    endRun(false);
    parts.push(token);
  }
  endRun(true);
  return parts.join(" ");
}

/** Runs of `<0xE2>` as the characters that they spell; each byte of a run that is not UTF-8 as `�`. */
function byteFallback(tokens: readonly string[]): string[] {
  const decoded: string[] = [];
  let run: number[] = [];
  const endRun = () => {
    if (run.length > 0) decoded.push(...spell(run));
    run = [];
  };
  for (const token of tokens) {
    const byte = byteOfToken(token);
    if (byte !== undefined) {
      run.push(byte);
      continue;
    }
    endRun();
    decoded.push(token);
  }
  endRun();
  return decoded;
}

function spell(bytes: readonly number[]): string[] {
  const text = decodeUtf8(bytes);
  const isUtf8 = utf8(text).length === bytes.length && utf8(text).every((byte, at) => byte === bytes[at]);
  return isUtf8 ? [text] : bytes.map(() => "\uFFFD");
}

/** `▁` as spaces; those of the first token are dropped when encoding put one there. */
function metaspace(config: JsonObject, where: string): Decoder {
  const replacement = asOptionalString(config.replacement, where) ?? "▁";
  const oldScheme = asFlag(config.add_prefix_space, where, true) ? "always" : "never";
  const scheme = asOptionalString(config.prepend_scheme, where) ?? oldScheme;
  return (tokens) =>
    tokens.map((token, at) => token.replaceAll(replacement, at === 0 && scheme !== "never" ? "" : " "));
}

function replace(config: JsonObject, where: string): Decoder {
  const matcher = readPattern(config.pattern, `${where}.pattern`);
  const content = asOptionalString(config.content, where) ?? "";
  return (tokens) =>
    tokens.map((token) => {
      let read = 0;
      let replaced = "";
      for (const [start, end] of matcher(token)) {
        replaced += token.slice(read, start) + content;
        read = end;
      }
      return replaced + token.slice(read);
    });
}

/** Drops up to `start` and `stop` times a character from the ends of each string. */
function strip(config: JsonObject, where: string): Decoder {
  const content = asOptionalString(config.content, where) ?? " ";
  const starts = asNumber(config.start ?? 0, `${where}.start`);
  const stops = asNumber(config.stop ?? 0, `${where}.stop`);
  return (tokens) =>
    tokens.map((token) => {
      let [start, end] = [0, token.length];
      for (let count = 0; count < starts && token.startsWith(content, start); count++) start += content.length;
      for (let count = 0; count < stops && end > start && token.endsWith(content, end); count++) end -= content.length;
      return token.slice(start, end);
    });
}

function wordPiece(config: JsonObject, where: string): Decoder {
  const prefix = asOptionalString(config.prefix, where) ?? "##";
  const cleanUp = asFlag(config.cleanup, where, true);
  return (tokens) =>
    tokens.map((token, at) => {
      const continues = at === 0 || token.startsWith(prefix);
      const written = continues ? (at === 0 ? token : token.slice(prefix.length)) : ` ${token}`;
      return cleanUp ? WORD_PIECE_CLEAN_UP.reduce((text, [from, to]) => text.replaceAll(from, to), written) : written;
    });
}

/** Spaces that this decoder itself takes out, where its description asks for it (`cleanup`). */
const WORD_PIECE_CLEAN_UP: readonly (readonly [string, string])[] = [
  [" .", "."],
  [" ?", "?"],
  [" !", "!"],
  [" ,", ","],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [" do not", " don't"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
];
