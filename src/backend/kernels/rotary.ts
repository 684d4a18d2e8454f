/** Rotary positions (kernels/cpu/rotary.cc). */

import { input, type Kernel, type KernelCall, lastOf, readRows, unitOf, writeRows } from "./kernel.ts";
import { type Info, sizeOf } from "./kernelBackend.ts";

export const rotary: Kernel = (call) => turn(call, "x", 0);
/** The gradient turns back. */
export const rotaryBackward: Kernel = (call) => turn(call, "dy", 1);

function turn(call: KernelCall, name: string, inverse: number): Info {
  const { backend } = call;
  const info = input(call, name);
  const [, H = 0, T = 0] = info.shape;
  const K = lastOf(info.shape);
  const cos = input(call, "cos");
  const sin = input(call, "sin");
  const shared = cos.shape[0] === 1;
  const read = shared ? [info] : [info, cos, sin];
  const rows = readRows(
    backend,
    read,
    read.map(({ shape }) => unitOf(shape)),
  );
  const [x, cosines = backend.floats(cos), sines = backend.floats(sin)] = rows.arrays;
  const y = backend.array(x?.length ?? 0);
  const B = y.length / Math.max(1, sizeOf(info.shape.slice(1)));
  const stride = shared ? 0 : (T * K) / 2;
  if (y.length > 0) backend.call("rotary", x ?? null, cosines, sines, B, H, T, K, stride, inverse, y);
  return writeRows(backend, info.shape, y, rows, unitOf(info.shape));
}
