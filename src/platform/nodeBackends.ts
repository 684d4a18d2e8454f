/** Backends that are packages for Node only. `browserBackends.ts` stands in for this file in browsers. */

import * as util from "node:util";
import { BackendError } from "../errors.ts";

/** The first one that loads is taken: the first has the same kernels on a CPU, and those of a GPU as well. */
const packages = ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node"] as const;

/** Read by the TensorFlow and CUDA libraries when they are loaded; a value that the user has set is kept. */
const settings = {
  /** Errors only: the library reports the features of every processor otherwise. */
  TF_CPP_MIN_LOG_LEVEL: "2",
  /** Sums in the order of Eigen, from run to run the same, and no notice on the error stream. */
  TF_ENABLE_ONEDNN_OPTS: "0",
  /** No TensorFloat-32: matrix products keep all 24 bits of the mantissa. */
  NVIDIA_TF32_OVERRIDE: "0",
} as const;

/**
 * Imports the installed package, which registers the backend `tensorflow` with TensorFlow.js.
 * @returns the package's name
 * @throws BackendError when none is installed, or an installed one fails to load.
 */
export async function loadTensorflow(): Promise<string> {
  for (const [name, value] of Object.entries(settings)) process.env[name] ??= value;
  const failures: string[] = [];
  if (!("isNullOrUndefined" in util)) {
    throw new BackendError(
      `the tensorflow backend is absent: its package calls util.isNullOrUndefined, which Node ${process.version} no longer has; take Node 20 or 22`,
    );
  }
  for (const name of packages) {
    try {
      await import(name);
      return name;
    } catch (cause) {
      failures.push(`${name}: ${firstLine(cause)}`);
    }
  }
  throw new BackendError(
    `expected ${packages.join(" or ")} to be installed and to load (${failures.join("; ")}); ` +
      `run npm install --no-save --ignore-scripts ${packages[0]}, then npm run setup:tensorflow -- --pip`,
  );
}

function firstLine(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  return message.split("\n")[0]?.trim() ?? message;
}
