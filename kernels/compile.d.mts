/** Types of compile.mjs, which is plain JavaScript because it runs before TypeScript does. */

import type { Compiler } from "./build.d.mts";

/** Whether it had to be compiled. */
export function compile(
  compiler: Compiler,
  sources: readonly string[],
  flags: readonly string[],
  output: string,
): Promise<boolean>;
