/** Each block of numbers `times` times in a row, on the host. */

import type { Repetition } from "./kernelBackend.ts";

export function repeated<Array extends Float32Array | Int32Array | Uint8Array>(
  stored: Array,
  { times, block }: Repetition,
): Array {
  const make = stored.constructor as new (length: number) => Array;
  const all = new make(stored.length * times);
  for (let k = 0; k * block < stored.length; k++) {
    const numbers = stored.subarray(k * block, (k + 1) * block);
    for (let j = 0; j < times; j++) all.set(numbers, (k * times + j) * block);
  }
  return all;
}
