/** The functions of `nodeCallers.ts` in browsers, which cannot tell who called once a call has waited for something. */

import type { Callers } from "./callers.ts";

/** No marks: one that were told from others only now and then would be no help. */
export function createCallers(): Callers {
  return { call: (_mark, work) => work(), mark: () => undefined };
}
