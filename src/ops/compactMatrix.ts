/**
 * Matrices stored in fewer than 32 bits a number.
 *
 *   int8       w = q s_o           q in −127..127, one scale for each column (output channel), s_o = max |w| / 127
 *   int4       w = q s_go          q in −8..7, one scale for each column and group of 32 rows; s_go is the entry of
 *                                  the largest magnitude, over −8, so that this entry is exact
 *   bfloat16   w                   rounded to the nearest number with 8 bits of mantissa, to even in between
 *
 * LLM.int8 (Dettmers et al. 2022, arXiv 2208.07339) scales rows and columns like the first, llama.cpp's Q4_0 groups like the
 * second. A matrix [I, O] is laid out row by row; an int4 pair shares a byte, the first in the lower half, and a row begins
 * with a new byte. The bytes go, four by four in the machine's order, into int32 words, the only integers that TensorFlow.js
 * has.
 */

export const compactFormats = ["int8", "int4", "bfloat16"] as const;
export type CompactFormat = (typeof compactFormats)[number];

/** Rows that share a scale in int4. */
export const GROUP_ROWS = 32;

export interface CompactNumbers {
  readonly words: Int32Array<ArrayBuffer>;
  /** [G, O]: one group of all rows for int8, none at all for bfloat16. */
  readonly scales: Float32Array<ArrayBuffer>;
}

/** Bytes of a row of O numbers. */
export function bytesOfRow(format: CompactFormat, O: number): number {
  return { int8: O, int4: Math.ceil(O / 2), bfloat16: 2 * O }[format];
}

/** G: how many scales a column has. */
export function scaleRows(format: CompactFormat, I: number): number {
  return { int8: 1, int4: Math.ceil(I / GROUP_ROWS), bfloat16: 0 }[format];
}

/** The numbers of a finite matrix [I, O], rounded to what the format can hold. */
export function encodeMatrix(format: CompactFormat, matrix: Float32Array, I: number, O: number): CompactNumbers {
  const rowBytes = bytesOfRow(format, O);
  const words = new Int32Array(Math.ceil((I * rowBytes) / 4));
  if (format === "bfloat16") return { words: roundToBfloat16(matrix, words), scales: new Float32Array(0) };
  const rows = format === "int8" ? I : GROUP_ROWS;
  const scales = new Float32Array(scaleRows(format, I) * O);
  const bytes = new Uint8Array(words.buffer);
  for (let row = 0; row < I; row++) {
    const group = Math.floor(row / rows);
    const scalesOfGroup = scales.subarray(group * O, (group + 1) * O);
    if (row % rows === 0) findScales(format, matrix.subarray(row * O, Math.min(I, row + rows) * O), scalesOfGroup);
    for (let o = 0; o < O; o++) {
      const scale = scalesOfGroup[o] ?? 0;
      const code = scale === 0 ? 0 : Math.round((matrix[row * O + o] ?? 0) / scale);
      const at = row * rowBytes + (format === "int8" ? o : o >> 1);
      if (format === "int8") bytes[at] = code;
      else bytes[at] = (bytes[at] ?? 0) | ((Math.min(7, code) + 8) << (4 * (o & 1)));
    }
  }
  return { words, scales };
}

/** The scale of each column of some rows. */
function findScales(format: "int8" | "int4", rows: Float32Array, scales: Float32Array): void {
  const O = scales.length;
  for (let o = 0; o < O; o++) {
    let largest = 0;
    for (let at = o; at < rows.length; at += O) {
      const value = rows[at] ?? 0;
      if (Math.abs(value) > Math.abs(largest)) largest = value;
    }
    scales[o] = format === "int8" ? Math.abs(largest) / 127 : largest / -8;
  }
}

/** bfloat16 is the upper half of a float32. */
function roundToBfloat16(matrix: Float32Array, words: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const halves = new Uint16Array(words.buffer);
  const bits = new Uint32Array(matrix.buffer, matrix.byteOffset, matrix.length);
  for (const [i, value] of bits.entries()) halves[i] = (value + 0x7fff + ((value >>> 16) & 1)) >>> 16;
  return words;
}

/** The matrix [I, O] that `encodeMatrix` rounded to. */
export function decodeMatrix(
  format: CompactFormat,
  words: Int32Array,
  scales: Float32Array,
  I: number,
  O: number,
): Float32Array<ArrayBuffer> {
  const matrix = new Float32Array(I * O);
  if (format === "bfloat16") {
    const halves = new Uint16Array(words.buffer, words.byteOffset, I * O);
    const bits = new Uint32Array(matrix.buffer);
    for (let i = 0; i < I * O; i++) bits[i] = (halves[i] ?? 0) << 16;
    return matrix;
  }
  const rowBytes = bytesOfRow(format, O);
  const bytes = new Int8Array(words.buffer, words.byteOffset, I * rowBytes);
  for (let row = 0; row < I; row++) {
    const group = format === "int8" ? 0 : Math.floor(row / GROUP_ROWS);
    for (let o = 0; o < O; o++) {
      const byte = bytes[row * rowBytes + (format === "int8" ? o : o >> 1)] ?? 0;
      const code = format === "int8" ? byte : ((byte >> (4 * (o & 1))) & 15) - 8;
      matrix[row * O + o] = code * (scales[group * O + o] ?? 0);
    }
  }
  return matrix;
}
