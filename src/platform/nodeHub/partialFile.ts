/** A file that arrives: its bytes stay on disk when the transfer ends early, so that a later one goes on from there. */

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, stat, truncate } from "node:fs/promises";
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Sink } from "../../model/hub/transfer.ts";
import { ifThere } from "../ifThere.ts";
import { makeFolder } from "../node.ts";
import { writing } from "./cache.ts";

/** The partial file as a sink of a transfer, and how to close it. It is made with its folder when need be. */
export async function openPartialFile(path: string, cache: string): Promise<Sink & { close(): Promise<void> }> {
  const handle = await writing(cache, async () => {
    await makeFolder(dirname(path));
    return await open(path, "a");
  });
  const size = async () => (await ifThere(() => stat(path)))?.size ?? 0;
  return {
    size,
    append: (bytes) => writing(cache, () => handle.appendFile(bytes)),
    clear: () => writing(cache, () => truncate(path)),
    digest: async (kind) => {
      const hash = createHash(kind === "sha256" ? "sha256" : "sha1");
      if (kind === "git") hash.update(`blob ${await size()}\0`);
      await pipeline(createReadStream(path), hash);
      return hash.digest("hex");
    },
    close: () => handle.close(),
  };
}
