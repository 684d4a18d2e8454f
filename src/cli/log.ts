/** What a command says of its work on the error stream. */

import type { AttributeArguments } from "./options.ts";
import type { Screen } from "./screen.ts";

export interface Log {
  /** Always. */
  readonly warn: (text: string) => void;
  /** With --verbose. */
  readonly info: (text: string) => void;
  /** With --very_verbose. */
  readonly debug: (text: string) => void;
}

export function createLog(args: Pick<AttributeArguments, "verbose" | "veryVerbose">, screen: Screen): Log {
  const write = (wanted: boolean) => (text: string) => {
    if (wanted) screen.report(`inseq: ${text}`);
  };
  return { warn: write(true), info: write(args.verbose || args.veryVerbose), debug: write(args.veryVerbose) };
}
