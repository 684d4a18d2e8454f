/** Base64 (RFC 4648, with padding), in Node and in browsers alike. */

import { FileError } from "../errors.ts";

/** Bytes as base64. */
export function encodeBase64(bytes: Uint8Array): string {
  // In pieces, because a call takes a limited number of arguments.
  const pieceSize = 0x8000;
  let characters = "";
  for (let start = 0; start < bytes.length; start += pieceSize) {
    characters += String.fromCharCode(...bytes.subarray(start, start + pieceSize));
  }
  return btoa(characters);
}

/**
 * Base64 as bytes.
 * @throws FileError naming `where` when the text is not base64.
 */
export function decodeBase64(text: string, where: string): Uint8Array<ArrayBuffer> {
  let characters: string;
  try {
    characters = atob(text);
  } catch (error) {
    throw new FileError(`${where}: expected base64, received ${JSON.stringify(text.slice(0, 40))}`, { cause: error });
  }
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < characters.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes;
}
