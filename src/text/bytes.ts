/** Bytes as tokens write them: the visible characters of byte-level tokenizers, and `<0xE2>` of SentencePiece. */

const encoder = new TextEncoder();

/**
 * The character that stands for each byte in a byte-level vocabulary (GPT-2): printable Latin-1 characters for
 * themselves, the other 68 bytes as the characters from U+0100 on, in order. A space is `Ġ`.
 */
export const byteCharacters: readonly string[] = makeByteCharacters();

const characterBytes: ReadonlyMap<string, number> = new Map(byteCharacters.map((character, byte) => [character, byte]));

/** The bytes that a byte-level token stands for, or undefined when a character of it stands for no byte. */
export function bytesOfToken(token: string): number[] | undefined {
  const bytes: number[] = [];
  for (const character of token) {
    const byte = characterBytes.get(character);
    if (byte === undefined) return undefined;
    bytes.push(byte);
  }
  return bytes;
}

/** UTF-8 of a text. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Bytes as UTF-8; what is not UTF-8 as `�`. */
export function decodeUtf8(bytes: readonly number[]): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes));
}

/** The character that bytes spell, or undefined when they are not UTF-8. */
export function decodeCharacter(bytes: readonly number[]): string | undefined {
  const text = decodeUtf8(bytes);
  const isReplacement = text.includes("\uFFFD") && !(bytes[0] === 0xef && bytes[1] === 0xbf && bytes[2] === 0xbd);
  return isReplacement ? undefined : text;
}

/** Bytes as UTF-8; each byte that begins no character as `invalid`. */
export function decodeLossy(bytes: readonly number[], invalid: string): string {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at] ?? 0;
    const width = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    const character = at + width <= bytes.length ? decodeCharacter(bytes.slice(at, at + width)) : undefined;
    text += character ?? invalid;
    at += character === undefined ? 1 : width;
  }
  return text;
}

/** `<0xE2>` for 226. */
export function byteToken(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
}

/** 226 for `<0xE2>`; undefined for any other token. */
export function byteOfToken(token: string): number | undefined {
  const digits = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 16);
}

function makeByteCharacters(): string[] {
  const printable = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
  let others = 0;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : 0x100 + others++));
}
