/** Who called, for Node. `browserCallers.ts` has the same functions for browsers. */

import { AsyncLocalStorage } from "node:async_hooks";
import type { Callers } from "./callers.ts";

/** Marks that follow every call, whatever it waits for. */
export function createCallers(): Callers {
  const storage = new AsyncLocalStorage<object>();
  return { call: (mark, work) => storage.run(mark, work), mark: () => storage.getStore() };
}
