/** Every method of the registry: passes, time and memory, beside the real Inseq's where it has the method. */

import type { BackendName } from "../src/backend/backend.ts";
import { modelFolder, type Peer, runPeer, TOLERANCE, tryOurs } from "./attribution.ts";
import type { CaseResult } from "./attributionCase.ts";
import { describeCase, describeMethod } from "./cases.ts";
import { median } from "./median.ts";
import type { MethodCase } from "./methodCases.ts";
import type { Passes } from "./passes.ts";
import { printTable } from "./table.ts";

export interface MethodRow {
  readonly case: MethodCase;
  /** Null where the method refuses the model. */
  readonly ours: CaseResult | null;
  /** Null where Inseq lacks the method, or was not asked. */
  readonly inseq: Peer | null;
  /** Whether the scores are Inseq's, or why there is no number. */
  readonly note: string;
}

export interface MethodsOptions {
  readonly backend: BackendName | "auto";
  /** A Python that can import inseq. */
  readonly python: string | null;
  readonly threads: number;
}

const EQUAL = "equal";

/**
 * @param keep called after each row
 * @throws Error after all rows, when some scores are not Inseq's where they should be
 */
export function measureMethods(
  cases: readonly MethodCase[],
  options: MethodsOptions,
  keep: (row: MethodRow) => void,
): void {
  const rows = cases.map((one) => {
    const row = measureMethod(one, options);
    const time = row.ours === null ? row.note : `${median(row.ours.seconds).toFixed(2)} s`;
    console.log(`measured ${describeCase(one)}: ${time}`);
    keep(row);
    return row;
  });
  for (const model of new Set(cases.map((one) => one.model))) {
    const [first, ...others] = rows.filter((row) => row.case.model === model);
    if (first === undefined) continue;
    console.log(`\n${model}, ${first.case.prompt} + ${first.case.generated} tokens\n`);
    print([first, ...others], options.python !== null);
  }
  const wrong = rows.filter(
    ({ ours, inseq, case: one, note }) => ours && inseq && one.notCompared === null && note !== EQUAL,
  );
  if (wrong.length === 0) return;
  throw new Error(
    `expected Inseq's scores: ${wrong.map((row) => `${describeCase(row.case)}: ${row.note}`).join("; ")}`,
  );
}

function measureMethod(one: MethodCase, { backend, python, threads }: MethodsOptions): MethodRow {
  const folder = modelFolder(one);
  const asked = python !== null && one.peer !== undefined ? tryPeer(python, folder, one, threads) : null;
  const inseq = typeof asked === "string" ? null : asked;
  const shared = inseq && { folder, source: inseq.source, target: inseq.target, contrast: inseq.contrast };
  const ours = tryOurs({ case: one, backend, shared, threads });
  if ("refused" in ours) return { case: one, ours: null, inseq, note: `refused: ${ours.refused}` };
  if (typeof asked === "string") return { case: one, ours, inseq, note: `Inseq fails: ${asked}` };
  if (inseq === null) return { case: one, ours, inseq, note: "" };
  if (one.notCompared !== null) return { case: one, ours, inseq, note: one.notCompared };
  const equal = Math.abs(ours.sum - inseq.sum) <= TOLERANCE * inseq.sum;
  return { case: one, ours, inseq, note: equal ? EQUAL : `sum to ${ours.sum}, Inseq's to ${inseq.sum}` };
}

function tryPeer(python: string, folder: string, one: MethodCase, threads: number): Peer | string {
  try {
    return runPeer(python, folder, one, threads);
  } catch (error) {
    return lastWords(String((error as { readonly stderr?: unknown }).stderr ?? error));
  }
}

const MOST_CHARACTERS = 160;

/** What a traceback ends with, on one line: the name of the exception and the beginning of its message. */
function lastWords(traceback: string): string {
  const lines = traceback.trim().split("\n");
  const at = lines.findLastIndex((line) => /^[\w.]+(Error|Exception|Interrupt):/.test(line));
  return lines
    .slice(at)
    .join(" ")
    .replace(/[|\s]+/g, " ")
    .slice(0, MOST_CHARACTERS);
}

/** "20 in 2": rows in so many calls. */
const told = ({ forwardCalls, forwardRows }: Passes): string => `${forwardRows} in ${forwardCalls}`;

function print(rows: readonly MethodRow[], beside: boolean): void {
  const head = ["method", "forward", "backward", "s", "CPU s", "peak MB"];
  const theirs = ["Inseq: forward", "backward", "s", "CPU s", "peak MB", "times less CPU", "scores"];
  const table = rows.map(({ case: one, ours, inseq, note }) => {
    const [mine, other] = [ours, inseq].map((result) => (result === null ? Array(5).fill("—") : cells(result)));
    const less = ours && inseq && (median(inseq.cpuSeconds) / median(ours.cpuSeconds)).toFixed(1);
    return [describeMethod(one), ...(mine ?? []), ...(beside ? [...(other ?? []), less ?? "—", note] : [])];
  });
  printTable([...head, ...(beside ? theirs : [])], table);
}

const cells = ({ passes, seconds, cpuSeconds, mb }: CaseResult): string[] => [
  told(passes),
  String(passes.backwardRows),
  median(seconds).toFixed(3),
  median(cpuSeconds).toFixed(3),
  mb.toFixed(0),
];
