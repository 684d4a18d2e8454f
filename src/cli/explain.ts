/** `inseq explain`: what is known of a name, as lines for a terminal. */

import { explain, listExplained } from "../explain.ts";
import { longName } from "./optionTable.ts";

/** @throws OptionError for a name of nothing, with the nearest one */
export function explained(id: string | undefined, width: number): string {
  if (id === undefined) {
    const groups = Object.entries(listExplained());
    return groups.map(([kind, ids]) => paragraph(`${kind}s`, ids.join(", "), 22, width)).join("");
  }
  const { kind, facts, options } = explain(id);
  const lines = [`${id}, ${/^[aeiou]/.test(kind) ? "an" : "a"} ${kind}\n\n`];
  lines.push(...facts.map(([name, text]) => paragraph(name, text, 15, width)));
  if (options.length > 0) lines.push("\nOptions (in programs, and as the command line writes them)\n");
  for (const { name, help, default: value } of options) {
    const written = longName(name).slice(2);
    const both = written === name ? name : `${name}, ${written}`;
    lines.push(`  ${both}\n`, paragraph("", value === undefined ? help : `${help}. Default: ${value}`, 6, width));
  }
  return lines.join("");
}

/** A text beside its name, wrapped to the width behind it. */
function paragraph(name: string, text: string, indent: number, width: number): string {
  const room = Math.max(20, width - indent);
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= room) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.map((line, i) => `${(i === 0 ? name : "").padEnd(indent)}${line}\n`).join("");
}
