/**
 * The kernel table: what runs in C++. Whatever is not here is inherited from TensorFlow.js's `cpu` backend, or, for our own
 * operations, is computed by their definitions.
 */

import type { Info } from "../native/backend.ts";
import { activation, activationBackward, gatedUnit, gatedUnitBackward } from "./activation.ts";
import { attention, attentionBackward, attentionProbabilities, rotary, rotaryBackward } from "./attention.ts";
import { add, max, mean, multiply, realDiv, sub, sum } from "./elementwise.ts";
import { embedding, repeat, repeatBackward, select, selectBackward, tile } from "./entries.ts";
import { input, type NativeKernel } from "./kernel.ts";
import { batchMatMul, linear, linearBackwardInput } from "./linear.ts";
import { layerNorm, layerNormBackward, logSoftmax, rmsNorm, rmsNormBackward, softmax } from "./norm.ts";
import { concat, slice, splitV, transpose } from "./shapes.ts";

/** Element-wise kernels of TensorFlow.js with one input: they need see only the stored numbers of a tensor that repeats. */
const onStored: NativeKernel = (call) => {
  const { backend } = call;
  const x = input(call, "x");
  const data = backend.dataOf(x);
  if (data.repetition === undefined) return call.inherited();
  const part = backend.storedOnly(x);
  const result = call.inherited({ x: part }) as Info;
  const numbers = backend.dataOf(result).share();
  backend.disposeData(part.dataId);
  backend.disposeData(result.dataId);
  return backend.repeatedTensor(x.shape, result.dtype, numbers, data.repetition);
};

export const nativeKernels: Readonly<Record<string, NativeKernel>> = {
  // Ours
  Activation: activation,
  ActivationBackward: activationBackward,
  Attention: attention,
  AttentionBackward: attentionBackward,
  AttentionProbabilities: attentionProbabilities,
  Embedding: embedding,
  GatedUnit: gatedUnit,
  GatedUnitBackward: gatedUnitBackward,
  LayerNorm: layerNorm,
  LayerNormBackward: layerNormBackward,
  Linear: linear,
  LinearBackwardInput: linearBackwardInput,
  Repeat: repeat,
  RepeatBackward: repeatBackward,
  RmsNorm: rmsNorm,
  RmsNormBackward: rmsNormBackward,
  Rotary: rotary,
  RotaryBackward: rotaryBackward,
  SelectEntry: select,
  SelectEntryBackward: selectBackward,
  // TensorFlow.js's
  Add: add,
  BatchMatMul: batchMatMul,
  Concat: concat,
  LogSoftmax: logSoftmax,
  Max: max,
  Mean: mean,
  Multiply: multiply,
  RealDiv: realDiv,
  Slice: slice,
  Softmax: softmax,
  SplitV: splitV,
  Sub: sub,
  Sum: sum,
  Tile: tile,
  Transpose: transpose,
  // TensorFlow.js's own code, on fewer numbers
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
