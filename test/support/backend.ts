/** Tests compute on TensorFlow.js's own backend in plain JavaScript: it is everywhere, and slow only for large models. */

import { findBackend, setBackend } from "../../src/tensor.ts";

/** Selects the backend without the advice that it prints at its first use. */
export async function useCpu(): Promise<void> {
  (findBackend("cpu") as { firstUse: boolean }).firstUse = false;
  await setBackend("cpu");
}
