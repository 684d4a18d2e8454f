/** Memory of the native backend that is used again: whose array comes back when, and how much may lie unused. */

import { describe, expect, it } from "vitest";
import { ArrayPool } from "../../src/backend/native/arrayPool.ts";

const MEGA = 2 ** 20;
/** Numbers that may lie unused whatever was in use. */
const ALWAYS = 64 * MEGA;

/** How many of these arrays' memory `count` calls of `take` give out again. */
function again(pool: ArrayPool, arrays: readonly Float32Array[], length: number, count: number): number {
  const known = new Set(arrays.map(({ buffer }) => buffer));
  return Array.from({ length: count }, () => pool.take(length)).filter(({ buffer }) => known.has(buffer)).length;
}

/** Arrays that were in use at once, and came back. */
function used(pool: ArrayPool, length: number, count: number): Float32Array[] {
  const arrays = Array.from({ length: count }, () => pool.take(length));
  for (const array of arrays) pool.giveBack(array);
  return arrays;
}

describe("ArrayPool", () => {
  it("gives out again what came back, for as many numbers as are asked for", () => {
    const pool = new ArrayPool();
    const array = pool.take(5000);
    expect(array.length).toBe(5000);
    pool.giveBack(array);
    const other = pool.take(4990);
    expect(other.length).toBe(4990);
    expect(other.buffer).toBe(array.buffer);
    expect(pool.take(5000).buffer).not.toBe(array.buffer);
  });

  it("serves smaller requests, down to half, and the nearest size first", () => {
    const pool = new ArrayPool();
    const arrays = [8192, 4096, 6144].map((length) => pool.take(length));
    for (const array of arrays) pool.giveBack(array);
    const buffers = arrays.map(({ buffer }) => buffer);
    expect(buffers).not.toContain(pool.take(1900).buffer);
    expect([4096, 4096, 4096].map((length) => buffers.indexOf(pool.take(length).buffer))).toEqual([1, 2, 0]);
    const large = pool.take(8193);
    pool.giveBack(large);
    expect(pool.take(4096).buffer).not.toBe(large.buffer);
  });

  it("keeps what was in use at once, however much, and no more", () => {
    const pool = new ArrayPool();
    const arrays = used(pool, 8 * MEGA, 12);
    expect(again(pool, arrays, 8 * MEGA, 12)).toBe(12);
  });

  it("keeps no more unused than was in use at most, or a little: what was not needed for longest goes first", () => {
    const pool = new ArrayPool();
    const first = used(pool, 8 * MEGA, 4);
    const second = used(pool, 9 * MEGA, 6);
    // 32 + 54 of 64 million: one and a bit of the first may stay.
    expect(again(pool, second, 9 * MEGA, 6)).toBe(6);
    expect(again(pool, first, 8 * MEGA, 4)).toBe(1);
  });

  it("lets go of most when nothing is computed for a while, and of what somebody else holds", () => {
    const pool = new ArrayPool();
    const arrays = used(pool, 8 * MEGA, 12);
    pool.rest();
    expect(again(pool, arrays, 8 * MEGA, 12)).toBe(ALWAYS / (8 * MEGA));

    const held = new ArrayPool();
    const kept = Array.from({ length: 12 }, () => held.take(8 * MEGA));
    for (const array of kept) held.keep(array);
    const later = used(held, 8 * MEGA, 8);
    expect(again(held, later, 8 * MEGA, 8)).toBe(8);
    expect(again(held, kept, 8 * MEGA, 4)).toBe(0);
  });

  it("leaves small arrays to JavaScript", () => {
    const pool = new ArrayPool();
    const small = pool.take(1023);
    pool.giveBack(small);
    expect(pool.take(1023)).not.toBe(small);
  });
});
