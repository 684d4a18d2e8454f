/** Moses' normalisation of punctuation (Koehn et al. 2007), as FSMT's models were trained with: all quotes and dashes plain. */

import type { TrackedText } from "../trackedText.ts";
import { applyRules, type Rule, rule } from "./rules.ts";

/** The text with plain punctuation and without control characters. */
export function normalizePunctuation(text: TrackedText, language: string): TrackedText {
  return applyRules(text, [...wide, ...spaces, ...quotes, ...hardSpaces, ...quotesByLanguage(language), ...invisible]);
}

/** Full-width and East Asian punctuation and digits. */
const wide: readonly Rule[] = [
  ...pairs('，, 、, ”" “" ∶: ：: ？? 《" 》" ）) ！! （( ；; 」" 「" ～~ ’\' ━- 〈< 〉> 【[ 】] ％%'),
  ...Array.from("０１２３４５６７８９", (digit, value) => rule(literal(digit), String(value))),
  rule(/[。．]\s*/u, ". "),
  rule(/…/u, "..."),
];

const oneSpace = rule(/ +/u, " ");

/** Spaces stand outside of brackets, and not before signs that close. */
const spaces: readonly Rule[] = [
  rule(/\r/u, ""),
  rule(/\(/u, " ("),
  rule(/\)/u, ") "),
  oneSpace,
  rule(/(\)) ([.!:?;,])/u, "$1$2"),
  rule(/(\() /u, "$1"),
  rule(/ (\))/u, "$1"),
  rule(/(\d) (%)/u, "$1$2"),
  rule(/ ([:;])/u, "$1"),
];

const quotes: readonly Rule[] = [
  rule(/`/u, "'"),
  rule(/''/u, ' " '),
  rule(/[„“”]/u, '"'),
  rule(/–/u, "-"),
  rule(/—/u, " - "),
  oneSpace,
  rule(/´/u, "'"),
  rule(/[‘‚’]/u, "'"),
  rule(/''/u, '"'),
  rule(/…/u, "..."),
  rule(/\u00A0[«»]\u00A0|«\u00A0|\u00A0»|[«»]/u, '"'),
];

const hardSpaces: readonly Rule[] = [
  rule(/\u00A0([%:?!;])/u, "$1"),
  rule(/(nº)\u00A0/u, "$1 "),
  rule(/\u00A0(ºC|cm)/u, " $1"),
  rule(/(,)\u00A0/u, "$1 "),
  oneSpace,
];

/** Which of a quote and a full stop or comma comes first, and what groups digits. */
function quotesByLanguage(language: string): Rule[] {
  const continental = ["de", "es", "fr"].includes(language);
  const order = continental
    ? [rule(/,"/u, '",'), rule(/(\.+)"(\s*[^<])/u, '"$1$2')]
    : language === "en"
      ? [rule(/"([,.]+)/u, '$1"')]
      : [];
  const decimalComma = continental || ["cz", "cs"].includes(language);
  return [...order, rule(/(\d)\u00A0(\d)/u, decimalComma ? "$1,$2" : "$1.$2")];
}

const invisible: readonly Rule[] = [rule(/\p{C}+/u, "")];

/** `"，, 、,"`: a character and what takes its place. */
function pairs(list: string): Rule[] {
  return list.split(" ").map((pair) => rule(literal(pair.slice(0, 1)), pair.slice(1)));
}

function literal(character: string): RegExp {
  return new RegExp(`[${character}]`, "u");
}
