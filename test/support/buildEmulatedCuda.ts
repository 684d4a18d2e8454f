/** Before all tests, once: the CUDA kernels for an emulated device, so that test files running at once need not build it. */

import type { TestProject } from "vitest/node";
import { findCompiler } from "../../kernels/build.mjs";
import { buildCudaShim } from "../../kernels/buildCuda.mjs";

declare module "vitest" {
  export interface ProvidedContext {
    /** Where the library is; null where there is no compiler. */
    emulatedCuda: string | null;
    /** Whether the file has a process of its own (vitest.config.ts). */
    alone: boolean;
  }
}

export default async function setup({ provide }: TestProject): Promise<void> {
  const compiler = await findCompiler();
  provide("emulatedCuda", compiler === undefined ? null : await buildCudaShim(compiler));
}
