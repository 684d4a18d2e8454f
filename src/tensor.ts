/**
 * The only file that imports TensorFlow.js.
 *
 * It re-exports the functions that we use, with types that are true: TensorFlow.js encodes the rank of a tensor in its
 * type and then gets it wrong (a gather claims the rank of its table), so here a tensor is a `Tensor` and shapes are
 * checked at run time by `dims`. Only free functions are used: chained methods (`x.sub(y)`) are patched onto tensors by
 * side effect and are missing in some builds.
 *
 * The whole of `@tensorflow/tfjs` is imported, because `@tensorflow/tfjs-core` on its own has no gradients registered
 * in Node.
 */

import * as tf from "@tensorflow/tfjs";

/** A tensor of TensorFlow.js. */
export type Tensor = tf.Tensor;
export type DataType = "float32" | "int32" | "bool";
/** The host data of a tensor. */
export type HostData = Float32Array | Int32Array | Uint8Array;

// Layers
export const Layer = tf.layers.Layer;
export type Layer = tf.layers.Layer;
export type LayerVariable = ReturnType<tf.layers.Layer["addWeight"]>;
export type LayerShape = (number | null)[];
export type LayerInputs = Tensor | Tensor[];
export type LayerCallOptions = Parameters<tf.layers.Layer["call"]>[1];
/** What `addWeight` accepts as an initializer: anything that makes the first value. */
export type Initializer = Exclude<Parameters<typeof tf.layers.dense>[0]["kernelInitializer"], string | undefined>;
export const initializer: (make: () => Tensor) => Initializer = (make) => ({ apply: make }) as unknown as Initializer;
export const registerLayer: (layer: unknown) => void = (layer) =>
  tf.serialization.registerClass(layer as tf.serialization.SerializableConstructor<tf.serialization.Serializable>);
export type LayerConfig = tf.serialization.ConfigDict;
export type Serializable = tf.serialization.Serializable;
export type SerializableConstructor<T extends Serializable> = tf.serialization.SerializableConstructor<T>;

// Making tensors
export const tensor: (values: HostData | number[], shape: readonly number[], dtype?: DataType) => Tensor = (
  values,
  shape,
  dtype,
) => tf.tensor(values, [...shape], dtype);
/** Ids or positions: an int32 tensor, one axis unless a shape is given. */
export const int32: (values: readonly number[], shape?: readonly number[]) => Tensor = (values, shape) =>
  tf.tensor([...values], [...(shape ?? [values.length])], "int32");
export const scalar: (value: number) => Tensor = (value) => tf.scalar(value, "float32");
export const zeros: (shape: readonly number[], dtype?: DataType) => Tensor = (shape, dtype) =>
  tf.zeros([...shape], dtype);
export const ones: (shape: readonly number[], dtype?: DataType) => Tensor = (shape, dtype) =>
  tf.ones([...shape], dtype);
export const zerosLike: (x: Tensor) => Tensor = tf.zerosLike;
export const onesLike: (x: Tensor) => Tensor = tf.onesLike;
export const fill: (shape: readonly number[], value: number) => Tensor = (shape, value) => tf.fill([...shape], value);
export const randomNormal: (shape: readonly number[], mean: number, stdDev: number, seed: number) => Tensor = (
  shape,
  mean,
  stdDev,
  seed,
) => tf.randomNormal([...shape], mean, stdDev, "float32", seed);

// Element-wise, with broadcasting
export const add: (a: Tensor, b: Tensor) => Tensor = tf.add;
export const sub: (a: Tensor, b: Tensor) => Tensor = tf.sub;
export const mul: (a: Tensor, b: Tensor) => Tensor = tf.mul;
export const div: (a: Tensor, b: Tensor) => Tensor = tf.div;
export const neg: (x: Tensor) => Tensor = tf.neg;
export const exp: (x: Tensor) => Tensor = tf.exp;
export const log: (x: Tensor) => Tensor = tf.log;
export const abs: (x: Tensor) => Tensor = tf.abs;
export const square: (x: Tensor) => Tensor = tf.square;
export const sqrt: (x: Tensor) => Tensor = tf.sqrt;
export const rsqrt: (x: Tensor) => Tensor = tf.rsqrt;
export const tanh: (x: Tensor) => Tensor = tf.tanh;
export const sigmoid: (x: Tensor) => Tensor = tf.sigmoid;
export const erf: (x: Tensor) => Tensor = tf.erf;
export const relu: (x: Tensor) => Tensor = tf.relu;
export const step: (x: Tensor) => Tensor = tf.step;
export const cos: (x: Tensor) => Tensor = tf.cos;
export const sin: (x: Tensor) => Tensor = tf.sin;
export const maximum: (a: Tensor, b: Tensor) => Tensor = tf.maximum;
export const minimum: (a: Tensor, b: Tensor) => Tensor = tf.minimum;
/** Values cut off at the ends of a range; beyond it they have no gradient. */
export const clip: (x: Tensor, low: number, high: number) => Tensor = tf.clipByValue;
export const where: (condition: Tensor, a: Tensor, b: Tensor) => Tensor = tf.where;
export const less: (a: Tensor, b: Tensor) => Tensor = tf.less;
export const lessEqual: (a: Tensor, b: Tensor) => Tensor = tf.lessEqual;
export const greater: (a: Tensor, b: Tensor) => Tensor = tf.greater;
export const greaterEqual: (a: Tensor, b: Tensor) => Tensor = tf.greaterEqual;
export const equal: (a: Tensor, b: Tensor) => Tensor = tf.equal;
export const logicalOr: (a: Tensor, b: Tensor) => Tensor = tf.logicalOr;
export const logicalAnd: (a: Tensor, b: Tensor) => Tensor = tf.logicalAnd;
export const cast: (x: Tensor, dtype: DataType) => Tensor = tf.cast;

