/** What decides the results of a run, so that two runs can be told to be the same. */

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import type { FileSource } from "../../files.ts";
import type { Json, JsonObject } from "../../json.ts";
import { formatPythonJson } from "../../result/pythonJson.ts";

/** SHA-256 of a file, in hex. @throws the reason of the signal once it is aborted */
export async function hashOfFile(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    hash.update(chunk as Buffer);
    signal.throwIfAborted();
  }
  return hash.digest("hex");
}

const SAMPLE = 1 << 16;

/**
 * SHA-256 of a model's files: names, sizes, the whole of small ones, and of large ones (weights) their first and last bytes
 * and some between: reading all of them would take as long as loading the model.
 */
export async function hashOfModel(files: FileSource): Promise<string> {
  const hash = createHash("sha256");
  for (const name of [...(await files.list())].sort()) {
    const size = await files.size(name);
    hash.update(`${name}\0${size}\0`);
    const places = 16;
    if (size <= SAMPLE * places) hash.update(await files.read(name));
    else {
      for (let i = 0; i < places; i++) {
        const start = Math.floor(((size - SAMPLE) * i) / (places - 1));
        hash.update(await files.read(name, start, start + SAMPLE));
      }
    }
  }
  return hash.digest("hex");
}

export interface Difference {
  readonly name: string;
  readonly before: Json | undefined;
  readonly after: Json | undefined;
}

/** Where two records differ, by name. */
export function differences(before: JsonObject, after: JsonObject): Difference[] {
  const text = (value: Json | undefined) => (value === undefined ? "" : formatPythonJson(value, { compact: true }));
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names
    .filter((name) => text(before[name]) !== text(after[name]))
    .map((name) => ({ name, before: before[name], after: after[name] }));
}
