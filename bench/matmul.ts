/**
 * Matrix products of a GPT-2-small feed-forward layer on the native backend, in GFLOP/s:
 *
 *   npx tsx bench/matmul.ts [python]
 *
 * With the path of a Python that has PyTorch, PyTorch's speed is measured in the same run, case by case in turn with ours,
 * and the ratio shown. Numbers are checked before anything is timed.
 */

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { useBackend } from "../src/backend/backend.ts";
import { NativeBackend } from "../src/backend/native/backend.ts";
import { linear } from "../src/ops/linear.ts";
import { dispose, randomNormal, type Tensor, tensorflow } from "../src/tensor.ts";
import { medianSeconds } from "./median.ts";

const ROWS = [8, 32, 128, 512, 2048];
/** x W, and with W stored the other way round, as for an output head that is also an embedding table. */
const LAYERS = [
  { I: 768, O: 3072, transposed: false },
  { I: 768, O: 3072, transposed: true },
  { I: 3072, O: 768, transposed: false },
];

/** Some entries of y against sums in double precision. */
function check(y: Tensor, x: Tensor, w: Tensor, I: number, O: number, transposed: boolean): void {
  const [yData, xData, wData] = [y, x, w].map((t) => t.dataSync()) as [Float32Array, Float32Array, Float32Array];
  const M = yData.length / O;
  for (const [m, o] of [
    [0, 0],
    [M - 1, O - 1],
    [Math.floor(M / 2), 17],
  ] as const) {
    let sum = 0;
    for (let i = 0; i < I; i++) sum += (xData[m * I + i] ?? 0) * (wData[transposed ? o * I + i : i * O + o] ?? 0);
    const received = yData[m * O + o] ?? Number.NaN;
    // Sums of a few thousand products of order 1, in single precision.
    if (!(Math.abs(received - sum) < 1e-3)) throw new Error(`y[${m}, ${o}]: expected ${sum}, received ${received}`);
  }
}

/** GFLOP/s of the kernel alone, its weights packed as in use. */
function ours(backend: NativeBackend, M: number, { I, O, transposed }: (typeof LAYERS)[number]): number {
  const x = randomNormal([M, I], 0, 1, 1);
  const w = randomNormal(transposed ? [O, I] : [I, O], 0, 1, 2);
  const bias = randomNormal([O], 0, 1, 3);
  const y = linear(x, w, undefined, { transposeKernel: transposed });
  check(y, x, w, I, O, transposed);
  const [xData, wData, biasData] = [x, w, bias].map((t) => t.dataSync()) as [Float32Array, Float32Array, Float32Array];
  const handle = [0];
  backend.call("pack", wData, I, O, transposed ? 1 : 0, handle);
  const out = new Float32Array(M * O);
  const packed = handle[0] ?? 0;
  const seconds = medianSeconds(() => backend.call("linear", xData, null, packed, biasData, M, I, O, 0, 0, out));
  backend.call("unpack", packed);
  dispose([x, w, bias, y]);
  return (2 * M * I * O) / seconds / 1e9;
}

function pytorch(python: string, threads: number, M: number, { I, O, transposed }: (typeof LAYERS)[number]): number {
  const script = fileURLToPath(new URL("peer_matmul.py", import.meta.url));
  const output = execFileSync(python, [script, String(threads), JSON.stringify({ case: [M, I, O, transposed] })]);
  return JSON.parse(output.toString()).gflops.case;
}

const [, , python] = process.argv;
const { description } = await useBackend("native");
const backend = tensorflow.backend();
if (!(backend instanceof NativeBackend)) throw new Error("expected the native backend");
const threads = backend.library.read("threads");
console.log(description);
for (const layer of LAYERS) {
  for (const M of ROWS) {
    const speed = ours(backend, M, layer);
    const peer = python === undefined ? undefined : pytorch(python, threads, M, layer);
    const comparison = peer === undefined ? "" : `  PyTorch ${peer.toFixed(0)}  ratio ${(speed / peer).toFixed(2)}`;
    const name = `${M} × ${layer.I} × ${layer.O}${layer.transposed ? " (W transposed)" : ""}`;
    console.log(`${name.padEnd(34)} ${speed.toFixed(0).padStart(5)} GFLOP/s${comparison}`);
  }
}
