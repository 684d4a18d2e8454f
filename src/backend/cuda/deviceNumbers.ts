/** Numbers in a block of device memory: what kernels hand on to C functions instead of a typed array. */

import type { Numbers } from "../kernels/kernelBackend.ts";

/** A block that one or several tensors share; it is freed with the last of them. */
export interface Block {
  readonly address: number;
  readonly bytes: number;
  users: number;
}

/** All numbers on a device have four bytes; booleans are int32 there. */
export const BYTES = 4;

export class DeviceNumbers implements Numbers {
  readonly block: Block;
  readonly address: number;
  readonly length: number;

  constructor(block: Block, length: number, address: number = block.address) {
    this.block = block;
    this.length = length;
    this.address = address;
  }

  subarray(from: number, to: number = this.length): DeviceNumbers {
    return new DeviceNumbers(this.block, to - from, this.address + from * BYTES);
  }
}
