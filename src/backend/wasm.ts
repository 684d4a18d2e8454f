/**
 * wasm: TensorFlow.js's WebAssembly kernels (XNNPACK), in Node and in browsers.
 *
 * Everything is float32, sums included. SIMD changes the order in which a sum is taken, so results may differ in the last
 * bits between machines with and without it, but not from run to run. Several threads are used only in pages that are
 * cross-origin isolated, never in Node (tensorflow/tfjs#3830); each output is computed by one thread, in the same order.
 */

import { BackendError } from "../errors.ts";
import { tensorflow } from "../tensor.ts";
import { type BackendOptions, instantiate, messageOf, type Startable } from "./definition.ts";

const ADVICE =
  "in a browser, serve the .wasm files of @tensorflow/tfjs-backend-wasm/dist and give their folder's URL as wasmPaths";

export const wasm: Startable = {
  precisions: ["float32"],
  start: async ({ wasmPaths }) => {
    const { getThreadsCount, setWasmPaths } = await import("@tensorflow/tfjs-backend-wasm");
    if (wasmPaths !== undefined && tensorflow.engine().registry.wasm === undefined) {
      point(setWasmPaths, wasmPaths);
    }
    await instantiate("wasm", ADVICE);
    const simd = await tensorflow.env().getAsync("WASM_HAS_SIMD_SUPPORT");
    const threads = getThreadsCount();
    return `WebAssembly ${simd ? "with" : "without"} SIMD, ${threads === 1 ? "one thread" : `${threads} threads`}`;
  },
};

type SetWasmPaths = (paths: string | { [name: string]: string }) => void;

/** @throws BackendError when file names are missing, or when the package refuses because an earlier start failed. */
function point(setWasmPaths: SetWasmPaths, wasmPaths: NonNullable<BackendOptions["wasmPaths"]>): void {
  try {
    if (typeof wasmPaths === "string") setWasmPaths(wasmPaths.endsWith("/") ? wasmPaths : `${wasmPaths}/`);
    else setWasmPaths({ ...wasmPaths });
  } catch (cause) {
    throw new BackendError(`wasmPaths was refused: ${messageOf(cause)}; reload the page after a failed start`, {
      cause,
    });
  }
}
