/** PyTorch in a process of its own that answers case by case, so that both sides are measured in turn. */

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { OpCase } from "./opCases.ts";

export interface PeerOps {
  readonly version: string;
  /** Median seconds of one run. */
  ask(one: OpCase, backward: boolean): Promise<number>;
  stop(): void;
}

export async function startPeerOps(python: string, threads: number): Promise<PeerOps> {
  const script = fileURLToPath(new URL("peer_ops.py", import.meta.url));
  const child = spawn(python, [script, String(threads)], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<Record<string, unknown>> => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${python} ${script} ended; it needs PyTorch`);
    return JSON.parse(value) as Record<string, unknown>;
  };
  const { torch } = await answer();
  return {
    version: String(torch),
    async ask({ kind, sizes }, backward) {
      child.stdin.write(`${JSON.stringify({ kind, sizes, backward })}\n`);
      return Number((await answer()).seconds);
    },
    stop: () => child.stdin.end(),
  };
}
