/** Attention and rotary positions (kernels/cpu/attention.cc, rotary.cc). */

import { input, type Kernel, type KernelCall, lastOf, type Rows, readRows, unitOf, writeRows } from "./kernel.ts";
import { type Info, type KernelBackend, type Numbers, sizeOf } from "./kernelBackend.ts";

/** What all attention kernels read: tensors, sizes and strides, in the order of the C interface. */
interface Operands {
  readonly rows: Rows;
  readonly tensors: readonly Numbers[];
  readonly bias: Numbers | null;
  readonly mask: Numbers | null;
  readonly sizes: readonly number[];
  readonly options: readonly [scale: number, causal: number];
}

/** @param needed how many rows of a batch one saved row may stand for: any number, or all of a block of one row */
function operands(call: KernelCall, names: readonly string[], oneRowBlocks = false): Operands {
  const { backend, attrs } = call;
  const infos = names.map((name) => input(call, name));
  const [, H = 0, T = 0, K = 0] = input(call, "query").shape;
  const [, G = 0, S = 0] = input(call, "key").shape;
  const bias = present(call, "bias");
  const mask = present(call, "mask");
  const read = mask === undefined ? infos : [...infos, { ...mask, dtype: "int32" as const }];
  const perBatch = bias !== undefined && bias.shape[0] !== 1;
  let rows = readRows(
    backend,
    read,
    read.map(({ shape }) => unitOf(shape)),
  );
  if (rows.times > 1 && (perBatch || (oneRowBlocks && rows.rows !== 1))) rows = denseRows(backend, read);
  const B = (rows.arrays[0]?.length ?? 0) / Math.max(1, H * T * K);
  return {
    rows,
    tensors: rows.arrays.slice(0, infos.length),
    bias: bias === undefined ? null : backend.floats(bias),
    mask: rows.arrays[infos.length] ?? null,
    sizes: [B, H, G, T, S, K, ...biasStrides(bias)],
    options: [Number(attrs.scale), attrs.causal === true ? 1 : 0],
  };
}

/** A scalar stands for an absent bias or mask. */
function present(call: KernelCall, name: string): Info | undefined {
  const info = input(call, name);
  return info.shape.length === 0 ? undefined : info;
}

function denseRows(backend: KernelBackend, infos: readonly Info[]): Rows {
  const arrays = infos.map((info) => backend.dense(info));
  return { arrays, times: 1, rows: infos[0]?.shape[0] ?? 0 };
}

/** Numbers between neighbours along batch, heads and queries; 0 where they share. */
function biasStrides(bias: Info | undefined): readonly [number, number, number] {
  const [B = 1, H = 1, T = 1, S = 0] = bias?.shape ?? [];
  return [B === 1 ? 0 : H * T * S, H === 1 ? 0 : T * S, T === 1 ? 0 : S];
}

export const attention: Kernel = (call) => {
  const { backend } = call;
  const query = input(call, "query");
  const { rows, tensors, bias, mask, sizes, options } = operands(call, ["query", "key", "value"]);
  const y = backend.array(tensors[0]?.length ?? 0);
  if (y.length > 0) backend.call("attention", ...tensors, bias, mask, ...sizes, ...options, y);
  return writeRows(backend, query.shape, y, rows, unitOf(query.shape));
};

export const attentionProbabilities: Kernel = (call) => {
  const { backend } = call;
  const { shape } = input(call, "query");
  const { rows, tensors, bias, mask, sizes, options } = operands(call, ["query", "key"]);
  const [B = 0, H = 0, , T = 0, S = 0] = sizes;
  const y = backend.array(B * H * T * S);
  if (y.length > 0) backend.call("attention_probabilities", ...tensors, bias, mask, ...sizes, ...options, y);
  return writeRows(backend, [shape[0] ?? 0, H, T, S], y, rows, H * T * S);
};

export const attentionBackward: Kernel = (call) => {
  const { backend } = call;
  const dy = input(call, "dy");
  const key = input(call, "key");
  const { rows, tensors, bias, mask, sizes, options } = operands(call, ["query", "key", "value"], true);
  const dQuery = backend.output(input(call, "query").shape);
  const dKey = backend.output(key.shape);
  const dValue = backend.output(input(call, "value").shape);
  const biasInfo = present(call, "bias");
  const dBias = biasInfo === undefined ? undefined : backend.output(biasInfo.shape);
  const outputs = [dQuery.y, dKey.y, dValue.y, dBias?.y ?? null] as const;
  if (dQuery.y.length > 0) {
    const read = [backend.floats(dy), ...tensors, bias, mask] as const;
    backend.call("attention_backward", ...read, ...sizes, ...options, rows.times, ...outputs);
  }
  return [dQuery, dKey, dValue, ...(dBias === undefined ? [] : [dBias])].map(({ info }) => info);
};

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
