/**
 * Operations without a kernel on the device: their inputs come to the host, TensorFlow.js's `cpu` backend computes, and
 * the results go back. That costs a wait for the device and two copies, so each is counted by the name of its kernel.
 */

import { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import { UnsupportedError } from "../../errors.ts";
import type { KernelConfig } from "../kernels/register.ts";
import type { CudaBackend } from "./backend.ts";

type KernelFunction = KernelConfig["kernelFunc"];
type TensorInfo = Extract<ReturnType<KernelFunction>, { dataId: object }>;

/** A kernel of `cpu`, with inputs and outputs on the device. */
export function throughHost({ kernelName, kernelFunc }: KernelConfig, device: CudaBackend): KernelFunction {
  return (call) => {
    const host = new MathBackendCPU();
    // No advice to install another backend.
    Object.assign(host, { firstUse: false });
    const toHost = (info: TensorInfo): TensorInfo => {
      rejectComplex(kernelName, info);
      const { shape, dtype } = info;
      // Some kernels ask for a tensor's rank, which no TensorInfo has.
      const moved = { shape, dtype, rank: shape.length };
      return { ...moved, dataId: host.write(device.readSync(info.dataId), shape, dtype) };
    };
    const toDevice = (info: TensorInfo): TensorInfo => {
      rejectComplex(kernelName, info);
      return { ...info, dataId: device.write(host.readSync(info.dataId), info.shape, info.dtype) };
    };
    if (Object.keys(call.inputs).length > 0) device.noteFallback(kernelName);
    const inputs = mapped(call.inputs, toHost) as typeof call.inputs;
    const results = kernelFunc({ ...call, inputs, backend: host });
    return Array.isArray(results) ? results.map(toDevice) : toDevice(results);
  };
}

/** Named tensors, lists of tensors, and lists among the named ones; some may be absent. */
type Inputs = TensorInfo | undefined | null | readonly Inputs[] | { readonly [name: string]: Inputs };

function mapped(inputs: Inputs, move: (info: TensorInfo) => TensorInfo): Inputs {
  if (inputs === undefined || inputs === null) return inputs;
  if (Array.isArray(inputs)) return inputs.map((input) => mapped(input, move));
  if (isTensor(inputs)) return move(inputs);
  return Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, mapped(input as Inputs, move)]));
}

const isTensor = (input: object): input is TensorInfo => "dataId" in input;

function rejectComplex(name: string, { dtype }: TensorInfo): void {
  if (dtype === "complex64") {
    throw new UnsupportedError(`cuda: ${name}: expected real numbers, received complex ones; use the native backend`);
  }
}
