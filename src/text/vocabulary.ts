/** Tokens and their ids, in both directions, and which of them are special. */

import { type AddedToken, plainSpecialToken } from "./addedTokens.ts";
import type { SpecialTokens } from "./tokenizer.ts";
import type { TokenizerConfig } from "./tokenizerConfig.ts";

export interface Vocabulary {
  readonly size: number;
  /** Of the tokens that are not special. */
  readonly highestId: number;
  readonly added: readonly AddedToken[];
  readonly special: SpecialTokens;
  readonly specialIds: ReadonlySet<number>;
  /** Ids that `decode` leaves out when asked to skip special tokens. */
  readonly skippedIds: ReadonlySet<number>;
  tokenToId(token: string): number | undefined;
  /** The token of an id, or the unknown token, or, where there is none, an empty string. */
  idToToken(id: number): string;
  /** The token of an id, or undefined. */
  find(id: number): string | undefined;
}

/**
 * The vocabulary of a model with its added tokens. A special token that is only named becomes an added token; when the
 * vocabulary lacks it, it gets the next free id, as in transformers.
 */
export function createVocabulary(
  modelIds: ReadonlyMap<string, number>,
  declared: readonly AddedToken[],
  config: TokenizerConfig,
): Vocabulary {
  const tokenIds = new Map(modelIds);
  const added = new Map<string, AddedToken>();
  const add = (token: AddedToken) => {
    if (token.content.length === 0 || added.has(token.content)) return;
    added.set(token.content, token);
    tokenIds.set(token.content, token.id);
  };
  declared.forEach(add);
  config.added.forEach(add);
  const names = [...config.named.values(), ...config.additional];
  for (const content of names) add(plainSpecialToken(tokenIds.get(content) ?? nextId(tokenIds), content));

  const tokens = new Map(Array.from(tokenIds, ([token, id]) => [id, token]));
  for (const token of added.values()) tokens.set(token.id, token.content);
  const idOf = (name: keyof SpecialTokens) => tokenIds.get(config.named.get(name) ?? "") ?? null;
  const special: SpecialTokens = {
    bos: idOf("bos"),
    eos: idOf("eos"),
    unk: idOf("unk"),
    pad: idOf("pad"),
    sep: idOf("sep"),
    cls: idOf("cls"),
    mask: idOf("mask"),
  };
  const unknown = config.named.get("unk") ?? "";
  const specialIds = new Set(names.map((content) => tokenIds.get(content)).filter((id) => id !== undefined));
  const flagged = Array.from(added.values()).filter((token) => token.special);
  const skippedIds = new Set([...specialIds, ...flagged.map((token) => token.id)]);
  let highestId = -1;
  for (const id of tokens.keys()) if (id > highestId && !skippedIds.has(id)) highestId = id;
  return {
    size: tokens.size,
    highestId,
    added: [...added.values()],
    special,
    specialIds,
    skippedIds,
    tokenToId: (token) => tokenIds.get(token),
    idToToken: (id) => tokens.get(id) ?? unknown,
    find: (id) => tokens.get(id),
  };
}

function nextId(tokenIds: ReadonlyMap<string, number>): number {
  let highest = -1;
  for (const id of tokenIds.values()) highest = Math.max(highest, id);
  return highest + 1;
}
