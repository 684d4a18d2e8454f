/**
 * The cuda backend: tensors in the memory of one GPU, computed on by our CUDA kernels in one stream. Nothing waits for the
 * device until numbers are read. Memory comes from the library's caching allocator and goes back when a tensor is disposed.
 *
 * One class, because TensorFlow.js wants one object: what kernels need, what TensorFlow.js needs, and the memory behind both.
 */

import { BackendError } from "../../errors.ts";
import type { KernelArgument, KernelLibrary } from "../../platform/kernelLibrary.ts";
import { tensorflow } from "../../tensor.ts";
import type { Precision } from "../definition.ts";
import type { Kernel } from "../kernels/kernel.ts";
import {
  type Dtype,
  type Info,
  isNumeric,
  type KernelBackend,
  type NumericDtype,
  type Repetition,
  sizeOf,
} from "../kernels/kernelBackend.ts";
import { precisionCodes } from "../kernels/precision.ts";
import { repeated } from "../kernels/repeated.ts";
import { type Block, BYTES, DeviceNumbers } from "./deviceNumbers.ts";

type Values = ReturnType<InstanceType<typeof tensorflow.KernelBackend>["readSync"]>;

/** What is kept for a tensor. */
interface TensorData {
  readonly dtype: Dtype;
  refCount: number;
  /** The numbers on the device, without their repetitions; undefined for a tensor of strings and a packed matrix. */
  stored: DeviceNumbers | undefined;
  /** Where the numbers are instead, once they are kept in bfloat16. */
  packed: PackedMatrix | undefined;
  readonly repetition: Repetition | undefined;
  /** All numbers of a tensor that repeats, once they were asked for. */
  dense: DeviceNumbers | undefined;
  /** Strings stay on the host. */
  readonly strings: Values | undefined;
}

interface PackedMatrix {
  readonly handle: number;
  readonly rows: number;
  readonly columns: number;
}

/** Bytes of a number in bfloat16. */
const NARROW_BYTES = 2;

export class CudaBackend extends tensorflow.KernelBackend implements KernelBackend {
  readonly name = "cuda";
  readonly library: KernelLibrary;
  readonly #data: InstanceType<typeof tensorflow.DataStorage<TensorData>>;
  #storedBytes = 0;
  #precision: Precision = "float32";
  readonly #fallbacks = new Map<string, number>();
  /** What the kernel that runs has taken and not yet put into a tensor, and the tensors that it has made. */
  #loose = new Set<Block>();
  #made: Info[] = [];

  constructor(library: KernelLibrary) {
    super();
    this.library = library;
    this.#data = new tensorflow.DataStorage(this, tensorflow.engine());
  }

  /** How matrix products multiply from now on. Matrices that are packed already stay as they are. */
  setPrecision(precision: Precision): void {
    this.library.call("set_precision", precisionCodes[precision]);
    this.#precision = precision;
  }

  get precision(): Precision {
    return this.#precision;
  }

  // ---- what kernels need ----

  call(name: string, ...args: readonly KernelArgument[]): void {
    this.library.call(
      name,
      ...args.map((argument) => (argument instanceof DeviceNumbers ? argument.address : (argument ?? 0))),
    );
  }

