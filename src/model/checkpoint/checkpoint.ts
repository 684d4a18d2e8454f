/**
 * A checkpoint: named tensors in one or several files of a model's folder, read one at a time.
 *
 * Opening reads the headers only. `read` reads the bytes of one tensor, so a checkpoint of any size passes through the
 * memory of its largest tensor.
 */

import type { DType, Values } from "./dtype.ts";

export interface TensorInfo {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

export interface Checkpoint {
  /** Names of all tensors, in the order of the file. */
  readonly names: readonly string[];
  /**
   * Element type and shape of a tensor.
   * @throws FileError when the checkpoint has no tensor of that name.
   */
  info(name: string): TensorInfo;
  /**
   * All values of a tensor in row-major order: floating-point types as float32, integers and booleans as int32.
   * @throws FileError when the checkpoint has no tensor of that name, or when its file turns out to be damaged.
   */
  read(name: string): Promise<Values>;
  /** The file it comes from, for messages and for the result's info. */
  readonly description: string;
}
