/** The `normalizer` of a `tokenizer.json`: rewriting a text before it is cut into words, with origins kept. */

import { UnsupportedError } from "../errors.ts";
import type { Json, JsonObject } from "../json.ts";
import { byteCharacters, utf8 } from "./bytes.ts";
import { type CharsMap, readCharsMap } from "./charsMap.ts";
import { asArray, asFlag, asObject, asOptionalString, asString } from "./json.ts";
import { type Matcher, readPattern, regexMatcher } from "./pattern.ts";
import {
  characterWidth,
  type Edit,
  leadingSpace,
  rewrite,
  slice,
  type TrackedText,
  trailingSpace,
} from "./trackedText.ts";
import { unicodeNormalize } from "./unicodeForm.ts";

export type Normalizer = (text: TrackedText) => TrackedText;

/**
 * Makes a normalizer from its description; `null` gives the one that changes nothing.
 * @throws UnsupportedError naming a type that is not known.
 */
export function createNormalizer(value: Json | undefined, where = "normalizer"): Normalizer {
  if (value === null || value === undefined) return (text) => text;
  const config = asObject(value, where);
  const type = asString(config.type, `${where}.type`);
  switch (type) {
    case "Sequence":
      return sequence(asArray(config.normalizers, `${where}.normalizers`).map((part) => createNormalizer(part, where)));
    case "NFC":
    case "NFD":
    case "NFKC":
    case "NFKD":
      return (text) => unicodeNormalize(text, type);
    case "Lowercase":
      return lowercase;
    case "StripAccents":
      return replacing(regexMatcher(/\p{M}+/gu), "");
    case "Strip":
      return strip(asFlag(config.strip_left, where, true), asFlag(config.strip_right, where, true));
    case "Prepend":
      return prepend(asString(config.prepend, `${where}.prepend`));
    case "Replace":
      return replacing(readPattern(config.pattern, `${where}.pattern`), asOptionalString(config.content, where) ?? "");
    case "Nmt":
      return sequence([replacing(regexMatcher(NMT_REMOVED), ""), perCharacter(NMT_SPACE, () => " ")]);
    case "ByteLevel":
      return byteLevel;
    case "Precompiled":
      return precompiled(asOptionalString(config.precompiled_charsmap, `${where}.precompiled_charsmap`) ?? "");
    case "BertNormalizer":
      return bert(config, where);
    default:
      throw new UnsupportedError(
        `${where}: expected one of Sequence, NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Strip, Prepend, Replace, Nmt, ByteLevel, Precompiled, BertNormalizer, received "${type}"; convert the tokenizer without it`,
      );
  }
}

/** Every character as the characters of its UTF-8 bytes in a byte-level vocabulary. */
export function byteLevel(text: TrackedText): TrackedText {
  const edits: Edit[] = [];
  for (let at = 0; at < text.text.length; ) {
    const unit = text.text.charCodeAt(at);
    if (unit > 0x20 && unit < 0x7f) {
      at++;
      continue;
    }
    const width = characterWidth(text.text, at);
    const bytes = utf8(text.text.slice(at, at + width));
    edits.push({
      start: at,
      end: at + width,
      content: Array.from(bytes, (byte) => byteCharacters[byte] ?? "").join(""),
    });
    at += width;
  }
  return rewrite(text, edits);
}

/** Puts `content` before a text that is not empty. */
export function prepend(content: string): Normalizer {
  return (text) => (text.text.length === 0 ? text : rewrite(text, [{ start: 0, end: 0, content }]));
}

/** Replaces every match by `content`. */
export function replacing(matcher: Matcher, content: string): Normalizer {
  return (text) =>
    rewrite(
      text,
      matcher(text.text).map(([start, end]) => ({ start, end, content })),
    );
}

function sequence(normalizers: readonly Normalizer[]): Normalizer {
  return (text) => normalizers.reduce((current, normalizer) => normalizer(current), text);
}

