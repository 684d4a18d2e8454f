/** The functions of `nodeBackends.ts` in browsers, where those backends do not exist. */

import { BackendError } from "../errors.ts";

/** @throws BackendError always. */
export async function loadTensorflow(): Promise<string> {
  throw new BackendError("the tensorflow backend needs Node; in a browser use wasm");
}
