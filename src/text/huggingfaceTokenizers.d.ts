/**
 * The part of `@huggingface/tokenizers` that we use. Its own declarations leave out file extensions, so that TypeScript
 * finds none of them under `"module": "nodenext"`.
 */

import type {} from "@huggingface/tokenizers";

declare module "@huggingface/tokenizers" {
  export class SplitPreTokenizer {
    constructor(config: {
      readonly type: "Split";
      readonly pattern: { readonly Regex: string };
      readonly behavior: "Isolated";
      readonly invert: false;
    });
    /** The pattern in JavaScript's language, with the flags `g` and `u`. */
    readonly pattern: RegExp | null;
  }
}
