/** Element-wise kernels of TensorFlow.js with one input: they need see only the stored numbers of a tensor that repeats. */

import { BackendError } from "../../errors.ts";
import { input, type Kernel } from "../kernels/kernel.ts";
import type { Info } from "../kernels/kernelBackend.ts";
import { NativeBackend } from "./backend.ts";

const onStored: Kernel = (call) => {
  const { backend } = call;
  if (!(backend instanceof NativeBackend)) throw new BackendError("expected our native backend, found another one");
  const x = input(call, "x");
  const repetition = backend.repetition(x);
  if (repetition === undefined) return call.inherited();
  const part = backend.storedOnly(x);
  const result = call.inherited({ x: part }) as Info;
  const repeated = backend.repeatedTensor(result, x.shape, repetition);
  backend.disposeData(part.dataId);
  backend.disposeData(result.dataId);
  return repeated;
};

export const storedKernels: Readonly<Record<string, Kernel>> = {
  Abs: onStored,
  Cast: onStored,
  Cos: onStored,
  Erf: onStored,
  Exp: onStored,
  Log: onStored,
  Neg: onStored,
  Relu: onStored,
  Rsqrt: onStored,
  Sigmoid: onStored,
  Sin: onStored,
  Sqrt: onStored,
  Square: onStored,
  Tanh: onStored,
};
