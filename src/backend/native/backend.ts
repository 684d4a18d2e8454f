/**
 * The native backend: tensors in host memory, computed on by our C++ kernels where there is one, and by TensorFlow.js's own
 * JavaScript kernels otherwise.
 */

import { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import { BackendError } from "../../errors.ts";
import type { KernelArgument, KernelLibrary } from "../../platform/kernelLibrary.ts";
import { ArrayPool } from "./arrayPool.ts";
import { type Dtype, type HostArray, type Repetition, TensorData, type Values } from "./tensorData.ts";

/** A tensor as kernels see it. */
export interface Info {
  readonly dataId: object;
  readonly shape: number[];
  readonly dtype: Dtype;
}

export class NativeBackend extends MathBackendCPU {
  readonly library: KernelLibrary;
  readonly #pool = new ArrayPool();

  constructor(library: KernelLibrary) {
    super();
    this.library = library;
  }

  /** Runs a C kernel. */
  call(name: string, ...args: readonly KernelArgument[]): void {
    this.library.call(name, ...args);
  }

  dataOf(info: Info): TensorData {
    const data = this.data.get(info.dataId);
    if (!(data instanceof TensorData)) throw new BackendError("native: expected a tensor of this backend");
    return data;
  }

  /** All numbers of a float32 tensor, to be read at once and not kept. */
  floats(info: Info): Float32Array {
    return this.dataOf(info).dense("float32") as Float32Array;
  }

  /** All numbers of an int32 tensor, likewise. */
  integers(info: Info): Int32Array {
    return this.dataOf(info).dense("int32") as Int32Array;
  }

  /** A new float32 tensor and the array for its numbers. */
  output(shape: readonly number[]): { info: Info; y: Float32Array } {
    const y = this.array(sizeOf(shape));
    return { info: this.tensorOf(shape, y), y };
  }

  /** An array for the numbers of a tensor to be made with `tensorOf`; what they are is left open. */
  array(length: number): Float32Array {
    return this.#pool.take(length);
  }

  /** A tensor of an array from `array`. */
  tensorOf(shape: readonly number[], y: Float32Array, repetition?: Repetition): Info {
    return this.#add(shape, new TensorData("float32", y, 1, repetition, this.#pool));
  }

  /** A tensor whose stored numbers repeat; the array stays whose it was. */
  repeatedTensor(shape: readonly number[], dtype: Dtype, stored: HostArray, repetition: Repetition): Info {
    return this.#add(shape, new TensorData(dtype, stored, 1, repetition));
  }

  /** The stored numbers of a tensor that repeats, as a tensor of one axis. */
  storedOnly(info: Info): Info {
    const stored = this.dataOf(info).share();
    return this.#add([stored.length], new TensorData(info.dtype, stored, 1));
  }

  /** The same numbers under another shape. */
  reshaped(info: Info, shape: readonly number[]): Info {
    this.incRef(info.dataId);
    return { dataId: info.dataId, shape: [...shape], dtype: info.dtype };
  }

  #add(shape: readonly number[], data: TensorData): Info {
    const dataId = {};
    this.data.set(dataId, data);
    return { dataId, shape: [...shape], dtype: data.dtype };
  }

  override write(values: Values, _shape: number[], dtype: Dtype): object {
    const dataId = {};
    this.data.set(dataId, new TensorData(dtype, values, 1));
    return dataId;
  }

  override move(dataId: object, values: Values, _shape: number[], dtype: Dtype, refCount: number): void {
    this.data.set(dataId, new TensorData(dtype, values, refCount));
  }

  override disposeData(dataId: object, force = false): boolean {
    const data = this.data.has(dataId) ? this.data.get(dataId) : undefined;
    const gone = super.disposeData(dataId, force);
    if (gone && data instanceof TensorData) data.release(this.library);
    return gone;
  }
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, axis) => size * axis, 1);
}
