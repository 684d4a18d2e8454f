/** The C kernels as TypeScript sees them: `kernels/include/inseq_kernels.h` says what each function takes. */

/** Raised together with INSEQ_INTERFACE_VERSION. */
export const INTERFACE_VERSION = 12;

/** A tensor's numbers where a backend keeps them: a typed array, or an address on a device. */
export interface Numbers {
  readonly length: number;
  subarray(from: number, to?: number): Numbers;
}

/** An array is passed as a pointer to its numbers, which the kernel reads or writes in place. */
export type KernelArgument = number | null | Numbers | BigInt64Array | number[];

export interface KernelLibrary {
  /** What the library in use was compiled for. */
  readonly instructionSet: string;
  /** A function without arguments that returns a number. */
  read(name: string): number;
  /** A function without arguments that returns a text. */
  text(name: string): string;
  /** A function that writes one number behind its arguments. */
  statistic(name: string, ...args: readonly KernelArgument[]): number;
  /**
   * Runs `inseq_<name>`.
   * @throws BackendError with the kernel's own message when it refuses
   * @throws MemoryError when there is not enough memory
   */
  call(name: string, ...args: readonly KernelArgument[]): void;
}
