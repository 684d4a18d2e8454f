/**
 * What a kernel needs of the backend it runs on: where tensors' numbers are, room for results, and C functions.
 *
 * The kernels of this folder are written once for every backend of ours. `native` keeps numbers in typed arrays, `cuda` in
 * device memory; a kernel sees neither: it asks how many numbers there are, cuts, and hands them on to C.
 *
 * A repeated tensor stores blocks of numbers of which each stands `times` times in a row:
 *
 *   flat[(k · times + j) · block + i] = stored[k · block + i]
 *
 * This says nothing of the shape, so that a reshape changes nothing. Kernels that know of it (`stored` and `repetition`)
 * compute each block once; to every other kernel, which reads all numbers (`dense`), the tensor looks like any other.
 */

import type { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import type { KernelArgument, Numbers } from "../../platform/kernelLibrary.ts";

export type { Numbers };

export type Dtype = ReturnType<MathBackendCPU["data"]["get"]>["dtype"];

/** The types that C functions know: a boolean is an int32 there, 0 or 1. */
export type NumericDtype = "float32" | "int32" | "bool";

export function isNumeric(dtype: Dtype): dtype is NumericDtype {
  return dtype === "float32" || dtype === "int32" || dtype === "bool";
}

/** A tensor as kernels see it. */
export interface Info {
  readonly dataId: object;
  readonly shape: number[];
  readonly dtype: Dtype;
}

export interface Repetition {
  readonly times: number;
  readonly block: number;
}

export interface KernelBackend {
  /** What TensorFlow.js calls it; messages begin with it. */
  readonly name: string;

  /** Runs the C function `inseq_<name>`. */
  call(name: string, ...args: readonly KernelArgument[]): void;

  /** How a tensor's stored numbers repeat; undefined where they do not. */
  repetition(info: Info): Repetition | undefined;
  /** The numbers without their repetitions, of the type that `info` says; to be read at once and not kept. */
  stored(info: Info): Numbers;
  /** All numbers of a tensor, likewise. */
  dense(info: Info): Numbers;
  /** All numbers of a float32 tensor, likewise. */
  floats(info: Info): Numbers;
  /** All numbers of an int32 tensor, likewise. */
  integers(info: Info): Numbers;

  /** Each block of float32 or int32 numbers `times` times in a row, for as long as the kernel runs. */
  repeated(numbers: Numbers, repetition: Repetition): Numbers;

  /** Room for the numbers of a tensor to be made with `tensorOf`; what they are is left open. Booleans are int32 in C. */
  array(length: number, dtype?: NumericDtype): Numbers;
  /** A tensor of an array from `array`. */
  tensorOf(shape: readonly number[], y: Numbers, repetition?: Repetition, dtype?: NumericDtype): Info;
  /** A new tensor, of float32 if no type is given, and the room for its numbers. */
  output(shape: readonly number[], dtype?: NumericDtype): { info: Info; y: Numbers };
  /** A new tensor of numbers that are known. */
  constant(shape: readonly number[], values: Float32Array | Int32Array, dtype: NumericDtype): Info;

  /** The same numbers under another shape. */
  reshaped(info: Info, shape: readonly number[]): Info;
  /** A tensor that shares all numbers of another one, and repeats them. */
  repeatedTensor(info: Info, shape: readonly number[], repetition: Repetition): Info;

  /** Lets go of a tensor that a kernel made on its way. */
  disposeData(dataId: object): boolean;

  /** A handle of this weight, packed for matrix products; 0 where the backend multiplies by it as it lies. */
  packed(info: Info): number;
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, axis) => size * axis, 1);
}
