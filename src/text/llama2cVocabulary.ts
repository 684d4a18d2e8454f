/**
 * The vocabulary of llama2.c, `tokenizer.bin`: the length of the longest piece, then for each piece its score (float32), its
 * length and its bytes. It was a SentencePiece model of byte pairs, with "▁" written as a space, the unknown piece first,
 * and line breaks around the beginning and the end of a text, which come next.
 */

import { FileError } from "../errors.ts";
import type { FileSource } from "../files.ts";
import type { Piece, SentencePieceFile } from "./sentencePieceFile.ts";

/** `tokenizer.bin`, or, for a vocabulary of its own size, `tok512.bin`. */
export const isLlama2cVocabulary = (file: string): boolean => /^tok(enizer|\d+)\.bin$/.test(file);

/** @throws FileError when the file is none. */
export async function readLlama2cVocabulary(files: FileSource, file: string): Promise<SentencePieceFile> {
  const bytes = await files.read(file);
  const damaged = (why: string) =>
    new FileError(`${files.name}/${file}: expected a vocabulary of llama2.c, but ${why}; get the file again`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const pieces: Piece[] = [];
  for (let at = 4; at < bytes.length; ) {
    if (at + 8 > bytes.length) throw damaged(`piece ${pieces.length} is cut off`);
    const [score, length] = [view.getFloat32(at, true), view.getInt32(at + 4, true)];
    at += 8;
    if (length < 1 || at + length > bytes.length || !Number.isFinite(score))
      throw damaged(`piece ${pieces.length} has ${length} bytes and score ${score}`);
    try {
      pieces.push(pieceOf(decoder.decode(bytes.subarray(at, at + length)), score, pieces.length));
    } catch (cause) {
      throw new FileError(damaged(`piece ${pieces.length} is no UTF-8`).message, { cause });
    }
    at += length;
  }
  if (pieces.length < 3) throw damaged(`it has ${pieces.length} pieces`);
  return {
    pieces,
    algorithm: "bpe",
    byteFallback: pieces.some(({ type }) => type === "byte"),
    unknownId: 0,
    unknownSurface: " \u2047 ",
    spaceAsSuffix: false,
    charsMap: new Uint8Array(),
    addDummyPrefix: true,
    removeExtraSpaces: false,
    escapeSpaces: true,
  };
}

function pieceOf(text: string, score: number, id: number): Piece {
  if (id < 3) return { text: text.trim(), score, type: id === 0 ? "unknown" : "control" };
  const type = /^<0x[0-9A-F]{2}>$/.test(text) ? "byte" : "normal";
  return { text: text.replaceAll(" ", "▁"), score, type };
}
