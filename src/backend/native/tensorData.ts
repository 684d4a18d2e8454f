/**
 * What the native backend keeps for a tensor: its numbers, or fewer of them if they repeat (kernels/kernelBackend.ts). To
 * TensorFlow.js's own kernels, which read `values`, a tensor that repeats looks like any other.
 */

import type { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import type { KernelLibrary } from "../../platform/kernelLibrary.ts";
import type { Dtype, Repetition } from "../kernels/kernelBackend.ts";
import { repeated } from "../kernels/repeated.ts";
import type { ArrayPool } from "./arrayPool.ts";

export type HostArray = Float32Array | Int32Array | Uint8Array;

/** What TensorFlow.js's own kernels find. */
type Entry = ReturnType<MathBackendCPU["data"]["get"]>;
export type Values = NonNullable<Entry["values"]>;

export class TensorData implements Entry {
  refCount: number;
  readonly dtype: Dtype;
  /** Used by TensorFlow.js for complex numbers. */
  complexTensorInfos?: NonNullable<Entry["complexTensorInfos"]>;
  /** Handles of packed copies of this matrix, by how it is used; released with it. */
  readonly packed = new Map<string, number>();
  readonly repetition: Repetition | undefined;
  #stored: Values | undefined;
  #dense: HostArray | undefined;
  /** The pool that `#stored` came from, as long as nobody else can hold it. */
  #pool: ArrayPool | undefined;

  constructor(dtype: Dtype, stored: Values | undefined, refCount: number, repetition?: Repetition, pool?: ArrayPool) {
    this.dtype = dtype;
    this.refCount = refCount;
    this.repetition = repetition;
    this.#stored = stored;
    this.#pool = pool;
  }

  /** All numbers, for the kernels of TensorFlow.js: they may keep the array, so that it is never used again. */
  get values(): Values {
    this.#pool = undefined;
    // C functions write booleans as int32.
    if (this.dtype === "bool" && this.#stored instanceof Int32Array) {
      this.#stored = Uint8Array.from(this.#stored);
      this.#dense = undefined;
    }
    // Complex tensors have no numbers of their own; TensorFlow.js knows.
    return this.repetition === undefined ? (this.#stored as Values) : this.dense(this.dtype);
  }

  /** The numbers without their repetitions, for a kernel that does not keep the array. */
  stored(dtype: Dtype): HostArray {
    return this.#converted(this.#stored as HostArray, dtype);
  }

  /** All numbers, for a kernel that does not keep the array. */
  dense(dtype: Dtype): HostArray {
    if (this.repetition === undefined) return this.stored(dtype);
    this.#dense ??= repeated(this.#stored as HostArray, this.repetition);
    return this.#converted(this.#dense, dtype);
  }

  /** The stored numbers, for another tensor to share. */
  share(): HostArray {
    this.#pool = undefined;
    return this.#stored as HostArray;
  }

  /** TensorFlow.js casts int32 and bool to float32 by leaving the data as they are; C needs what the type says. */
  #converted(array: HostArray, dtype: Dtype): HostArray {
    if (dtype === "float32" && !(array instanceof Float32Array)) return Float32Array.from(array);
    if (dtype === "int32" && !(array instanceof Int32Array)) return Int32Array.from(array);
    return array;
  }

  release(library: KernelLibrary): void {
    for (const handle of this.packed.values()) library.call("unpack", handle);
    this.packed.clear();
    if (this.#pool !== undefined) this.#pool.giveBack(this.#stored as Float32Array);
    this.#pool = undefined;
    this.#stored = undefined;
    this.#dense = undefined;
  }
}
