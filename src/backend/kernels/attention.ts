/** Attention, whole (kernels/cpu/attention.cc) and in its two halves, of which the second is a matrix product. */

import type { Window } from "../../ops/attentionScores.ts";
import { input, type Kernel, type KernelCall, type Rows, readRows, unitOf, writeRows } from "./kernel.ts";
import type { Info, KernelBackend, Numbers } from "./kernelBackend.ts";

/** What all attention kernels read: tensors, sizes and strides, in the order of the C interface. */
interface Operands {
  readonly rows: Rows;
  readonly tensors: readonly Numbers[];
  readonly bias: Numbers | null;
  readonly mask: Numbers | null;
  readonly sizes: readonly number[];
  readonly options: readonly [scale: number, softCap: number, before: number, after: number];
}

/** @param oneRowBlocks whether rows may be read as stored only if each repeats by itself */
function operands(call: KernelCall, names: readonly string[], oneRowBlocks = false): Operands {
  const { backend } = call;
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
    options: optionsOf(call, T + S),
  };
}

/** `all` positions reach from every query to every key. */
function optionsOf({ attrs }: KernelCall, all: number): Operands["options"] {
  const { before, after } = (attrs.window as Window | undefined) ?? { before: all, after: all };
  const future = attrs.causal === true ? 0 : Math.min(after, all);
  return [Number(attrs.scale), Number(attrs.softCap ?? 0), Math.min(before, all), future];
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
  const [B = 0, H = 0, , T = 0] = sizes;
  const y = backend.array(tensors[0]?.length ?? 0);
  const logSumExp = backend.array(B * H * T);
  if (y.length > 0) backend.call("attention", ...tensors, bias, mask, ...sizes, ...options, y, logSumExp);
  return [
    writeRows(backend, query.shape, y, rows, unitOf(query.shape)),
    writeRows(backend, [query.shape[0] ?? 0, H, T], logSumExp, rows, H * T),
  ];
};

export const attentionBackward: Kernel = (call) => {
  const { backend } = call;
  const names = ["query", "key", "value", "logSumExp"];
  const { rows, tensors, bias, mask, sizes, options } = operands(call, names, true);
  const [query = null, key = null, value = null, logSumExp = null] = tensors;
  const dQuery = backend.output(input(call, "query").shape);
  const dKey = backend.output(input(call, "key").shape);
  const dValue = backend.output(input(call, "value").shape);
  const dBias = biasGradient(call);
  if (dQuery.y.length > 0) {
    const read = [backend.floats(input(call, "dy")), query, key, value, bias, mask, logSumExp] as const;
    const outputs = [dQuery.y, dKey.y, dValue.y, dBias?.y ?? null] as const;
    backend.call("attention_backward", ...read, ...sizes, ...options, rows.times, ...outputs);
  }
  return [dQuery, dKey, dValue, ...(dBias === undefined ? [] : [dBias])].map(({ info }) => info);
};

function biasGradient(call: KernelCall) {
  return call.attrs.biasGradient === true ? call.backend.output(input(call, "bias").shape) : undefined;
}

export const attentionProbabilities: Kernel = (call) => {
  const { backend } = call;
  const { shape } = input(call, "query");
  const { rows, tensors, bias, mask, sizes, options } = operands(call, ["query", "key"]);
  const [B = 0, H = 0, , T = 0, S = 0] = sizes;
  const y = backend.array(B * H * T * S);
  if (y.length > 0) backend.call("attention_probabilities", ...tensors, bias, mask, ...sizes, ...options, y);
  return writeRows(backend, [shape[0] ?? 0, H, T, S], y, rows, H * T * S);
};

export const attentionProbabilitiesBackward: Kernel = (call) => {
  const { backend } = call;
  const { rows, tensors, bias, mask, sizes, options } = operands(call, ["query", "key"], true);
  const dQuery = backend.output(input(call, "query").shape);
  const dKey = backend.output(input(call, "key").shape);
  const dBias = biasGradient(call);
  if (dQuery.y.length > 0) {
    const read = [backend.floats(input(call, "dy")), ...tensors, bias, mask] as const;
    const outputs = [dQuery.y, dKey.y, dBias?.y ?? null] as const;
    backend.call("attention_probabilities_backward", ...read, ...sizes, ...options, rows.times, ...outputs);
  }
  return [dQuery, dKey, ...(dBias === undefined ? [] : [dBias])].map(({ info }) => info);
};

/** Products of one group's heads, which lie behind each other: [rows, S] × [S, K]. */
interface GroupProducts {
  readonly groups: number;
  readonly rows: number;
  readonly S: number;
  readonly K: number;
}

function groupProducts(probabilities: Info, value: Info): GroupProducts {
  const [B = 0, H = 0, T = 0, S = 0] = probabilities.shape;
  const [, G = 1, , K = 0] = value.shape;
  return { groups: B * G, rows: (H / G) * T, S, K };
}

export const attentionValues: Kernel = (call) => {
  const { backend } = call;
  const probabilities = input(call, "probabilities");
  const value = input(call, "value");
  const { groups, rows, S, K } = groupProducts(probabilities, value);
  const { info, y } = backend.output([...probabilities.shape.slice(0, 3), K]);
  const [p, v] = [backend.floats(probabilities), backend.floats(value)];
  if (y.length > 0) backend.call("matmul", p, v, groups, rows, K, S, rows * S, S * K, 0, 0, y);
  return info;
};

/** dP = dO Vᵀ, dV = Pᵀ dO */
export const attentionValuesBackward: Kernel = (call) => {
  const { backend } = call;
  const probabilities = input(call, "probabilities");
  const value = input(call, "value");
  const { groups, rows, S, K } = groupProducts(probabilities, value);
  const dP = backend.output(probabilities.shape);
  const dValue = backend.output(value.shape);
  const [dy, p, v] = [backend.floats(input(call, "dy")), backend.floats(probabilities), backend.floats(value)];
  if (dP.y.length > 0) backend.call("matmul", dy, v, groups, rows, S, K, rows * K, S * K, 0, 1, dP.y);
  if (dValue.y.length > 0) backend.call("matmul", p, dy, groups, S, K, rows, rows * S, rows * K, 1, 0, dValue.y);
  return [dP.info, dValue.info];
};
