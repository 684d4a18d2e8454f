/** What a result was measured on: without it a time says nothing. */

import { execFileSync } from "node:child_process";
import { cpus, loadavg, totalmem } from "node:os";
import { version } from "../src/version.ts";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGB: number;
  /** Average number of running programs over the last minute, ours not yet among them. */
  readonly load: number;
  readonly node: string;
  readonly version: string;
  readonly commit: string;
  readonly date: string;
}

export function thisMachine(): Machine {
  const [first] = cpus();
  const git = (...args: string[]): string => execFileSync("git", args, { encoding: "utf8" }).trim();
  const changed = git("status", "--porcelain", "--untracked-files=no") === "" ? "" : " and changes";
  return {
    cpu: first?.model.trim() ?? "unknown",
    cores: cpus().length,
    memoryGB: Math.round(totalmem() / 2 ** 30),
    load: loadavg()[0] ?? Number.NaN,
    node: process.version,
    version,
    commit: git("rev-parse", "--short", "HEAD") + changed,
    date: new Date().toISOString().slice(0, 16),
  };
}

/** A file name: "amd-epyc-2-cores". */
export const slugOf = ({ cpu, cores }: Machine): string =>
  `${cpu} ${cores} cores`.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
