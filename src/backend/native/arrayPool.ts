/**
 * Memory for results, used again and again.
 *
 * A pass makes the same arrays as the one before; fresh memory costs a page fault for every 4 KiB, which is as much as
 * many a kernel needs for its work, and makes JavaScript collect garbage, which takes a core from the kernels. Arrays come in
 * size classes, an eighth of a power of two apart, and serve for smaller ones, so that passes over more or fewer tokens find
 * them, too.
 */

import { MemoryError } from "../../errors.ts";

/** Smaller arrays are left to JavaScript. */
const SMALLEST = 1024;
/** An array may be larger than was asked for by this factor, as passes over different numbers of tokens follow each other. */
const MOST_TIMES = 2;
/** Numbers that may lie unused whatever is in use: 256 MiB. */
const ALWAYS_UNUSED = 2 ** 26;

export class ArrayPool {
  /** By size class, the one that was used last at the end. */
  readonly #unused = new Map<number, Float32Array[]>();
  #unusedCount = 0;
  /** Numbers of arrays that were taken and have not come back, now and at most since the last `rest`. */
  #inUse = 0;
  #mostInUse = 0;

  /** An array of `length` numbers; what they are is left open. */
  take(length: number): Float32Array {
    if (length < SMALLEST) return new Float32Array(length);
    const size = classOf(length);
    const array = this.#find(size, length) ?? this.#fresh(size, length);
    this.#inUse += sizeOf(array);
    this.#mostInUse = Math.max(this.#mostInUse, this.#inUse);
    return array;
  }

  #find(least: number, length: number): Float32Array | undefined {
    for (let size = least; size <= MOST_TIMES * least; size = classOf(size + 1)) {
      const found = this.#unused.get(size)?.pop();
      if (found === undefined) continue;
      this.#unusedCount -= size;
      return found.length === length ? found : new Float32Array(found.buffer, 0, length);
    }
    return undefined;
  }

  #fresh(size: number, length: number): Float32Array {
    try {
      return new Float32Array(new ArrayBuffer(size * 4), 0, length);
    } catch (cause) {
      this.#letGo(0);
      throw new MemoryError(`native: expected memory for ${length} numbers, the system gave none`, { cause });
    }
  }

  /** Takes back an array from `take` that nobody refers to any more. */
  giveBack(array: Float32Array): void {
    if (array.length < SMALLEST) return;
    const size = sizeOf(array);
    this.#inUse -= size;
    const others = this.#unused.get(size) ?? [];
    others.push(array);
    this.#unused.delete(size);
    this.#unused.set(size, others);
    this.#unusedCount += size;
    // What was in use at once may lie unused: the process has been as large before.
    this.#letGo(Math.max(ALWAYS_UNUSED, this.#mostInUse - this.#inUse));
  }

  /** An array from `take` stays with somebody who does not give it back. */
  keep(array: Float32Array): void {
    if (array.length >= SMALLEST) this.#inUse -= sizeOf(array);
  }

  /** Nothing is computed for a while: only a little is kept for later. */
  rest(): void {
    this.#mostInUse = this.#inUse;
    this.#letGo(ALWAYS_UNUSED);
  }

  /** Lets go of arrays until at most `count` numbers lie unused, those whose size was not used for longest first. */
  #letGo(count: number): void {
    for (const [size, arrays] of this.#unused) {
      while (this.#unusedCount > count && arrays.pop() !== undefined) this.#unusedCount -= size;
      if (arrays.length === 0) this.#unused.delete(size);
      if (this.#unusedCount <= count) return;
    }
  }
}

const sizeOf = (array: Float32Array): number => array.buffer.byteLength / 4;

/** The smallest 2ᵏ (1 + j/8) that is not below `length`. */
function classOf(length: number): number {
  const step = 2 ** Math.max(0, Math.floor(Math.log2(length)) - 3);
  return Math.ceil(length / step) * step;
}
