/**
 * Sharded checkpoints: an index `{ "weight_map": { tensor: file, ... } }` beside several files of the same format.
 *
 * `metadata.total_size` is not checked: writers disagree on whether tied tensors count once or twice.
 */

import { FileError } from "../../errors.ts";
import { type FileSource, isPlainName } from "../../files.ts";
import { describeJson, isJsonObject, parseJsonObject } from "../../json.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { findTensor } from "./lookup.ts";

/**
 * Opens all shards of an index and checks that index and shards name the same tensors.
 * @throws FileError when the index is damaged, names a file outside the folder or one that is missing, or when a shard
 *   does not hold exactly the tensors that the index says.
 */
export async function openShards(
  files: FileSource,
  index: string,
  openShard: (files: FileSource, file: string) => Promise<Checkpoint>,
): Promise<Checkpoint> {
  const description = `${files.name}/${index}`;
  const shardOf = await readIndex(files, index, description);
  const shards = await openAll(files, new Set(shardOf.values()), openShard, description);
  checkAgreement(shardOf, shards, description);
  const shard = (name: string): Checkpoint => findTensor(description, shards, findTensor(description, shardOf, name));
  return {
    description,
    names: [...shardOf.keys()],
    info: (name) => shard(name).info(name),
    read: async (name) => await shard(name).read(name),
  };
}

async function readIndex(files: FileSource, index: string, description: string): Promise<Map<string, string>> {
  const { weight_map: weightMap = null } = parseJsonObject(description, await files.read(index));
  if (!isJsonObject(weightMap)) {
    throw new FileError(
      `${description}: expected a "weight_map" of tensors to files, received ${describeJson(weightMap)}`,
    );
  }
  const shardOf = new Map<string, string>();
  for (const [name, file] of Object.entries(weightMap)) {
    if (!isPlainName(file)) {
      throw new FileError(
        `${description}: ${name}: expected the name of a file in the same folder, received ${describeJson(file)}`,
      );
    }
    shardOf.set(name, file);
  }
  if (shardOf.size === 0) throw new FileError(`${description}: expected tensors in its "weight_map", found none`);
  return shardOf;
}

async function openAll(
  files: FileSource,
  names: ReadonlySet<string>,
  openShard: (files: FileSource, file: string) => Promise<Checkpoint>,
  description: string,
): Promise<Map<string, Checkpoint>> {
  const present = new Set(await files.list());
  const missing = [...names].filter((name) => !present.has(name));
  if (missing.length > 0) {
    throw new FileError(`${description}: expected the files ${missing.join(", ")} beside it; download the model again`);
  }
  const shards = new Map<string, Checkpoint>();
  for (const name of names) shards.set(name, await openShard(files, name));
  return shards;
}

function checkAgreement(
  shardOf: ReadonlyMap<string, string>,
  shards: ReadonlyMap<string, Checkpoint>,
  description: string,
): void {
  const problems: string[] = [];
  const held = new Map([...shards].map(([file, { names }]) => [file, new Set(names)]));
  for (const [name, file] of shardOf) {
    if (!held.get(file)?.has(name)) problems.push(`${name} is not in ${file}`);
  }
  for (const [file, names] of held) {
    for (const name of names) {
      const indexed = shardOf.get(name);
      if (indexed === file) continue;
      problems.push(`${name} is in ${file}, but the index ${indexed === undefined ? "omits it" : `says ${indexed}`}`);
    }
  }
  if (problems.length === 0) return;
  throw new FileError(
    `${description}: expected shards that hold what the index says, but\n${problems.map((line) => `  ${line}`).join("\n")}`,
  );
}
