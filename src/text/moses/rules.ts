/** Substitutions by regular expression on a text that keeps its origins: what a group holds keeps them, the rest is new. */

import { type Edit, rewrite, type TrackedText } from "../trackedText.ts";

export interface Rule {
  /** With the flags `d`, `g` and `u`. */
  readonly pattern: RegExp;
  /** Text and groups (`$1`), in the order of the text. */
  readonly replacement: readonly (string | number)[];
}

/** `rule(/(\d) %/, "$1%")` */
export function rule(pattern: RegExp, replacement: string): Rule {
  const parts = replacement.split(/(\$\d)/).filter((part) => part.length > 0);
  return {
    pattern: new RegExp(pattern.source, "dgu"),
    replacement: parts.map((part) => (/^\$\d$/.test(part) ? Number(part[1]) : part)),
  };
}

/** The rules one after another, each at all its matches from the left. */
export function applyRules(text: TrackedText, rules: readonly Rule[]): TrackedText {
  return rules.reduce((current, { pattern, replacement }) => {
    const edits: Edit[] = [];
    for (const match of current.text.matchAll(pattern)) {
      let start = match.index;
      let content = "";
      const replaceUntil = (end: number) => {
        if (content !== current.text.slice(start, end)) edits.push({ start, end, content });
        content = "";
      };
      for (const part of replacement) {
        const group = typeof part === "number" ? match.indices?.[part] : undefined;
        if (group === undefined) {
          content += part;
          continue;
        }
        replaceUntil(group[0]);
        start = group[1];
      }
      replaceUntil(match.index + match[0].length);
    }
    return rewrite(current, edits);
  }, text);
}
