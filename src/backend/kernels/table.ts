/**
 * The kernel table: what runs in C, on the CPU or on a GPU. Whatever is not here is computed by TensorFlow.js's `cpu`
 * backend, or, for our own operations, by their definitions.
 */

import { activation, activationBackward, gatedUnit, gatedUnitBackward } from "./activation.ts";
import {
  attention,
  attentionBackward,
  attentionProbabilities,
  attentionProbabilitiesBackward,
  attentionValues,
  attentionValuesBackward,
} from "./attention.ts";
import { compareKernels } from "./compare.ts";
import {
  add,
  max,
  maximum,
  mean,
  min,
  minimum,
  multiply,
  pow,
  realDiv,
  squaredDifference,
  sub,
  sum,
} from "./elementwise.ts";
import {
  embedding,
  embeddingBackward,
  gather,
  repeat,
  repeatBackward,
  select,
  selectBackward,
  tile,
} from "./entries.ts";
import type { Kernel } from "./kernel.ts";
import {
  batchMatMul,
  compactLinear,
  compactLinearBackwardInput,
  linear,
  linearBackwardInput,
  linearBackwardKernel,
} from "./linear.ts";
import { layerNorm, layerNormBackward, logSoftmax, rmsNorm, rmsNormBackward, softmax } from "./norm.ts";
import { orderKernels } from "./order.ts";
import { rotary, rotaryBackward } from "./rotary.ts";
import { concat, pack, pad, reverse, slice, splitV, transpose } from "./shapes.ts";
import { unaryKernels } from "./unary.ts";
import { viewKernels } from "./views.ts";

export const kernels: Readonly<Record<string, Kernel>> = {
  // Ours
  Activation: activation,
  ActivationBackward: activationBackward,
  Attention: attention,
  AttentionBackward: attentionBackward,
  AttentionProbabilities: attentionProbabilities,
  AttentionProbabilitiesBackward: attentionProbabilitiesBackward,
  AttentionValues: attentionValues,
  AttentionValuesBackward: attentionValuesBackward,
  CompactLinear: compactLinear,
  CompactLinearBackwardInput: compactLinearBackwardInput,
  Embedding: embedding,
  EmbeddingBackward: embeddingBackward,
  GatedUnit: gatedUnit,
  GatedUnitBackward: gatedUnitBackward,
  LayerNorm: layerNorm,
  LayerNormBackward: layerNormBackward,
  Linear: linear,
  LinearBackwardInput: linearBackwardInput,
  LinearBackwardKernel: linearBackwardKernel,
  Repeat: repeat,
  RepeatBackward: repeatBackward,
  RmsNorm: rmsNorm,
  RmsNormBackward: rmsNormBackward,
  Rotary: rotary,
  RotaryBackward: rotaryBackward,
  SelectEntry: select,
  SelectEntryBackward: selectBackward,
  // TensorFlow.js's
  ...compareKernels,
  ...orderKernels,
  ...unaryKernels,
  ...viewKernels,
  Add: add,
  BatchMatMul: batchMatMul,
  Concat: concat,
  GatherV2: gather,
  LogSoftmax: logSoftmax,
  Max: max,
  Maximum: maximum,
  Mean: mean,
  Min: min,
  Minimum: minimum,
  Multiply: multiply,
  Pack: pack,
  PadV2: pad,
  Pow: pow,
  RealDiv: realDiv,
  Reverse: reverse,
  Slice: slice,
  Softmax: softmax,
  SplitV: splitV,
  SquaredDifference: squaredDifference,
  Sub: sub,
  Sum: sum,
  Tile: tile,
  Transpose: transpose,
};
