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
import { add, max, mean, multiply, realDiv, sub, sum } from "./elementwise.ts";
import { embedding, embeddingBackward, repeat, repeatBackward, select, selectBackward, tile } from "./entries.ts";
import type { Kernel } from "./kernel.ts";
import { batchMatMul, linear, linearBackwardInput, linearBackwardKernel } from "./linear.ts";
import { layerNorm, layerNormBackward, logSoftmax, rmsNorm, rmsNormBackward, softmax } from "./norm.ts";
import { rotary, rotaryBackward } from "./rotary.ts";
import { concat, slice, splitV, transpose } from "./shapes.ts";

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
};
