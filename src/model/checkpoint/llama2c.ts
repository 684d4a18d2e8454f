/** llama2.c checkpoints of all versions, under the names and in the layout of Hugging Face's Llama. */

import { FileError } from "../../errors.ts";
import type { FileSource } from "../../files.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { decodeValues, elementCount } from "./dtype.ts";
import { type Llama2cEntry, readLlama2cFile } from "./llama2cHeader.ts";
import { findTensor } from "./lookup.ts";

/** Names that a llama2.c checkpoint may have: PyTorch's, and those of llama2.c's vocabularies, are others. */
export const isLlama2cName = (file: string): boolean => /\.bin$/.test(file) && !/^(pytorch_model|tok)/.test(file);

/** @throws FileError saying why the file is no llama2.c checkpoint. */
export async function openLlama2c(files: FileSource, file: string): Promise<Checkpoint> {
  const description = `${files.name}/${file}`;
  const found = await readLlama2cFile(files, file);
  if (typeof found === "string") throw new FileError(`${description}: expected a llama2.c checkpoint, but ${found}`);
  const find = (name: string): Llama2cEntry => findTensor(description, found.entries, name);
  return {
    description,
    names: [...found.entries.keys()],
    info: (name) => ({ dtype: "F32", shape: find(name).shape }),
    read: async (name) => {
      const entry = find(name);
      const values = numbersOf(entry, await files.read(file, entry.begin, entry.end), `${description}: ${name}`);
      return entry.rotaryHeads === undefined ? values : halvesApart(values, entry.rotaryHeads, entry.shape);
    },
  };
}

function numbersOf({ shape, group }: Llama2cEntry, bytes: Uint8Array<ArrayBuffer>, what: string) {
  if (group === undefined) return decodeValues(what, "F32", bytes) as Float32Array<ArrayBuffer>;
  const count = elementCount(shape);
  const codes = new Int8Array(bytes.buffer, bytes.byteOffset, count);
  const scales = decodeValues(what, "F32", bytes.slice(count));
  return Float32Array.from(codes, (code, i) => code * (scales[Math.floor(i / group)] ?? Number.NaN));
}

/** Rows 2i and 2i + 1 of a head [K, D] to rows i and i + K/2. */
function halvesApart(values: Float32Array<ArrayBuffer>, heads: number, [rows = 0, D = 0]: readonly number[]) {
  const K = rows / heads;
  const moved = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    const [head, place] = [Math.floor(row / K), row % K];
    const to = head * K + (place >> 1) + (place % 2) * (K / 2);
    moved.set(values.subarray(row * D, (row + 1) * D), to * D);
  }
  return moved;
}
