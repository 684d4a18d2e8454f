/** Which tokens take the place of removed ones. */

import { OptionError } from "../../errors.ts";
import type { MethodOptions } from "../../method/registry.ts";
import type { ModelFacts } from "../../model/model.ts";
import { partsOfSpeech } from "../../text/partsOfSpeech.ts";
import type { Tokenizer } from "../../text/tokenizer.ts";
import type { LanguageModel } from "./languageModel.ts";

/** The token that comes instead of `id` by a number u in [0, 1), in the vocabulary of the source or the target. */
export type Sampler = (side: "source" | "target", id: number, u: number) => number;

/** Any token that is not special, each as likely. */
export function uniformSampler(facts: ModelFacts, special: ReadonlySet<number>): Sampler {
  const ordinary = (size: number): number[] =>
    Array.from({ length: size }, (_, id) => id).filter((id) => !special.has(id));
  const target = ordinary(facts.vocabSize);
  const source = facts.sourceVocabSize === undefined ? target : ordinary(facts.sourceVocabSize);
  return (side, id, u) => at(side === "source" ? source : target, u) ?? id;
}

/**
 * The sampler that was asked for; undefined for the uniform one, which needs no texts.
 * @throws OptionError when the model has two vocabularies, UnsupportedError without a tagger
 */
export async function chosenSampler(
  { model, tokenizer }: LanguageModel,
  { sampler = "uniform" }: Pick<MethodOptions, "sampler">,
): Promise<Sampler | undefined> {
  if (sampler === "uniform") return undefined;
  if (model.kind === "encoder-decoder" && model.facts.sourceVocabSize !== undefined) {
    throw new OptionError(
      'sampler: "postag" expects one vocabulary for source and target, this model has two; take "uniform"',
    );
  }
  const groups = await groupsOf(tokenizer, Math.min(model.facts.vocabSize, tokenizer.highestId + 1));
  return (_side, id, u) => at(groups.get(id) ?? [], u) ?? id;
}

const at = (ids: readonly number[], u: number): number | undefined => ids[Math.floor(u * ids.length)];

/** Of each tokenizer: to which group every id belongs. Tagging a vocabulary takes seconds. */
const known = new WeakMap<Tokenizer, ReadonlyMap<number, readonly number[]>>();

/** Ordinary ids by part of speech, those that begin a word apart from those that go on with one. */
async function groupsOf(tokenizer: Tokenizer, size: number): Promise<ReadonlyMap<number, readonly number[]>> {
  const found = known.get(tokenizer);
  if (found !== undefined) return found;
  const ids = Array.from({ length: size }, (_, id) => id).filter((id) => !tokenizer.specialIds.has(id));
  const texts = tokenizer.readable(ids.map((id) => tokenizer.idToToken(id)));
  const tags = await partsOfSpeech(texts);
  const groups = new Map<string, number[]>();
  const groupOf = new Map<number, readonly number[]>();
  for (const [i, id] of ids.entries()) {
    const key = `${tags[i]} ${/^\s/.test(texts[i] ?? "")}`;
    const group = groups.get(key) ?? [];
    group.push(id);
    groups.set(key, group);
    groupOf.set(id, group);
  }
  known.set(tokenizer, groupOf);
  return groupOf;
}
