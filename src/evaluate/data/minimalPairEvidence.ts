/**
 * Which word of a BLiMP prompt decides, for the paradigms in which a rule can tell, as Yin and Neubig (2022, arXiv 2202.10419)
 * choose it: the antecedent of an anaphor, the subject of a verb, the demonstrative before a noun. They take the first two from
 * a parser; BLiMP's prompts begin with their subject, so here it is the first word behind the determiners (of "grocery store"
 * the first word, therefore).
 */

import type { Span } from "../../text/span.ts";

/**
 * Spans of the prompt; undefined for paradigms without a rule.
 * @param paradigm BLiMP's `UID`
 */
export function minimalPairEvidence(paradigm: string, prompt: string): readonly Span[] | undefined {
  const rule = rules.find(({ paradigms }) => paradigms.test(paradigm));
  const span = rule?.find(prompt);
  return span === undefined ? undefined : [span];
}

const rules: readonly { readonly paradigms: RegExp; readonly find: (prompt: string) => Span | undefined }[] = [
  {
    paradigms:
      /^anaphor_(gender|number)_agreement$|^(ir)?regular_plural_subject_verb_agreement_1$|^distractor_agreement_/,
    find: subjectOf,
  },
  // In those with the number 2 it is the demonstrative that differs.
  { paradigms: /^determiner_noun_agreement_.*1$/, find: demonstrativeOf },
];

function subjectOf(prompt: string): Span | undefined {
  const [, determiners = "", head] =
    /^((?:(?:a lot of|the|an?|this|that|these|those|some|most|many|all|every|each|no|few|several|any|both|\S+'s) )*)(\S+)/i.exec(
      prompt,
    ) ?? [];
  return head === undefined ? undefined : [determiners.length, determiners.length + head.length];
}

function demonstrativeOf(prompt: string): Span | undefined {
  const last = [...prompt.matchAll(/\b(?:this|that|these|those)\b/gi)].at(-1);
  return last === undefined ? undefined : [last.index, last.index + last[0].length];
}
