/** Sizes of a config that must divide each other. */

import { ConfigError } from "../errors.ts";

/**
 * `total` divided by `parts`.
 * @throws ConfigError naming both attributes when it does not come out even
 */
export function perHead(totalName: string, total: number, partsName: string, parts: number): number {
  if (total % parts === 0) return total / parts;
  throw new ConfigError(`expected ${totalName} to be a multiple of ${partsName}, received ${total} and ${parts}`);
}