// Products and reductions
export const matMul: (a: Tensor, b: Tensor, transposeA?: boolean, transposeB?: boolean) => Tensor = tf.matMul;
export const sum: (x: Tensor, axis?: number | number[], keepDims?: boolean) => Tensor = tf.sum;
export const mean: (x: Tensor, axis?: number | number[], keepDims?: boolean) => Tensor = tf.mean;
export const max: (x: Tensor, axis?: number | number[], keepDims?: boolean) => Tensor = tf.max;
export const min: (x: Tensor, axis?: number | number[], keepDims?: boolean) => Tensor = tf.min;
export const softmax: (x: Tensor, axis?: number) => Tensor = tf.softmax;
/** ln Σ e^x along an axis. */
export const logSumExp: (x: Tensor, axis: number) => Tensor = (x, axis) => tf.logSumExp(x, axis);
export const logSoftmax: (x: Tensor, axis?: number) => Tensor = tf.logSoftmax;
/** Running sum along an axis; from its end with `reverse`. */
export const cumsum: (x: Tensor, axis: number, reverse?: boolean) => Tensor = (x, axis, reverse = false) =>
  tf.cumsum(x, axis, false, reverse);
export const topk: (x: Tensor, k: number) => { values: Tensor; indices: Tensor } = (x, k) => tf.topk(x, k, true);
export const argMax: (x: Tensor, axis: number) => Tensor = tf.argMax;

// Shapes
export const reshape: (x: Tensor, shape: readonly number[]) => Tensor = (x, shape) => tf.reshape(x, [...shape]);
export const transpose: (x: Tensor, permutation?: readonly number[]) => Tensor = (x, permutation) =>
  permutation === undefined ? tf.transpose(x) : tf.transpose(x, [...permutation]);
export const concat: (xs: readonly Tensor[], axis: number) => Tensor = (xs, axis) => tf.concat([...xs], axis);
export const stack: (xs: readonly Tensor[], axis: number) => Tensor = (xs, axis) => tf.stack([...xs], axis);
export const split: (x: Tensor, sizes: number | number[], axis: number) => Tensor[] = (x, sizes, axis) =>
  tf.split(x, sizes, axis);
export const slice: (x: Tensor, begin: readonly number[], size: readonly number[]) => Tensor = (x, begin, size) =>
  tf.slice(x, [...begin], [...size]);
export const pad: (x: Tensor, paddings: [number, number][], value?: number) => Tensor = tf.pad;
export const tile: (x: Tensor, repetitions: readonly number[]) => Tensor = (x, repetitions) =>
  tf.tile(x, [...repetitions]);
export const expandDims: (x: Tensor, axis: number) => Tensor = tf.expandDims;
export const squeeze: (x: Tensor, axes: number[]) => Tensor = tf.squeeze;
export const gather: (table: Tensor, indices: Tensor, axis?: number) => Tensor = tf.gather;
export const oneHot: (indices: Tensor, depth: number) => Tensor = (indices, depth) => tf.oneHot(indices, depth);
export const range: (start: number, stop: number) => Tensor = (start, stop) => tf.range(start, stop, 1, "int32");

// Gradients and memory
/** `(...inputs, dy)` ↦ gradients of `f` at the inputs, contracted with `dy` (ones when absent). */
export const grads: (f: (...xs: Tensor[]) => Tensor) => (xs: readonly Tensor[], dy?: Tensor) => Tensor[] =
  (f) => (xs, dy) =>
    tf.grads(f)([...xs], dy);
export const tidy: <T>(work: () => T) => T = (work) =>
  tf.tidy(work as unknown as () => tf.TensorContainer) as unknown as ReturnType<typeof work>;
