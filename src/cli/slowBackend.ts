/** What is said without being asked where `auto` has to do without the kernels that this library is fast by. */

import type { BackendInUse } from "../backend/backend.ts";

/** A line that tells what would make it faster; undefined where a compiled library multiplies. */
export function slowBackendNotice({ name, passedOver }: BackendInUse): string | undefined {
  if (name !== "wasm" && name !== "cpu") return undefined;
  const native = passedOver.find(({ name: faster }) => faster === "native");
  return native && `computing on ${name}, which is many times slower than native: ${native.reason}`;
}
