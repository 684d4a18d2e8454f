/**
 * A lock that Python's `huggingface_hub` takes, too, so that two processes do not download the same file at the same time:
 * `flock(2)` on a file, which the system gives back when a process ends, however it ends.
 */

import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { makeFolder } from "../node.ts";

/** Does `step` while holding the lock. It is told whether there is one: Windows and some file systems have none. */
export async function whileLocked<Result>(
  path: string,
  signal: AbortSignal | undefined,
  step: (isLocked: boolean) => Promise<Result>,
): Promise<Result> {
  const flock = await systemFlock();
  if (flock === undefined) return await step(false);
  await makeFolder(dirname(path));
  const handle = await open(path, "a", 0o664);
  try {
    return await step(await acquire(handle, flock, signal));
  } finally {
    // Closing the file gives the lock back.
    await handle.close();
  }
}

type Flock = (descriptor: number) => "taken" | "busy" | "none";

async function acquire(handle: FileHandle, flock: Flock, signal: AbortSignal | undefined): Promise<boolean> {
  for (;;) {
    const state = flock(handle.fd);
    if (state !== "busy") return state === "taken";
    await sleep(POLL_MILLISECONDS, undefined, signal && { signal });
  }
}

const POLL_MILLISECONDS = 50;

/** From <sys/file.h>, the same on Linux, macOS and the BSDs. */
const LOCK_EXCLUSIVE = 2;
const LOCK_NOT_WAITING = 4;

async function systemFlock(): Promise<Flock | undefined> {
  if (process.platform === "win32") return undefined;
  const koffi = (await import("koffi")).default;
  const call = koffi.load(null).func("int flock(int descriptor, int operation)");
  const { EWOULDBLOCK, EAGAIN, EINTR } = koffi.os.errno;
  const busy: readonly (number | undefined)[] = [EWOULDBLOCK, EAGAIN, EINTR];
  return (descriptor) => {
    if (call(descriptor, LOCK_EXCLUSIVE | LOCK_NOT_WAITING) === 0) return "taken";
    return busy.includes(koffi.errno()) ? "busy" : "none";
  };
}
