/**
 * Baselines: what stands for "no information" at each position of a text.
 *
 * By Inseq's rule every token becomes UNK (without one PAD, without one EOS); other tokens, embeddings or a whole text can
 * take its place. Whatever is chosen, EOS stays itself unless `includeEos` says otherwise, and so gets a score of zero.
 */

import { ConfigError, OptionError } from "../../errors.ts";
import { knownName } from "../../names.ts";
import type { Random } from "../../random.ts";

export const baselineNames = ["inseq", "unk", "pad", "mask", "zero", "origin", "mean", "random"] as const;
/** The baselines that have names. */
export type BaselineName = (typeof baselineNames)[number];

/**
 * Inseq's rule; a special token; the zero vector; the zero vector for every token, also where baselines leave a token as it is
 * (`origin`: so a difference to the baseline is the embedding itself); the mean of all embeddings; tokens drawn from the vocabulary; the token
 * of an id; or a text, whose tokens take the places of the ordinary ones from the left: a longer text is cut, behind the end
 * of a shorter one Inseq's rule holds. Of an encoder-decoder model a text stands for the source; the target's baseline then
 * follows Inseq's rule.
 */
export type BaselineChoice = BaselineName | number | { readonly text: string };

/** What stands at one position: the embedding of an id, zeros, or the mean of all embeddings. */
export type BaselineEntry = number | "zero" | "mean";

export interface BaselineTokens {
  readonly unk: number | null;
  readonly pad: number | null;
  readonly mask: number | null;
  readonly eos: readonly number[];
  /** All special ids; they are never drawn, and a text does not replace them. */
  readonly special: ReadonlySet<number>;
  readonly vocabSize: number;
}

export interface BaselineRequest {
  readonly tokens: BaselineTokens;
  readonly includeEos: boolean;
  /** Ids of a text, without special tokens; undefined where a text does not apply. */
  readonly encode?: ((text: string) => readonly number[]) | undefined;
  readonly random: Random;
}

/**
 * The baseline of a text with these ids.
 * @throws OptionError when the choice is unknown, or names a token that the tokenizer does not have
 * @throws ConfigError when Inseq's rule finds none of UNK, PAD and EOS
 */
export function baselineEntries(
  choice: BaselineChoice,
  ids: readonly number[],
  request: BaselineRequest,
): BaselineEntry[] {
  if (choice === "origin") return ids.map(() => "zero");
  const entries = replacements(choice, ids, request);
  const { eos } = request.tokens;
  return ids.map((id, i) => (!request.includeEos && eos.includes(id) ? id : (entries[i] ?? id)));
}

function replacements(
  choice: BaselineChoice,
  ids: readonly number[],
  request: BaselineRequest,
): readonly BaselineEntry[] {
  const { tokens, random } = request;
  const everywhere = (entry: BaselineEntry): BaselineEntry[] => ids.map(() => entry);
  if (typeof choice === "number") return everywhere(checkedId(choice, tokens.vocabSize));
  if (typeof choice === "object") return textEntries(choice.text, ids, request);
  const name = knownName("baseline", choice, baselineNames);
  switch (name) {
    case "inseq":
      return everywhere(byInseqsRule(tokens));
    case "unk":
    case "pad":
    case "mask":
      return everywhere(specialToken(name, tokens));
    case "zero":
    case "mean":
      return everywhere(name);
    case "origin":
      return everywhere("zero");
    case "random":
      return ids.map(() => drawn(tokens, random));
    default:
      throw name satisfies never;
  }
}

function byInseqsRule({ unk, pad, eos }: BaselineTokens): number {
  const id = unk ?? pad ?? eos[0];
  if (id !== undefined) return id;
  throw new ConfigError("baseline: expected the tokenizer to have an unknown, padding or end token, found none");
}

function specialToken(name: "unk" | "pad" | "mask", tokens: BaselineTokens): number {
  const id = tokens[name];
  if (id !== null) return id;
  const present = (["unk", "pad", "mask"] as const).filter((other) => tokens[other] !== null);
  throw new OptionError(
    `baseline: expected a tokenizer with a token for "${name}", this one has ${present.join(", ") || "none of them"}; ` +
      'take "zero", "mean" or a token id',
  );
}

function checkedId(id: number, vocabSize: number): number {
  if (Number.isInteger(id) && id >= 0 && id < vocabSize) return id;
  throw new OptionError(`baseline: expected a token id from 0 to ${vocabSize - 1}, received ${id}`);
}

function drawn({ special, vocabSize }: BaselineTokens, random: Random): number {
  if (special.size >= vocabSize) throw new ConfigError("baseline: every token of the vocabulary is special");
  for (;;) {
    const id = random.below(vocabSize);
    if (!special.has(id)) return id;
  }
}

function textEntries(text: string, ids: readonly number[], { tokens, encode }: BaselineRequest): BaselineEntry[] {
  const filler = byInseqsRule(tokens);
  if (encode === undefined) return ids.map(() => filler);
  const others = [...encode(text)];
  return ids.map((id) => (tokens.special.has(id) ? id : (others.shift() ?? filler)));
}