/** Replaces every character that matches `where` (with the flags `gu`, one character a match) on its own. */
function perCharacter(where: RegExp, replace: (character: string) => string): Normalizer {
  return (text) =>
    rewrite(
      text,
      Array.from(text.text.matchAll(where), ({ 0: character, index }) => ({
        start: index,
        end: index + character.length,
        content: replace(character),
      })).filter((edit) => edit.content !== text.text.slice(edit.start, edit.end)),
    );
}

/** Character by character, unlike a whole string's toLowerCase, which knows that Σ ends a word. */
const lowercase = perCharacter(/\p{Changes_When_Lowercased}/gu, (character) => character.toLowerCase());

function strip(left: boolean, right: boolean): Normalizer {
  return (text) => {
    const start = left ? leadingSpace(text.text) : 0;
    const end = right ? text.text.length - trailingSpace(text.text) : text.text.length;
    return slice(text, start, Math.max(start, end));
  };
}

const NMT_REMOVED = /(?![\0\t\n\f\r\u0080-\u008E\u0090-\u009E])\p{Cc}/gu;
const NMT_SPACE = /[\t\n\f\r\u1680\u200B-\u200F\u2028\u2029\u2581\uFEFF\uFFFD]/gu;

/**
 * A SentencePiece character map as the Rust library `tokenizers` reads it: grapheme by grapheme, a grapheme of fewer
 * than six bytes as a whole, and where that finds nothing, its characters one by one.
 */
function precompiled(base64: string): Normalizer {
  if (base64.length === 0) return (text) => text;
  const map = readCharsMap(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
  const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });
  const keepsAscii = Array.from({ length: 95 }, (_, at) => String.fromCharCode(0x20 + at)).every(
    (character) => map.shortest(utf8(character), 0) === undefined,
  );
  return (text) => {
    const edits: Edit[] = [];
    for (const { 0: stretch, index: start } of text.text.matchAll(keepsAscii ? BEYOND_ASCII : ALL)) {
      for (const { segment, index } of graphemes.segment(stretch)) {
        edits.push(...graphemeEdits(map, segment, start + index));
      }
    }
    return rewrite(text, edits);
  };
}

/** Printable ASCII characters are graphemes of their own except beside others, so only there are graphemes looked for. */
const BEYOND_ASCII = /[ -~]?(?:[^ -~]+[ -~]?)+/gu;
const ALL = /[\s\S]+/gu;

function graphemeEdits(map: CharsMap, grapheme: string, start: number): Edit[] {
  const bytes = utf8(grapheme);
  const whole = bytes.length < 6 ? map.shortest(bytes, 0) : undefined;
  if (whole !== undefined) return [{ start, end: start + grapheme.length, content: whole.content }];
  const edits: Edit[] = [];
  let at = start;
  for (const character of grapheme) {
    const found = map.shortest(utf8(character), 0);
    if (found !== undefined) edits.push({ start: at, end: at + character.length, content: found.content });
    at += character.length;
  }
  return edits;
}

/** The text cleaning of BERT (its reference: `BasicTokenizer` of the paper's code). */
function bert(config: JsonObject, where: string): Normalizer {
  const lower = asFlag(config.lowercase, where, true);
  const parts: Normalizer[] = [];
  if (asFlag(config.clean_text, where, true)) {
    parts.push(replacing(regexMatcher(/(?:(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}\p{Cs}\uFFFD])+/gu), ""));
    parts.push(perCharacter(/\p{White_Space}/gu, () => " "));
  }
  if (asFlag(config.handle_chinese_chars, where, true)) {
    parts.push(perCharacter(CHINESE, (character) => ` ${character} `));
  }
  if (asFlag(config.strip_accents, where, lower)) {
    parts.push((text) => unicodeNormalize(text, "NFD"), replacing(regexMatcher(/\p{Mn}+/gu), ""));
  }
  if (lower) parts.push(lowercase);
  return sequence(parts);
}

const CHINESE =
  /[\u4E00-\u9FFF\u3400-\u4DBF\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F}\u{2B820}-\u{2CEAF}\uF900-\uFAFF\u{2F800}-\u{2FA1F}]/gu;
