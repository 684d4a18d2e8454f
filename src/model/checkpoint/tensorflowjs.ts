/**
 * TensorFlow.js checkpoints: a `model.json` whose manifest names shards and the tensors in them (weightsManifest.ts).
 *
 * Each tensor is decoded by `tf.io`, by itself, so that memory holds one. Names are Hugging Face's, for PyTorch or for
 * TensorFlow (tensorflowNames.ts).
 */

import type { FileSource } from "../../files.ts";
import { parseJsonObject } from "../../json.ts";
import { decodeWeight, dispose, readFloats, readIntegersNow } from "../../tensor.ts";
import { transposed } from "../weightPieces.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { Values } from "./dtype.ts";
import { findTensor } from "./lookup.ts";
import { pytorchName } from "./tensorflowNames.ts";
import { readManifest, readStored, type StoredWeight } from "./weightsManifest.ts";

interface Entry extends StoredWeight {
  /** As the weight tables have it. */
  readonly shape: readonly number[];
  /** The matrix is stored transposed. */
  readonly transpose: boolean;
}

/**
 * Opens the weights of a TensorFlow.js model, saved by TensorFlow.js or written by its converter.
 * @throws FileError when the manifest is damaged, has a type that is no number's, or does not fill its shards exactly; when
 *   a shard is missing
 */
export async function openTensorFlowJs(files: FileSource, file: string): Promise<Checkpoint> {
  const description = `${files.name}/${file}`;
  const manifest = await readManifest(files, description, parseJsonObject(description, await files.read(file)));
  const entries = new Map(
    manifest.map((stored) => {
      const { name, ...own } = pytorchName(stored.spec.name, stored.spec.shape);
      return [name, { ...stored, ...own }] as const;
    }),
  );
  return {
    description,
    names: [...entries.keys()],
    info: (name) => findTensor(description, entries, name),
    read: async (name) => await readEntry(files, findTensor(description, entries, name)),
  };
}

async function readEntry(files: FileSource, entry: Entry): Promise<Values> {
  const decoded = decodeWeight(await readStored(files, entry), entry.spec);
  const numbers = entry.dtype === "F32" ? await readFloats(decoded) : readIntegersNow(decoded);
  dispose(decoded);
  const [O = 1, I = 1] = entry.shape;
  return entry.transpose && numbers instanceof Float32Array ? transposed(numbers, I, O) : numbers;
}
