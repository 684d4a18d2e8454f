/** Layer norm and root-mean-square norm (kernels/cpu/layerNorm.cc, rmsNorm.cc), softmax (softmax.cc): over the last axis. */

import { input, type Kernel, type KernelCall, lastOf, readOne, writeRows } from "./kernel.ts";
import type { Numbers } from "./kernelBackend.ts";

export const layerNorm: Kernel = (call) => {
  const bias = call.backend.floats(input(call, "bias"));
  return forward(call, "layer_norm", [bias]);
};

export const rmsNorm: Kernel = (call) => forward(call, "rms_norm", []);
export const layerNormBackward: Kernel = (call) => backward(call, "layer_norm_backward");
export const rmsNormBackward: Kernel = (call) => backward(call, "rms_norm_backward");

function forward(call: KernelCall, kernel: string, bias: readonly Numbers[]) {
  const { backend, attrs } = call;
  const info = input(call, "x");
  const D = lastOf(info.shape);
  const { x, rows } = readOne(backend, info, D);
  const y = backend.array(x.length);
  const scale = backend.floats(input(call, "scale"));
  if (x.length > 0) backend.call(kernel, x, scale, ...bias, x.length / D, D, Number(attrs.epsilon), y);
  return writeRows(backend, info.shape, y, rows, D);
}

/** The saved x may have one row for `times` cotangents. */
function backward(call: KernelCall, kernel: string) {
  const { backend, attrs } = call;
  const dy = input(call, "dy");
  const D = lastOf(dy.shape);
  const { x, rows } = readOne(backend, input(call, "x"), D);
  const { info, y: dx } = backend.output(dy.shape);
  if (dx.length === 0) return info;
  const scale = backend.floats(input(call, "scale"));
  const epsilon = Number(attrs.epsilon);
  backend.call(kernel, backend.floats(dy), x, scale, x.length / D, D, epsilon, rows.times, rows.rows * D, dx);
  return info;
}

export const softmax: Kernel = (call) => overLastAxis(call, "logits", call.attrs.dim, 0);
export const logSoftmax: Kernel = (call) => overLastAxis(call, "logits", call.attrs.axis, 1);

function overLastAxis(call: KernelCall, name: string, axis: unknown, logarithm: number) {
  const { backend } = call;
  const info = input(call, name);
  const rank = info.shape.length;
  if (info.dtype !== "float32" || rank === 0 || (axis !== rank - 1 && axis !== -1)) return call.inherited();
  const V = lastOf(info.shape);
  const { x, rows } = readOne(backend, info, V);
  const y = backend.array(x.length);
  if (x.length > 0) backend.call("softmax", x, x.length / V, V, logarithm, y);
  return writeRows(backend, info.shape, y, rows, V);
}
