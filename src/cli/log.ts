/** What a command says of its work on the error stream, when it is asked to. */

import type { AttributeArguments } from "./options.ts";
import type { Screen } from "./screen.ts";

export interface Log {
  /** With --verbose. */
  readonly info: (text: string) => void;
  /** With --very_verbose. */
  readonly debug: (text: string) => void;
}

export function createLog(args: Pick<AttributeArguments, "verbose" | "veryVerbose">, screen: Screen): Log {
  const write = (wanted: boolean) => (text: string) => {
    if (wanted) screen.report(`inseq: ${text}`);
  };
  return { info: write(args.verbose || args.veryVerbose), debug: write(args.veryVerbose) };
}
