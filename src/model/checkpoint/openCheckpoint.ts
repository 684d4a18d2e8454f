/** Choosing among the files that can hold a model's checkpoint. */

import { FileError } from "../../errors.ts";
import type { FileSource } from "../../files.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { isLlama2cName, openLlama2c } from "./llama2c.ts";
import { openPyTorch } from "./pytorch.ts";
import { openSafetensors } from "./safetensors.ts";
import { openShards } from "./sharded.ts";
import { openTensorFlowJs } from "./tensorflowjs.ts";

/** The files that can hold a checkpoint, best first: safetensors can be read in ranges and hold nothing but numbers. */
const formats: readonly (readonly [file: string, open: (files: FileSource, file: string) => Promise<Checkpoint>])[] = [
  ["model.safetensors", openSafetensors],
  ["model.safetensors.index.json", (files, index) => openShards(files, index, openSafetensors)],
  ["pytorch_model.bin", openPyTorch],
  ["pytorch_model.bin.index.json", (files, index) => openShards(files, index, openPyTorch)],
  ["model.json", openTensorFlowJs],
];

/**
 * Opens the checkpoint of a Hugging Face folder: `model.safetensors`, its sharded form, `pytorch_model.bin`, its
 * sharded form, or TensorFlow.js's `model.json`, the first of these that exists; or the `.bin` file of llama2.c, whatever its name.
 * @throws FileError when none exists, or when the one that exists is damaged.
 */
export async function openCheckpoint(files: FileSource): Promise<Checkpoint> {
  const present = await files.list();
  for (const [file, open] of formats) {
    if (!present.includes(file)) continue;
    await refusePointer(files, file);
    return await open(files, file);
  }
  const [file] = present.filter(isLlama2cName);
  if (file !== undefined) return await openLlama2c(files, file);
  const wanted = formats.map(([file]) => file).join(", ");
  const found = present.length > 0 ? [...present].sort().join(", ") : "no files at all";
  throw new FileError(
    `${files.name}: expected a checkpoint (one of ${wanted}, or llama2.c's .bin), found ${found}; other formats can be converted with ` +
      `Python's transformers: AutoModel.from_pretrained(...).save_pretrained(...)`,
  );
}

/** A clone without Git LFS has small text files in place of the large ones. */
async function refusePointer(files: FileSource, file: string): Promise<void> {
  const beginning = "version https://git-lfs";
  const bytes = await files.read(file, 0, Math.min(beginning.length, await files.size(file)));
  if (new TextDecoder().decode(bytes) !== beginning) return;
  throw new FileError(`${files.name}/${file}: expected a checkpoint, received a Git LFS pointer; run "git lfs pull"`);
}
