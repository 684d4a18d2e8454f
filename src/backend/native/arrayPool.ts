/**
 * Memory for results, used again and again.
 *
 * A pass makes the same arrays as the one before; fresh memory costs a page fault for every 4 KiB, which is as much as
 * many a kernel needs for its work. Arrays come in size classes, an eighth of a power of two apart, so that passes over a
 * few more tokens find them, too.
 */

import { MemoryError } from "../../errors.ts";

/** Smaller arrays are left to JavaScript. */
const SMALLEST = 1024;
/** Numbers that may lie unused: 256 MiB. */
const MOST_UNUSED = 2 ** 26;

export class ArrayPool {
  readonly #unused = new Map<number, Float32Array[]>();
  #count = 0;

  /** An array of `length` numbers; what they are is left open. */
  take(length: number): Float32Array {
    if (length < SMALLEST) return new Float32Array(length);
    const size = classOf(length);
    const found = this.#unused.get(size)?.pop();
    if (found === undefined) return this.#fresh(size, length);
    this.#count -= size;
    return found.length === length ? found : new Float32Array(found.buffer, 0, length);
  }

  #fresh(size: number, length: number): Float32Array {
    try {
      return new Float32Array(new ArrayBuffer(size * 4), 0, length);
    } catch (cause) {
      this.#unused.clear();
      throw new MemoryError(`native: expected memory for ${length} numbers, the system gave none`, { cause });
    }
  }

  /** Takes back an array from `take` that nobody refers to any more. */
  giveBack(array: Float32Array): void {
    if (array.length < SMALLEST) return;
    const size = array.buffer.byteLength / 4;
    if (this.#count + size > MOST_UNUSED) this.#unused.clear();
    if (this.#unused.size === 0) this.#count = 0;
    if (size > MOST_UNUSED) return;
    const others = this.#unused.get(size);
    if (others === undefined) this.#unused.set(size, [array]);
    else others.push(array);
    this.#count += size;
  }
}

/** The smallest 2ᵏ (1 + j/8) that is not below `length`. */
function classOf(length: number): number {
  const step = 2 ** Math.max(0, Math.floor(Math.log2(length)) - 3);
  return Math.ceil(length / step) * step;
}
