/** What a backend is to this library: how to start it, or why it is not there. */

import { BackendError } from "../errors.ts";
import { tensorflow } from "../tensor.ts";

export const precisions = ["float32", "high", "bfloat16"] as const;
export type Precision = (typeof precisions)[number];

export interface BackendOptions {
  /**
   * Where the `.wasm` files of `@tensorflow/tfjs-backend-wasm` are, as the URL of their folder or as one URL for each
   * file name. Pages need it unless the files lie beside their script; Node finds them by itself. It is read when the
   * wasm backend is started; once it runs, the files are not asked for again.
   */
  readonly wasmPaths?: string | Readonly<Record<string, string>>;
  /**
   * How matrix products multiply: `float32`, the default, or with fewer bits where the device is faster then: `high` (TF32
   * on `cuda`; on `native` bfloat16 in linear layers, on processors with AVX512-BF16, and float32 on others), or `bfloat16`,
   * which halves the memory of weights. Backends that know only float32 refuse the others. A running backend goes on as it is
   * when nothing is said.
   */
  readonly precision?: Precision;
  /** Which GPU, counted from 0 among those that are visible; of the `cuda` backend. A process uses one. */
  readonly device?: number;
}

/** How large a pass of a device should be that is unlike a CPU. */
export interface PassSize {
  /** Bytes that the activations of one pass may take. */
  readonly memoryBudget: number;
  /** Token positions, of all rows together, at which matrix products run at full speed. */
  readonly positions: number;
}

/** A backend that may be present. TensorFlow.js knows it by the same name as the table in `registry.ts`. */
export interface Startable {
  /** How its matrix products can multiply. */
  readonly precisions: readonly Precision[];
  /**
   * Loads its package and makes its instance, unless it runs already.
   * @returns what it is, in words: the device, the library, the version
   * @throws BackendError saying how to get it, when it is absent or fails to start
   */
  readonly start: (options: BackendOptions) => Promise<string>;
  /** How it multiplies, once it runs; what was asked for if this is absent. */
  readonly precisionInUse?: () => Precision;
  /** Once it runs. */
  readonly passes?: () => PassSize;
}

/**
 * The instance of the backend that is registered with TensorFlow.js under `name`, made on first use.
 *
 * `tf.setBackend` would make it too, but reports a failure as a warning on the console and `false`.
 * @throws BackendError when nothing is registered or the instance cannot be made; `advice` says what to do.
 */
export async function instantiate(name: string, advice: string): Promise<object> {
  const { registry } = tensorflow.engine();
  const running = registry[name];
  if (running !== undefined) return running;
  const factory = tensorflow.findBackendFactory(name);
  if (typeof factory !== "function") throw new BackendError(`expected a ${name} backend to be registered; ${advice}`);
  const made = await orBackendError(name, advice, async () => factory());
  // Another call may have been faster while this one waited.
  const present = registry[name];
  if (present !== undefined) return present;
  tensorflow.removeBackend(name);
  tensorflow.registerBackend(name, () => made);
  await tensorflow.setBackend(name);
  return made;
}

async function orBackendError<Value>(name: string, advice: string, make: () => Promise<Value>): Promise<Value> {
  try {
    return await make();
  } catch (cause) {
    throw new BackendError(`the ${name} backend could not be started: ${messageOf(cause)}; ${advice}`, { cause });
  }
}

/** What went wrong, on one line. TensorFlow.js throws plain objects as well as errors. */
export function messageOf(cause: unknown): string {
  const message = typeof cause === "object" && cause !== null && "message" in cause ? cause.message : cause;
  return String(message).trim().replaceAll(/\s+/g, " ");
}
