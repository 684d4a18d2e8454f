/** The functions of `nodeKernels.ts` in browsers, which cannot load a C library. */

import { BackendError } from "../errors.ts";

/** @throws BackendError always. */
export async function openKernels(): Promise<never> {
  throw new BackendError("the native backend needs Node; in a browser use wasm");
}

/** @throws BackendError always. */
export async function openDeviceKernels(): Promise<never> {
  throw new BackendError("the cuda backend needs Node; in a browser use wasm");
}
