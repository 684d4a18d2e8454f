/**
 * The compiled character map of a SentencePiece model (`precompiled_charsmap`): which sequences of characters are
 * replaced by which, for instance NFKC and the joining of spaces.
 *
 * The format is that of SentencePiece: four bytes with the length of a trie, the trie, and the replacements, each
 * closed by a zero byte. The trie is a Darts-clone double array over UTF-8 bytes, of 32-bit little-endian units:
 * bits 0-7 and 31 are the label (31 set: the unit is a value, in bits 0-30), bit 8 says that the unit has a leaf,
 * bits 10-30 are the offset to the children, times 256 if bit 9 is set. A value is an offset into the replacements.
 */

import { FileError } from "../errors.ts";

export interface CharsMap {
  /** The longest key that `bytes` has at `at`, and its replacement. This is how SentencePiece itself reads the map. */
  longest(bytes: Uint8Array, at: number): Replacement | undefined;
  /** The shortest such key. The Rust library `tokenizers` replaces a whole grapheme by what its shortest prefix gives. */
  shortest(bytes: Uint8Array, at: number): Replacement | undefined;
}

export interface Replacement {
  /** Bytes of the key. */
  readonly length: number;
  readonly content: string;
}

/** @throws FileError when the lengths contradict each other. */
export function readCharsMap(bytes: Uint8Array): CharsMap {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const trieBytes = bytes.length >= 4 ? view.getUint32(0, true) : 0;
  if (trieBytes === 0 || trieBytes % 4 !== 0 || 4 + trieBytes > bytes.length) {
    throw new FileError(
      `precompiled_charsmap: expected a trie inside its ${bytes.length} bytes, received one of ${trieBytes} bytes; get the file again`,
    );
  }
  const units = Uint32Array.from({ length: trieBytes / 4 }, (_, unit) => view.getUint32(4 + 4 * unit, true));
  const replacements = bytes.subarray(4 + trieBytes);

  const find = (text: Uint8Array, at: number, wantLongest: boolean): Replacement | undefined => {
    let found: { length: number; value: number } | undefined;
    let node = childrenOffset(unitAt(units, 0));
    for (let next = at; next < text.length; next++) {
      const label = text[next] as number;
      node ^= label;
      if (node >= units.length) break;
      const unit = unitAt(units, node);
      if (unit >>> 31 !== 0 || (unit & 0xff) !== label) break;
      node ^= childrenOffset(unit);
      if (((unit >>> 8) & 1) === 0) continue;
      found = { length: next + 1 - at, value: unitAt(units, node) & 0x7fffffff };
      if (!wantLongest) break;
    }
    return found && { length: found.length, content: readString(replacements, found.value) };
  };
  return {
    longest: (text, at) => find(text, at, true),
    shortest: (text, at) => find(text, at, false),
  };
}

function unitAt(units: Uint32Array, index: number): number {
  const unit = units[index];
  if (unit !== undefined) return unit;
  throw new FileError(
    `precompiled_charsmap: unit ${index} lies outside the trie of ${units.length}; get the file again`,
  );
}

function childrenOffset(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}

function readString(bytes: Uint8Array, start: number): string {
  const end = bytes.indexOf(0, start);
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(start, end < 0 ? bytes.length : end));
}