  /** A kernel whose scratch memory is freed after it, and whose results are freed if it fails half way. */
  scoped(kernel: Kernel): Kernel {
    return (call) => {
      try {
        return kernel(call);
      } catch (error) {
        for (const { dataId } of this.#made) this.disposeData(dataId, true);
        throw error;
      } finally {
        for (const block of this.#loose) this.#free(block);
        this.#loose.clear();
        this.#made = [];
      }
    };
  }

  repetition(info: Info): Repetition | undefined {
    return this.#of(info).repetition;
  }

  stored(info: Info): DeviceNumbers {
    const { stored, packed } = this.#of(info);
    if (packed !== undefined) return this.#widened(packed);
    if (stored === undefined) throw new BackendError(`cuda: expected a tensor of numbers, received ${info.dtype}`);
    return stored;
  }

  dense(info: Info): DeviceNumbers {
    const data = this.#of(info);
    const stored = this.stored(info);
    if (data.repetition === undefined) return stored;
    data.dense ??= this.#adopted(this.repeated(stored, data.repetition));
    return data.dense;
  }

  floats(info: Info): DeviceNumbers {
    return this.dense(info);
  }

  integers(info: Info): DeviceNumbers {
    return this.dense(info);
  }

  repeated(numbers: DeviceNumbers, { times, block }: Repetition): DeviceNumbers {
    const all = this.array(numbers.length * times);
    this.call("repeat", numbers, numbers.length / block, times, block, all);
    return all;
  }

  array(length: number): DeviceNumbers {
    const block = this.#allocate(length);
    this.#loose.add(block);
    return new DeviceNumbers(block, length);
  }

  tensorOf(shape: readonly number[], y: DeviceNumbers, repetition?: Repetition, dtype: NumericDtype = "float32"): Info {
    return this.#add(shape, dtype, this.#adopted(y), repetition);
  }

  output(shape: readonly number[], dtype: NumericDtype = "float32"): { info: Info; y: DeviceNumbers } {
    const y = this.array(sizeOf(shape));
    return { info: this.tensorOf(shape, y, undefined, dtype), y };
  }

  constant(shape: readonly number[], values: Float32Array | Int32Array, dtype: NumericDtype): Info {
    const { info, y } = this.output(shape, dtype);
    this.#upload(values, y);
    return info;
  }

  reshaped(info: Info, shape: readonly number[]): Info {
    this.incRef(info.dataId);
    return { dataId: info.dataId, shape: [...shape], dtype: info.dtype };
  }

  /** What repeats already is written out once before it repeats again. */
  repeatedTensor(info: Info, shape: readonly number[], repetition: Repetition): Info {
    const all = this.dense(info);
    all.block.users++;
    const dtype = isNumeric(info.dtype) ? info.dtype : "float32";
    return this.#add(shape, dtype, all, repetition);
  }

  /**
   * cuBLAS multiplies by weights as they lie. In bfloat16 a packed copy takes their place, of half the bytes; whoever asks
   * for the numbers gets what was kept of them.
   */
  packed(info: Info): number {
    const data = this.#of(info);
    const [rows = 0, columns = 0] = info.shape;
    if (data.packed === undefined && data.stored !== undefined && data.repetition === undefined) {
      if (this.#precision !== "bfloat16" || info.shape.length !== 2) return 0;
      const handle = this.library.statistic("pack", data.stored.address, rows, columns);
      this.#storedBytes += rows * columns * NARROW_BYTES;
      this.#free(data.stored.block);
      data.stored = undefined;
      data.packed = { handle, rows, columns };
    }
    return data.packed?.rows === rows ? data.packed.handle : 0;
  }

  /** The numbers of a packed matrix, until the kernel that asks for them has ended. */
  #widened({ handle, rows, columns }: PackedMatrix): DeviceNumbers {
    const numbers = this.array(rows * columns);
    this.call("read_packed", handle, rows, columns, numbers);
    return numbers;
  }

  // ---- what TensorFlow.js needs ----

  override write(values: Values, shape: number[], dtype: Dtype): object {
    const dataId = {};
    this.move(dataId, values, shape, dtype, 1);
    return dataId;
  }

  override move(dataId: object, values: Values, _shape: number[], dtype: Dtype, refCount: number): void {
    const empty = { refCount, dtype, repetition: undefined, packed: undefined, dense: undefined };
    if (!isNumeric(dtype)) {
      this.#data.set(dataId, { ...empty, stored: undefined, strings: values });
      return;
    }
    const numbers = dtype === "float32" ? toArray(Float32Array, values) : toArray(Int32Array, values);
    const stored = new DeviceNumbers(this.#allocate(numbers.length), numbers.length);
    this.#upload(numbers, stored);
    this.#data.set(dataId, { ...empty, stored, strings: undefined });
  }

  override async read(dataId: object): Promise<Values> {
    return this.readSync(dataId);
  }

  /** Waits for the device. */
  override readSync(dataId: object): Values {
    const { dtype, stored: own, packed, repetition, strings } = this.#data.get(dataId);
    const stored = packed === undefined ? own : this.#widened(packed);
    if (stored === undefined) return strings as Values;
    const make = dtype === "float32" ? Float32Array : Int32Array;
    const values = new make(stored.length);
    if (values.length > 0) this.library.call("download", stored.address, values, values.byteLength);
    if (packed !== undefined) this.#free(this.#adopted(stored).block);
    const all = repetition === undefined ? values : repeated(values, repetition);
    return dtype === "bool" ? Uint8Array.from(all) : all;
  }

  override disposeData(dataId: object, force = false): boolean {
    if (!this.#data.has(dataId)) return true;
    const data = this.#data.get(dataId);
    data.refCount--;
    if (!force && data.refCount > 0) return false;
    for (const numbers of [data.stored, data.dense]) if (numbers !== undefined) this.#free(numbers.block);
    if (data.packed !== undefined) {
      this.library.call("unpack", data.packed.handle);
      this.#storedBytes -= data.packed.rows * data.packed.columns * NARROW_BYTES;
    }
    this.#data.delete(dataId);
    return true;
  }

  override refCount(dataId: object): number {
    return this.#data.has(dataId) ? this.#data.get(dataId).refCount : 0;
  }

  override incRef(dataId: object): void {
    this.#data.get(dataId).refCount++;
  }

  decRef(dataId: object): void {
    if (this.#data.has(dataId)) this.#data.get(dataId).refCount--;
  }

  override numDataIds(): number {
    return this.#data.numDataIds();
  }

  override async time(work: () => void): Promise<{ kernelMs: number }> {
    this.library.call("synchronize");
    const start = performance.now();
    work();
    this.library.call("synchronize");
    return { kernelMs: performance.now() - start };
  }

  /** Bytes of all tensors on the device, what repeats counted once; how often which operation went through the host. */
  override memory() {
    return { unreliable: false, storedBytes: this.#storedBytes, fallbacks: Object.fromEntries(this.#fallbacks) };
  }

  /** Of the device, the allocator's unused blocks included; no more than the limit that was set leaves. */
  freeBytes(): number {
    const available = this.#bytes("free") + this.#bytes("reserved") - this.#bytes("inUse");
    const limit = this.#bytes("limit");
    return limit === 0 ? available : Math.min(available, limit - this.#bytes("inUse"));
  }

  override floatPrecision(): 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override dispose(): void {
    this.library.call("release_cache");
  }

  noteFallback(kernel: string): void {
    this.#fallbacks.set(kernel, (this.#fallbacks.get(kernel) ?? 0) + 1);
  }

  // ---- memory ----

  #of(info: Info): TensorData {
    return this.#data.get(info.dataId);
  }

  #add(shape: readonly number[], dtype: NumericDtype, stored: DeviceNumbers, repetition?: Repetition): Info {
    const dataId = {};
    this.#data.set(dataId, {
      refCount: 1,
      dtype,
      stored,
      packed: undefined,
      repetition,
      dense: undefined,
      strings: undefined,
    });
    const info = { dataId, shape: [...shape], dtype };
    this.#made.push(info);
    return info;
  }

  #allocate(length: number): Block {
    const bytes = length * BYTES;
    const address = this.library.statistic("allocate", bytes);
    this.#storedBytes += bytes;
    return { address, bytes, users: 1 };
  }

  /** The numbers belong to a tensor from now on. */
  #adopted(numbers: DeviceNumbers): DeviceNumbers {
    this.#loose.delete(numbers.block);
    return numbers;
  }

  #free(block: Block): void {
    block.users--;
    if (block.users > 0) return;
    this.#storedBytes -= block.bytes;
    this.library.call("free", block.address);
  }

  #bytes(what: keyof typeof statistics): number {
    return this.library.statistic("memory", statistics[what]);
  }

  #upload(values: Float32Array | Int32Array, to: DeviceNumbers): void {
    if (values.length > 0) this.library.call("upload", values, to.address, values.byteLength);
  }
}

/** Numbers of the C interface's `inseq_memory`. */
const statistics = { inUse: 0, reserved: 2, limit: 3, free: 5 } as const;

function toArray<Numbers extends Float32Array | Int32Array>(
  type: { new (length: number): Numbers; from(values: ArrayLike<number>): Numbers },
  values: Values,
): Numbers {
  return values instanceof type ? values : type.from(values as Float32Array | Int32Array | Uint8Array);
}
