/** Tokens as a person reads them. */

import { byteOfToken, bytesOfToken, decodeCharacter } from "./bytes.ts";

/** How a vocabulary writes what is no plain text. */
export interface Notation {
  /** Every character stands for a byte (GPT-2). */
  readonly byteLevel: boolean;
  /** `▁` stands for a space. */
  readonly metaspace: boolean;
  /** `<0xE2>` stands for a byte. */
  readonly byteFallback: boolean;
  readonly continuingPrefix: string;
  readonly endOfWordSuffix: string;
}

/** One token in readable form; a byte that is no character by itself becomes `⟨E2⟩`. */
export function readableToken(token: string, notation: Notation): string {
  if (notation.byteLevel) {
    const bytes = bytesOfToken(token);
    return bytes === undefined ? token : showBytes(bytes);
  }
  const byte = notation.byteFallback ? byteOfToken(token) : undefined;
  if (byte !== undefined) return showBytes([byte]);
  const { continuingPrefix: prefix, endOfWordSuffix: suffix } = notation;
  const plain = prefix.length > 0 && token.startsWith(prefix) ? token.slice(prefix.length) : token;
  const spaced = suffix.length > 0 && plain.endsWith(suffix) ? `${plain.slice(0, -suffix.length)} ` : plain;
  return notation.metaspace ? spaced.replaceAll("▁", " ") : spaced;
}

function showBytes(bytes: readonly number[]): string {
  let shown = "";
  for (let at = 0; at < bytes.length; ) {
    const width = characterBytes(bytes, at);
    const character = width === undefined ? undefined : decodeCharacter(bytes.slice(at, at + width));
    shown += character ?? `⟨${(bytes[at] ?? 0).toString(16).toUpperCase().padStart(2, "0")}⟩`;
    at += character === undefined ? 1 : (width ?? 1);
  }
  return shown;
}

/** The length that the first byte of a UTF-8 character announces, if that many bytes are there. */
function characterBytes(bytes: readonly number[], at: number): number | undefined {
  const first = bytes[at] ?? 0;
  const width = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : undefined;
  return width !== undefined && at + width <= bytes.length ? width : undefined;
}
