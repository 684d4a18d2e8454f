/** Element-wise non-linearities and gated units (kernels/cpu/activation.cc). */

import { BackendError } from "../../errors.ts";
import { input, type Kernel, type KernelCall, readOne, readRows, writeRows } from "./kernel.ts";
import type { Numbers } from "./kernelBackend.ts";

/** That of `linear`. */
export const NO_ACTIVATION = 0;

/** Numbers of the C interface. */
const activations: Readonly<Record<string, number>> = {
  linear: NO_ACTIVATION,
  relu: 1,
  tanh: 2,
  sigmoid: 3,
  silu: 4,
  quick_gelu: 5,
  gelu: 6,
  gelu_new: 7,
  relu2: 8,
};

/** The number of the activation that a kernel is asked for. */
export function activationOf({ attrs, backend }: KernelCall): number {
  const found = activations[String(attrs.activation)];
  if (found === undefined)
    throw new BackendError(`${backend.name}: expected a known activation, received ${attrs.activation}`);
  return found;
}

export const activation: Kernel = (call) => {
  const { backend } = call;
  const info = input(call, "x");
  const { x, rows } = readOne(backend, info, 1);
  const y = backend.array(x.length);
  backend.call("activation", x, x.length, activationOf(call), y);
  return writeRows(backend, info.shape, y, rows, 1);
};

export const activationBackward: Kernel = (call) => {
  const { backend } = call;
  const dy = input(call, "dy");
  const { x, rows } = readOne(backend, input(call, "x"), 1);
  const { info, y: dx } = backend.output(dy.shape);
  if (dx.length === 0) return info;
  const copies = [rows.times, rows.rows] as const;
  backend.call("activation_backward", backend.floats(dy), x, x.length, activationOf(call), ...copies, dx);
  return info;
};

export const gatedUnit: Kernel = (call) => {
  const { backend } = call;
  const gateInfo = input(call, "gate");
  const rows = readRows(backend, [gateInfo, input(call, "up")], [1, 1]);
  const [gate, up] = rows.arrays as readonly [Numbers, Numbers];
  const y = backend.array(gate.length);
  backend.call("gated_unit", gate, up, gate.length, activationOf(call), y);
  return writeRows(backend, gateInfo.shape, y, rows, 1);
};

export const gatedUnitBackward: Kernel = (call) => {
  const { backend } = call;
  const dy = input(call, "dy");
  const rows = readRows(backend, [input(call, "gate"), input(call, "up")], [1, 1]);
  const [gate, up] = rows.arrays as readonly [Numbers, Numbers];
  const dGate = backend.output(dy.shape);
  const dUp = backend.output(dy.shape);
  if (dGate.y.length > 0) {
    const copies = [rows.times, rows.rows] as const;
    const cotangent = backend.floats(dy);
    const outputs = [dGate.y, dUp.y] as const;
    backend.call("gated_unit_backward", cotangent, gate, up, gate.length, activationOf(call), ...copies, ...outputs);
  }
  return [dGate.info, dUp.info];
};
