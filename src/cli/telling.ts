/** What a command tells of its work, when it is asked to. */

import type { AttributeArguments } from "./options.ts";
import type { Screen } from "./screen.ts";

export interface Tell {
  /** With --verbose. */
  readonly little: (text: string) => void;
  /** With --very_verbose. */
  readonly much: (text: string) => void;
}

export function createTell(args: Pick<AttributeArguments, "verbose" | "veryVerbose">, screen: Screen): Tell {
  const say = (told: boolean) => (text: string) => {
    if (told) screen.report(`inseq: ${text}`);
  };
  return { little: say(args.verbose || args.veryVerbose), much: say(args.veryVerbose) };
}

export function secondsSince(start: number): string {
  return `${((performance.now() - start) / 1000).toFixed(2)} s`;
}

/** `1 text`, `2 texts` */
export function count(n: number, word: string): string {
  return `${n} ${word}${n === 1 ? "" : "s"}`;
}
