/**
 * The native backend: tensors in host memory, computed on by our C++ kernels where there is one, and by TensorFlow.js's own
 * JavaScript kernels otherwise.
 */

import { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import { BackendError } from "../../errors.ts";
import type { KernelArgument, KernelLibrary } from "../../platform/kernelLibrary.ts";
import {
  type Dtype,
  type Info,
  type KernelBackend,
  type NumericDtype,
  type Repetition,
  sizeOf,
} from "../kernels/kernelBackend.ts";
import { repeated } from "../kernels/repeated.ts";
import { ArrayPool } from "./arrayPool.ts";
import { type HostArray, TensorData, type Values } from "./tensorData.ts";

export class NativeBackend extends MathBackendCPU implements KernelBackend {
  readonly name = "native";
  readonly library: KernelLibrary;
  readonly #pool = new ArrayPool();
  /** Bytes of all tensors, what repeats counted once. */
  #storedBytes = 0;

  constructor(library: KernelLibrary) {
    super();
    this.library = library;
  }

  call(name: string, ...args: readonly KernelArgument[]): void {
    this.library.call(name, ...args);
  }

  dataOf(info: Info): TensorData {
    const data = this.data.get(info.dataId);
    if (!(data instanceof TensorData)) throw new BackendError("native: expected a tensor of this backend");
    return data;
  }

  repetition(info: Info): Repetition | undefined {
    return this.dataOf(info).repetition;
  }

  stored(info: Info): HostArray {
    return this.dataOf(info).stored(info.dtype);
  }

  dense(info: Info): HostArray {
    return this.dataOf(info).dense(info.dtype);
  }

  floats(info: Info): Float32Array {
    return this.dataOf(info).dense("float32") as Float32Array;
  }

  integers(info: Info): Int32Array {
    return this.dataOf(info).dense("int32") as Int32Array;
  }

  repeated(numbers: HostArray, repetition: Repetition): HostArray {
    return repeated(numbers, repetition);
  }

  output(shape: readonly number[], dtype: NumericDtype = "float32"): { info: Info; y: HostArray } {
    const y = this.array(sizeOf(shape), dtype);
    return { info: this.tensorOf(shape, y, undefined, dtype), y };
  }

  array(length: number, dtype: NumericDtype = "float32"): HostArray {
    return dtype === "float32" ? this.#pool.take(length) : new Int32Array(length);
  }

  tensorOf(shape: readonly number[], y: HostArray, repetition?: Repetition, dtype: NumericDtype = "float32"): Info {
    return this.#add(shape, new TensorData(dtype, y, 1, repetition, dtype === "float32" ? this.#pool : undefined));
  }

  constant(shape: readonly number[], values: Float32Array | Int32Array, dtype: NumericDtype): Info {
    return this.#add(shape, new TensorData(dtype, values, 1));
  }

  /** What repeats already is written out once before it repeats again. */
  repeatedTensor(info: Info, shape: readonly number[], repetition: Repetition): Info {
    const data = this.dataOf(info);
    const shared = data.repetition === undefined;
    const stored = shared ? data.share() : data.dense(info.dtype);
    return this.#add(shape, new TensorData(info.dtype, stored, 1, repetition, undefined, shared));
  }

  packed(info: Info): number {
    const [rows = 0, columns = 0] = info.shape;
    return this.dataOf(info).pack(this.library, rows, columns);
  }

  reshaped(info: Info, shape: readonly number[]): Info {
    this.incRef(info.dataId);
    return { dataId: info.dataId, shape: [...shape], dtype: info.dtype };
  }

  /** Nothing will be computed for a while. */
  rest(): void {
    this.#pool.rest();
  }

  #add(shape: readonly number[], data: TensorData): Info {
    const dataId = {};
    this.#keep(dataId, data);
    return { dataId, shape: [...shape], dtype: data.dtype };
  }

  override write(values: Values, _shape: number[], dtype: Dtype): object {
    const dataId = {};
    this.#keep(dataId, new TensorData(dtype, values, 1));
    return dataId;
  }

  override move(dataId: object, values: Values, _shape: number[], dtype: Dtype, refCount: number): void {
    this.#keep(dataId, new TensorData(dtype, values, refCount));
  }

  #keep(dataId: object, data: TensorData): void {
    this.data.set(dataId, data);
    this.#storedBytes += data.bytes;
  }

  override memory(): { unreliable: boolean; reasons: string[]; storedBytes: number } {
    return { unreliable: false, reasons: [], storedBytes: this.#storedBytes };
  }

  override disposeData(dataId: object, force = false): boolean {
    const data = this.data.has(dataId) ? this.data.get(dataId) : undefined;
    const gone = super.disposeData(dataId, force);
    if (gone && data instanceof TensorData) {
      data.release();
      this.#storedBytes -= data.bytes;
    }
    return gone;
  }
}
