/**
 * The weights of a TensorFlow.js `model.json`:
 *
 *   "weightsManifest": [{ "paths": ["group1-shard1of2.bin", ...],
 *                         "weights": [{ "name", "shape", "dtype", "quantization"?: { "dtype", "scale", "min" } }, ...] }, ...]
 *
 * The tensors of a group fill its shards one after another, and may begin in one and end in the next. Quantised ones are
 * float16, or uint8 or uint16 codes q for q · scale + min. Format: tfjs-core/src/io/types.ts.
 */

import { FileError } from "../../errors.ts";
import { type FileSource, isPlainName } from "../../files.ts";
import { describeJson, isJsonObject, type Json, type JsonObject } from "../../json.ts";
import type { WeightSpec } from "../../tensor.ts";
import { type DType, elementCount } from "./dtype.ts";
import { isCounts } from "./safetensors.ts";

/** What the types of a manifest are in a checkpoint, and their bytes. */
const types = { float32: ["F32", 4], int32: ["I32", 4], bool: ["BOOL", 1] } as const satisfies Record<
  string,
  readonly [DType, number]
>;
const quantizedBytes = { uint8: 1, uint16: 2, float16: 2 } as const;

/** A tensor of the manifest, and where it is. */
export interface StoredWeight {
  readonly spec: WeightSpec;
  readonly dtype: DType;
  readonly shards: readonly Shard[];
  /** Bytes `[begin, end)` of the group's shards, joined. */
  readonly begin: number;
  readonly end: number;
}

interface Shard {
  readonly file: string;
  readonly bytes: number;
}

/**
 * All tensors of a `model.json`, in the order of its groups.
 * @throws FileError when the manifest is damaged, has a type that is no number's, or does not fill its shards exactly; when
 *   a shard is missing
 */
export async function readManifest(
  files: FileSource,
  description: string,
  { weightsManifest: groups = null }: JsonObject,
): Promise<readonly StoredWeight[]> {
  if (!Array.isArray(groups) || !groups.every(isJsonObject)) {
    throw new FileError(
      `${description}: expected a "weightsManifest" of groups, received ${describeJson(groups)}; save the model again ` +
        "with TensorFlow.js or its converter",
    );
  }
  const stored = new Map<string, StoredWeight>();
  for (const { paths = null, weights = null } of groups) {
    const shards = await findShards(files, description, paths);
    let end = 0;
    for (const weight of Array.isArray(weights) ? (weights as readonly Json[]) : [null]) {
      const { spec, dtype, bytes } = parseWeight(description, weight);
      if (stored.has(spec.name)) throw new FileError(`${description}: ${spec.name} is in its manifest twice`);
      const begin = end;
      end += bytes;
      stored.set(spec.name, { spec, dtype, shards, begin, end });
    }
    const found = shards.reduce((sum, { bytes }) => sum + bytes, 0);
    if (found === end) continue;
    throw new FileError(
      `${description}: expected ${end} bytes in ${shards.map(({ file }) => file).join(", ")}, found ${found}; a shard is ` +
        "truncated or of another model: download or convert it again",
    );
  }
  return [...stored.values()];
}

/** The bytes of a tensor, which may lie in several shards. */
export async function readStored(files: FileSource, { shards, begin, end }: StoredWeight) {
  const joined = new Uint8Array(end - begin);
  let start = 0;
  for (const { file, bytes } of shards) {
    const [from, to] = [Math.max(begin, start), Math.min(end, start + bytes)];
    if (from < to) joined.set(await files.read(file, from - start, to - start), from - begin);
    start += bytes;
  }
  return joined;
}

async function findShards(files: FileSource, description: string, paths: Json): Promise<Shard[]> {
  if (!Array.isArray(paths) || !paths.every(isPlainName)) {
    throw new FileError(
      `${description}: expected "paths" of files in the same folder, received ${describeJson(paths)}`,
    );
  }
  const present = new Set(await files.list());
  const missing = paths.filter((path) => !present.has(path));
  if (missing.length > 0) {
    throw new FileError(`${description}: expected the files ${missing.join(", ")} beside it; download the model again`);
  }
  return await Promise.all(paths.map(async (file) => ({ file, bytes: await files.size(file) })));
}

function parseWeight(description: string, weight: Json) {
  if (!isJsonObject(weight) || typeof weight.name !== "string" || !isCounts(weight.shape ?? null)) {
    throw new FileError(
      `${description}: expected weights with a name and a shape of whole numbers, received ${describeJson(weight)}`,
    );
  }
  const { name, dtype = null, quantization } = weight;
  const shape = weight.shape as readonly number[];
  const type = Object.entries(types).find(([known]) => known === dtype)?.[1];
  if (type === undefined || typeof dtype !== "string") {
    throw new FileError(
      `${description}: ${name}: expected a dtype out of ${Object.keys(types).join(", ")}, received ${describeJson(dtype)}`,
    );
  }
  const count = elementCount(shape);
  const bytes = count * (quantization === undefined ? type[1] : bytesOfCode(`${description}: ${name}`, quantization));
  const spec = { name, shape, dtype, ...(quantization !== undefined && { quantization }) };
  return { spec, dtype: type[0], bytes };
}

function bytesOfCode(what: string, quantization: Json): number {
  const { dtype = null, scale = null, min = null } = isJsonObject(quantization) ? quantization : {};
  const bytes = Object.entries(quantizedBytes).find(([known]) => known === dtype)?.[1];
  const hasRange = typeof scale === "number" && typeof min === "number";
  if (bytes !== undefined && (dtype === "float16" || hasRange)) return bytes;
  throw new FileError(
    `${what}: expected a quantization of dtype float16, or uint8 or uint16 with scale and min, received ` +
      describeJson(quantization),
  );
}
