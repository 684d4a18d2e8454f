/** Operations, forwards and backwards, on every backend asked for, beside PyTorch. */

import { type BackendName, useBackend } from "../src/backend/backend.ts";
import { dispose, readFloats, type Tensor } from "../src/tensor.ts";
import { medianSeconds, processorSeconds } from "./median.ts";
import { bytesOf, flopsOf, type OpCase, type Prepared, prepare } from "./opCases.ts";
import type { Peak } from "./peak.ts";
import type { PeerOps } from "./peerOps.ts";
import { printTable } from "./table.ts";

export interface OpRow {
  readonly op: string;
  readonly name: string;
  readonly backward: boolean;
  readonly unit: "GFLOP/s" | "GB/s";
  /** By backend; null where its result was not checked against the first backend's in time. */
  readonly speed: Readonly<Record<string, number>>;
  readonly pytorch: number | null;
}

/** Largest difference between two backends, as a share of the largest number. Sums of up to 11,008 products in float32. */
const TOLERANCE = 1e-4;
/** A case that takes longer than this on a slow backend, by operation count, is left out there. */
const MOST_FLOPS_OF_SLOW_BACKENDS = 3e9;

export async function measureOps(
  cases: readonly OpCase[],
  backends: readonly BackendName[],
  peer: PeerOps | null,
  peak: Peak | null,
  threads: number,
): Promise<OpRow[]> {
  // One thread waits for no other: its processor time is its time, on a busy machine, too.
  const clock = threads === 1 ? processorSeconds : undefined;
  const rows: OpRow[] = [];
  for (const one of cases) {
    for (const backward of one.kind === "softmax" ? [false] : [false, true]) {
      const speed: Record<string, number> = {};
      let expected: Float32Array | undefined;
      const flops = flopsOf(one, backward);
      const work = (flops || bytesOf(one, backward)) / 1e9;
      for (const [i, name] of backends.entries()) {
        if (i > 0 && flops > MOST_FLOPS_OF_SLOW_BACKENDS) continue;
        await useBackend(name);
        const prepared = prepare(one);
        const run = (backward ? prepared.backward : prepared.forward) as () => Tensor[];
        const numbers = await resultOf(run);
        expected ??= numbers;
        compare(`${one.kind}, ${one.name} on ${name}`, numbers, expected);
        // Reading a number waits for backends that compute later.
        speed[name] = work / medianSeconds(() => dispose(run()), clock);
        letGo(prepared);
      }
      const pytorch = peer === null ? null : work / (await peer.ask(one, backward));
      rows.push({ op: one.kind, name: one.name, backward, unit: flops > 0 ? "GFLOP/s" : "GB/s", speed, pytorch });
    }
  }
  print(rows, backends, peak);
  return rows;
}

async function resultOf(run: () => Tensor[]): Promise<Float32Array> {
  const results = run();
  const numbers = await readFloats(results[0] as Tensor);
  dispose(results);
  return numbers;
}

function compare(what: string, received: Float32Array, expected: Float32Array): void {
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const worst = received.reduce((most, value, i) => {
    const error = Math.abs(value - (expected[i] ?? Number.NaN));
    return Number.isNaN(error) ? Infinity : Math.max(most, error);
  }, 0);
  if (received.length !== expected.length || !(worst <= TOLERANCE * largest)) {
    throw new Error(`${what}: expected the numbers of the first backend, off by ${worst} of ${largest}`);
  }
}

const letGo = ({ inputs }: Prepared): void => dispose([...inputs]);

function print(rows: readonly OpRow[], backends: readonly BackendName[], peak: Peak | null): void {
  const [main = "native"] = backends;
  const shown = (value: number | null | undefined): string => (value == null ? "—" : value.toFixed(value < 10 ? 1 : 0));
  const share = ({ speed, unit }: OpRow): string => {
    const most = unit === "GFLOP/s" ? peak?.gflops : peak?.gbytes;
    return most === undefined ? "—" : `${Math.round((100 * (speed[main] ?? 0)) / most)} %`;
  };
  const peer = rows.some(({ pytorch }) => pytorch !== null);
  printTable(
    ["operation", "pass", "unit", ...backends, "of the peak", ...(peer ? ["PyTorch", "ratio"] : [])],
    rows.map((row) => [
      `${row.op}, ${row.name}`,
      row.backward ? "backward" : "forward",
      row.unit,
      ...backends.map((name) => shown(row.speed[name])),
      share(row),
      ...(peer && row.pytorch !== null ? [shown(row.pytorch), ((row.speed[main] ?? 0) / row.pytorch).toFixed(2)] : []),
    ]),
  );
}
