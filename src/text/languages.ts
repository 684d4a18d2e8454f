/**
 * Language codes of multilingual translation models: one special token says which language a text is in.
 *
 * Where the code stands is a matter of the tokenizer's class in transformers (Liu et al. 2020, arXiv 2001.08210 for mBART;
 * Tang et al. 2020, arXiv 2008.00401 for mBART-50; Fan et al. 2020, arXiv 2010.11125 for M2M-100; NLLB team 2022, arXiv
 * 2207.04672; Seamless Communication 2023, arXiv 2308.11596). Of a class that is not listed, the template of
 * `tokenizer.json` says it: another code takes the place of the one that stands there.
 */

import { OptionError } from "../errors.ts";
import { knownName } from "../names.ts";
import { mBart50Languages, mBartLanguages } from "./conversion/languageLists.ts";
import { asFlag, asOptionalString } from "./json.ts";
import type { SurroundingIds } from "./postProcessor.ts";
import type { TokenizerLanguages } from "./tokenizer.ts";
import type { TokenizerConfig } from "./tokenizerConfig.ts";

/** Special tokens around a text on each side, and the languages they speak of. */
export interface Surroundings {
  readonly source: SurroundingIds;
  readonly target: SurroundingIds;
  readonly languages: TokenizerLanguages | null;
}

interface Rule {
  /** The source's language when nothing says another. */
  readonly source: string;
  /** The target's; without it, the source's. */
  readonly target?: string;
  readonly startsDecoder?: boolean;
  surround(code: number, end: readonly number[], asTarget: boolean): SurroundingIds;
}

const codeFirst: Rule["surround"] = (code, end) => ({ before: [code], after: end });
const codeLast: Rule["surround"] = (code, end) => ({ before: [], after: [...end, code] });

function ruleOf(config: TokenizerConfig): Rule | undefined {
  switch (config.className) {
    case "MBartTokenizer":
      return { source: "en_XX", startsDecoder: true, surround: codeLast };
    case "MBart50Tokenizer":
      return { source: "en_XX", surround: codeFirst };
    case "M2M100Tokenizer":
      return { source: "en", surround: codeFirst };
    case "NllbTokenizer": {
      const legacy = asFlag(config.settings.legacy_behaviour, "tokenizer_config.json, legacy_behaviour", false);
      return { source: "eng_Latn", surround: legacy ? codeLast : codeFirst };
    }
    case "SeamlessM4TTokenizer":
      return {
        source: "eng",
        target: "fra",
        surround: (code, end, asTarget) => ({ before: asTarget ? [...end, code] : [code], after: end }),
      };
    default:
      return undefined;
  }
}

/**
 * What stands around texts in the languages that `src_lang` and `tgt_lang` of the tokenizer's settings name.
 * @param template what would stand there without languages
 * @param codes language code → id of its token
 * @param end id of the end token
 * @throws OptionError for a language that the tokenizer does not have, naming the nearest, or when it has none at all.
 */
export function surroundLanguages(
  template: SurroundingIds,
  config: TokenizerConfig,
  codes: ReadonlyMap<string, number>,
  end: number | null,
): Surroundings {
  const rule = ruleOf(config) ?? ruleOfTemplate(template, codes);
  if (rule === undefined || codes.size === 0) {
    refuseLanguages(config);
    return { source: template, target: template, languages: null };
  }
  const known = [...codes.keys()];
  const named = (setting: string) => asOptionalString(config.settings[setting], setting);
  const source = knownName("source language", bareCode(named("src_lang") ?? rule.source), known);
  const target = knownName("target language", bareCode(named("tgt_lang") ?? rule.target ?? source), known);
  const around = (code: string, asTarget: boolean) =>
    rule.surround(codes.get(code) as number, end === null ? [] : [end], asTarget);
  return {
    source: around(source, false),
    target: around(target, true),
    languages: { source, target, codes, startsDecoder: rule.startsDecoder ?? false },
  };
}

/** Language codes that a class makes special tokens of when its vocabulary has them, though no file may say so. */
export function languagesOfClass({ className }: TokenizerConfig): readonly string[] {
  if (className === "MBartTokenizer") return mBartLanguages;
  return className === "MBart50Tokenizer" ? mBart50Languages : [];
}

/** @throws OptionError when the user asked for a language of a tokenizer that has none. */
export function refuseLanguages(config: TokenizerConfig): void {
  const asked = ["src_lang", "tgt_lang"].find((name) => config.asked.has(name));
  if (asked === undefined) return;
  const marian = config.className === "MarianTokenizer";
  throw new OptionError(
    `${asked}: expected a tokenizer with language codes, but ${config.className} has none (received ` +
      `"${config.settings[asked]}"); leave it out${marian ? ", and begin texts with a code of the model such as >>fra<<" : ""}`,
  );
}

/** `en_XX`, `eng_Latn`, `__en__`: the tokens that look like language codes, under the code alone. */
export function languageCodes(
  tokens: Iterable<string>,
  tokenToId: (token: string) => number | undefined,
): Map<string, number> {
  const codes = new Map<string, number>();
  for (const token of tokens) {
    const id = tokenToId(token);
    if (id !== undefined && LANGUAGE_TOKEN.test(token)) codes.set(bareCode(token), id);
  }
  return codes;
}

const LANGUAGE_TOKEN = /^(?:[a-z]{2}_[A-Z]{2}|[a-z]{3}_[A-Z][a-z]{3}|__[a-z]{2,3}(?:_[A-Z][a-z]{3})?__)$/;

function bareCode(code: string): string {
  return /^__(.+)__$/.exec(code)?.[1] ?? code;
}

/** A template with a code in it is a rule: that code is the default, and others take its place. */
function ruleOfTemplate(template: SurroundingIds, codes: ReadonlyMap<string, number>): Rule | undefined {
  const inTemplate = [...codes].find(([, id]) => template.before.includes(id) || template.after.includes(id));
  if (inTemplate === undefined) return undefined;
  const [source, own] = inTemplate;
  const exchange = (ids: readonly number[], code: number) => ids.map((id) => (id === own ? code : id));
  return {
    source,
    surround: (code) => ({ before: exchange(template.before, code), after: exchange(template.after, code) }),
  };
}