export const keep: (x: Tensor) => Tensor = tf.keep;
export const dispose: (x: tf.TensorContainer) => void = tf.dispose;
export const clone: (x: Tensor) => Tensor = tf.clone;
/** `forward(x)` with `backward(dy)` as its gradient at x. */
export const customGrad: (x: Tensor, forward: (x: Tensor) => Tensor, backward: (dy: Tensor) => Tensor) => Tensor = (
  x,
  forward,
  backward,
) => tf.customGrad((x) => ({ value: forward(x as Tensor), gradFunc: backward }))(x);
/** `storedBytes` counts the numbers that are stored: fewer than `numBytes` where a backend stores what repeats once. */
export const memory: () => {
  numTensors: number;
  numBytes: number;
  storedBytes: number;
  fallbacks?: Readonly<Record<string, number>>;
} = () => {
  const info: tf.MemoryInfo & { storedBytes?: number; fallbacks?: Readonly<Record<string, number>> } = tf.memory();
  return { ...info, storedBytes: info.storedBytes ?? info.numBytes };
};

/** A tensor's numbers on the host; for backends whose results arrive later it waits for them. */
export const readFloats: (x: Tensor) => Promise<Float32Array<ArrayBuffer>> = async (x) =>
  Float32Array.from(await x.data());

/** The same without waiting, inside a pass; a backend whose results cannot be had at once throws. */
export const readFloatsNow: (x: Tensor) => Float32Array<ArrayBuffer> = (x) => Float32Array.from(x.dataSync());
/** Those of an int32 tensor. */
export const readIntegersNow: (x: Tensor) => Int32Array<ArrayBuffer> = (x) => Int32Array.from(x.dataSync());

// Files of TensorFlow.js
/** An entry of a weights manifest. */
export interface WeightSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly quantization?: unknown;
}
/** The tensor that the bytes of a weight stand for. */
export const decodeWeight: (bytes: Uint8Array<ArrayBuffer>, spec: WeightSpec) => Tensor = (bytes, spec) => {
  const [decoded] = Object.values(tf.io.decodeWeights(bytes.buffer, [spec as tf.io.WeightsManifestEntry]));
  if (decoded === undefined) throw new Error(`no weight was decoded for ${spec.name}`);
  return decoded;
};

/** A graph of operations, as TensorFlow.js's converter writes it. */
export interface Graph {
  /** The output of one node, given those of others. */
  execute(inputs: Readonly<Record<string, Tensor>>, output: string): Tensor;
  dispose(): void;
}
/** `weights` gives the bytes of one tensor after another, in the order of `specs`. */
export const openGraph: (
  topology: object,
  specs: readonly WeightSpec[],
  weights: () => AsyncIterator<Uint8Array<ArrayBuffer>>,
) => Promise<Graph> = async (topology, specs, weights) => {
  const bytes = weights();
  const getWeightStream = () =>
    new ReadableStream<ArrayBuffer>({
      async pull(stream) {
        const { done, value } = await bytes.next();
        if (done) stream.close();
        else stream.enqueue(value.buffer);
      },
    });
  const weightSpecs = specs as tf.io.WeightsManifestEntry[];
  const graph = await tf.loadGraphModel({
    load: async () => ({ modelTopology: topology, weightSpecs, getWeightStream }),
  });
  return {
    execute: (inputs, output) => graph.execute({ ...inputs }, output) as Tensor,
    dispose: () => graph.dispose(),
  };
};

// Kernels
export interface KernelCall {
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly attrs: Readonly<Record<string, unknown>>;
}
export const runKernel: (name: string, inputs: Record<string, Tensor>, attrs?: object) => Tensor | Tensor[] = (
  name,
  inputs,
  attrs,
) => tf.engine().runKernel(name, inputs, (attrs ?? {}) as tf.NamedAttrMap);
export const hasKernel: (name: string, backend: string) => boolean = (name, backend) =>
  tf.getKernel(name, backend) !== undefined;
export const registerKernel: (name: string, backend: string, run: (call: KernelCall) => Tensor | Tensor[]) => void = (
  name,
  backend,
  run,
) =>
  tf.registerKernel({
    kernelName: name,
    backendName: backend,
    kernelFunc: (call) => run(call as unknown as KernelCall) as tf.TensorInfo | tf.TensorInfo[],
  });
export const hasGradient: (name: string) => boolean = (name) => tf.getGradient(name) !== undefined;
export const registerGradient: (
  name: string,
  saved: { inputs: string[]; outputs: boolean[] },
  gradient: (dy: Tensor | Tensor[], saved: Tensor[], attrs: KernelCall["attrs"]) => Record<string, () => Tensor>,
) => void = (name, saved, gradient) =>
  tf.registerGradient({
    kernelName: name,
    inputsToSave: saved.inputs,
    outputsToSave: saved.outputs,
    gradFunc: (dy, tensors, attrs) => gradient(dy, tensors, attrs),
  });

// Backends
export const backendName: () => string = tf.getBackend;
export const setBackend: (name: string) => Promise<boolean> = tf.setBackend;
export const findBackend: (name: string) => unknown = tf.findBackend;
/** TensorFlow.js itself, for users who go on with its own functions, and for the files of `src/backend`. */
export const tensorflow = tf;
