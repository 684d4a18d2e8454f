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

interface PackedMatrix {
  readonly library: KernelLibrary;
  readonly handle: number;
  readonly rows: number;
  readonly columns: number;
}

export class TensorData implements Entry {
  refCount: number;
  readonly dtype: Dtype;
  /** Used by TensorFlow.js for complex numbers. */
  complexTensorInfos?: NonNullable<Entry["complexTensorInfos"]>;
  readonly repetition: Repetition | undefined;
  #stored: Values | undefined;
  #dense: HostArray | undefined;
  /** Where the numbers are instead, once they are packed as a matrix. */
  #packed: PackedMatrix | undefined;
  /** The pool that `#stored` came from, as long as nobody else can hold it. */
  #pool: ArrayPool | undefined;

  /** Bytes that this tensor stores and no other one. */
  readonly bytes: number;

  constructor(
    dtype: Dtype,
    stored: Values | undefined,
    refCount: number,
    repetition?: Repetition,
    pool?: ArrayPool,
    shared = false,
  ) {
    this.dtype = dtype;
    this.refCount = refCount;
    this.repetition = repetition;
    this.#stored = stored;
    this.#pool = pool;
    this.bytes = ArrayBuffer.isView(stored) && !shared ? stored.byteLength : 0;
  }

  /** All numbers, for the kernels of TensorFlow.js: they may keep the array, so that it is never used again. */
  get values(): Values {
    this.#keep();
    // C functions write booleans as int32.
    if (this.dtype === "bool" && this.#stored instanceof Int32Array) {
      this.#stored = Uint8Array.from(this.#stored);
      this.#dense = undefined;
    }
    // Complex tensors have no numbers of their own; TensorFlow.js knows.
    return this.repetition === undefined ? this.#numbers() : this.dense(this.dtype);
  }

  /** The numbers without their repetitions, for a kernel that does not keep the array. */
  stored(dtype: Dtype): HostArray {
    return this.#converted(this.#numbers(), dtype);
  }

  /** All numbers, for a kernel that does not keep the array. */
  dense(dtype: Dtype): HostArray {
    if (this.repetition === undefined) return this.stored(dtype);
    this.#dense ??= repeated(this.#numbers() as HostArray, this.repetition);
    return this.#converted(this.#dense, dtype);
  }

  /** The stored numbers, for another tensor to share. */
  share(): HostArray {
    this.#keep();
    return this.#numbers();
  }

  #keep(): void {
    this.#pool?.keep(this.#stored as Float32Array);
    this.#pool = undefined;
  }

  #numbers(): HostArray {
    const packed = this.#packed;
    if (packed === undefined) return this.#stored as HostArray;
    const numbers = new Float32Array(packed.rows * packed.columns);
    packed.library.call("read_packed", packed.handle, packed.rows, packed.columns, numbers);
    return numbers;
  }

  /**
   * Packs a float32 matrix for products and lets go of the numbers as they were; whoever asks for them again gets a copy.
   * Weights do not change: a variable that is assigned gets another tensor.
   * @returns a handle of the kernels; 0 if the numbers repeat, or are packed as a matrix of another shape
   */
  pack(library: KernelLibrary, rows: number, columns: number): number {
    if (this.repetition !== undefined || (this.#packed === undefined && !(this.#stored instanceof Float32Array)))
      return 0;
    if (this.#packed === undefined) {
      const handle = [0];
      library.call("pack", this.#stored as Float32Array, rows, columns, handle);
      if (this.#pool !== undefined) this.#pool.giveBack(this.#stored as Float32Array);
      this.#pool = undefined;
      this.#stored = undefined;
      this.#packed = { library, handle: handle[0] ?? 0, rows, columns };
    }
    const { handle, rows: packedRows } = this.#packed;
    return packedRows === rows ? handle : 0;
  }

  /** TensorFlow.js casts int32 and bool to float32 by leaving the data as they are; C needs what the type says. */
  #converted(array: HostArray, dtype: Dtype): HostArray {
    if (dtype === "float32" && !(array instanceof Float32Array)) return Float32Array.from(array);
    if (dtype === "int32" && !(array instanceof Int32Array)) return Int32Array.from(array);
    return array;
  }

  release(): void {
    this.#packed?.library.call("unpack", this.#packed.handle);
    this.#packed = undefined;
    if (this.#pool !== undefined) this.#pool.giveBack(this.#stored as Float32Array);
    this.#pool = undefined;
    this.#stored = undefined;
    this.#dense = undefined;
  }
}
