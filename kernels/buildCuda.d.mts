/** Types of buildCuda.mjs, which is plain JavaScript because it runs before TypeScript does. */

import type { Compiler } from "./build.d.mts";

export const cudaLibrary: string;
export const cudaShimLibrary: string;
export function hasDriver(): boolean;
export function findNvcc(): Promise<Compiler | undefined>;
export function buildCuda(nvcc: Compiler): Promise<string[]>;
export function buildCudaShim(compiler: Compiler): Promise<string>;
export function buildCudaTestProgram(compiler: Compiler): Promise<string>;
export function buildCudaFaultProgram(compiler: Compiler): Promise<string>;
