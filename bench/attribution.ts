/** Attributions, each case in a process of its own; beside the real Inseq on the same weights and texts where it is asked. */

import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BackendName } from "../src/backend/backend.ts";
import type { CaseRequest, CaseResult, Refusal, Shared } from "./attributionCase.ts";
import { type AttributionCase, describeCase } from "./cases.ts";
import { median } from "./median.ts";
import { printTable } from "./table.ts";

export interface AttributionRow {
  readonly case: AttributionCase;
  readonly ours: CaseResult;
  readonly inseq: Peer | null;
}

export interface Peer extends CaseResult, Omit<Shared, "folder"> {
  readonly versions: Readonly<Record<string, string>>;
}

export interface AttributionOptions {
  readonly backend: BackendName | "auto";
  /** A Python that can import inseq. */
  readonly python: string | null;
  readonly threads: number;
}

/** Both sides sum the same numbers in float32, in another order. */
export const TOLERANCE = 1e-4;
const folderOf = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export function measureAttributions(
  cases: readonly AttributionCase[],
  { backend, python, threads }: AttributionOptions,
): AttributionRow[] {
  // Beside a peer every case is compared with it.
  if (python === null) checkAgainstWasm(backend, threads);
  const rows = cases.map((one): AttributionRow => {
    const folder = modelFolder(one);
    const inseq = python === null ? null : runPeer(python, folder, one, threads);
    const shared = inseq && { folder, source: inseq.source, target: inseq.target, contrast: inseq.contrast };
    const ours = runOurs({ case: one, backend, shared, threads });
    if (inseq !== null && !(Math.abs(ours.sum - inseq.sum) <= TOLERANCE * inseq.sum)) {
      const sums = `expected scores that sum to ${inseq.sum}, as Inseq's do, received ${ours.sum}`;
      throw new Error(`${describeCase(one)}: ${sums}`);
    }
    console.log(`measured ${describeCase(one)}: ${median(ours.seconds).toFixed(2)} s`);
    return { case: one, ours, inseq };
  });
  print(rows);
  return rows;
}

/** @throws Error when the method refuses the model */
function runOurs(request: CaseRequest): CaseResult {
  const result = tryOurs(request);
  if ("refused" in result) throw new Error(`${describeCase(request.case)}: ${result.refused}`);
  return result;
}

/** One case of ours, in a process of its own. */
export function tryOurs(request: CaseRequest): CaseResult | Refusal {
  const args = ["--import", "tsx", folderOf("attributionCase.ts"), JSON.stringify(request)];
  return lastLine(execFileSync(process.execPath, args, { encoding: "utf8" })) as CaseResult | Refusal;
}

/** One case of the real Inseq, in a process of its own; makes the model in the folder if it is not there. */
export function runPeer(python: string, folder: string, one: AttributionCase, threads: number): Peer {
  const args = [folderOf("peer_inseq.py"), folder, JSON.stringify(one), String(threads)];
  return lastLine(execFileSync(python, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] })) as Peer;
}

const lastLine = (output: string): unknown => JSON.parse(output.trim().split("\n").at(-1) ?? "");

/** Where the peer makes a model that both sides load. */
export const modelFolder = ({ model }: AttributionCase): string => join(tmpdir(), `inseq-tfjs-bench-${model}`);

/** A shallow model of each kind gives the same sums on the backend and on wasm, or nothing is timed. */
function checkAgainstWasm(backend: BackendName | "auto", threads: number): void {
  const small: readonly AttributionCase[] = [
    { model: "gpt2-small", method: "integrated_gradients", steps: 3, prompt: 5, generated: 7 },
    { model: "llama-160m", method: "saliency", contrast: true, prompt: 5, generated: 7 },
    { model: "marian-base", method: "saliency", prompt: 5, generated: 7 },
  ];
  for (const one of small) {
    const [ours, wasm] = ([backend, "wasm"] as const).map((name) =>
      runOurs({ case: one, backend: name, shared: null, threads, layers: 2 }),
    ) as [CaseResult, CaseResult];
    if (!(Math.abs(ours.sum - wasm.sum) <= TOLERANCE * wasm.sum)) {
      throw new Error(`${describeCase(one)}: expected ${wasm.sum}, as on wasm, received ${ours.sum}`);
    }
  }
  console.log("scores of shallow models are those of the wasm backend");
}

function print(rows: readonly AttributionRow[]): void {
  const table = rows.map(({ case: one, ours, inseq }) => {
    const seconds = median(ours.seconds);
    const cpu = median(ours.cpuSeconds);
    const mine = [describeCase(one), ours.backend, seconds.toFixed(2), cpu.toFixed(2), ours.mb.toFixed(0)];
    if (inseq === null) return mine;
    const theirs = median(inseq.seconds);
    const theirCpu = median(inseq.cpuSeconds);
    const ratios = [(theirs / seconds).toFixed(1), (theirCpu / cpu).toFixed(1)];
    return [...mine, theirs.toFixed(2), theirCpu.toFixed(2), inseq.mb.toFixed(0), ...ratios];
  });
  const peer = ["Inseq: s", "CPU s", "peak MB", "times faster", "times less CPU"];
  const asked = rows.some(({ inseq }) => inseq !== null);
  printTable(["case", "backend", "s", "CPU s", "peak MB", ...(asked ? peer : [])], table);
  const growth = growthOf(rows);
  if (growth !== undefined) console.log(growth);
}

/** How the time of saliency grows with the number of tokens: the exponent between the shortest and the longest case. */
function growthOf(rows: readonly AttributionRow[]): string | undefined {
  const alike = rows.filter(
    ({ case: one }) => one.model === "gpt2-small" && one.method === "saliency" && !one.contrast,
  );
  const sorted = alike.sort((a, b) => a.case.generated - b.case.generated);
  const [first, last] = [sorted[0], sorted.at(-1)];
  if (first === undefined || last === undefined || first === last) return undefined;
  const tokens = last.case.generated / first.case.generated;
  const time = median(last.ours.seconds) / median(first.ours.seconds);
  const exponent = (Math.log(time) / Math.log(tokens)).toFixed(1);
  return `Saliency of ${tokens.toFixed(1)} times as many tokens takes ${time.toFixed(1)} times as long: tokens to the power of ${exponent}.`;
}
