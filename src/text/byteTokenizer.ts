/**
 * The tokenizer of ByT5 (Xue et al. 2022, arXiv 2105.13626): every byte of the text's UTF-8 is a token. It needs no file.
 * As in transformers, the token of byte b is the character U+00b with the id b + 3, behind `<pad>`, `</s>` and `<unk>`.
 */

import { addedTokenSplitter } from "./addedTokens.ts";
import { decodeCharacter, decodeLossy, utf8 } from "./bytes.ts";
import { decodeApart } from "./decoder.ts";
import { asNumber } from "./json.ts";
import { refuseLanguages } from "./languages.ts";
import { type AddToken, bare, encodeSections, surround } from "./sections.ts";
import type { TextTokenizer } from "./tokenizer.ts";
import type { TokenizerConfig } from "./tokenizerConfig.ts";
import { characterWidth, origin, type TrackedText } from "./trackedText.ts";
import { createVocabulary } from "./vocabulary.ts";

/** Ids before those of the bytes. */
const OFFSET = 3;

export function createByteTokenizer(config: TokenizerConfig): TextTokenizer {
  refuseLanguages(config);
  const first = (["pad", "eos", "unk"] as const).map((name) => config.named.get(name) ?? `<${name}>`);
  const bytes = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));
  const modelIds = new Map([...first, ...bytes].map((token, id) => [token, id]));
  const sentinels = new Set(config.additional.length > 0 ? config.additional : sentinelTokens(config));
  const vocabulary = createVocabulary(modelIds, [], { ...config, additional: [...sentinels] });
  // The three named tokens take the white space on both sides along.
  const split = addedTokenSplitter(
    vocabulary.added.map((token) => {
      const strips = first.includes(token.content);
      return [token.content, { ...token, leftStrip: strips, rightStrip: strips }];
    }),
  );
  const bytesOf = (token: string) => {
    const id = vocabulary.tokenToId(token) ?? 0;
    return isByte(id) ? [id - OFFSET] : [...utf8(token)];
  };
  const isByte = (id: number) => id >= OFFSET && id < OFFSET + 256;

  const encodeStretch = (stretch: TrackedText, add: AddToken) => {
    for (let at = 0; at < stretch.text.length; ) {
      const next = at + characterWidth(stretch.text, at);
      for (const byte of utf8(stretch.text.slice(at, next))) add(OFFSET + byte, origin(stretch, at, next));
      at = next;
    }
  };
  return {
    className: config.className,
    vocabSize: vocabulary.size,
    highestId: vocabulary.highestId,
    special: vocabulary.special,
    languages: null,
    specialIds: vocabulary.specialIds,
    encode(text, { addSpecialTokens = true } = {}) {
      const tokens = encodeSections(text, split, encodeStretch);
      const { eos } = vocabulary.special;
      // As transformers: an end token that the text names is not doubled.
      const ends = addSpecialTokens && eos !== null && tokens.ids.at(-1) !== eos;
      return surround(tokens, ends ? { before: [], after: [eos] } : bare, vocabulary.idToToken);
    },
    decode(ids, { skipSpecialTokens = false } = {}) {
      const kept = skipSpecialTokens ? ids.filter((id) => !vocabulary.skippedIds.has(id)) : ids;
      const tokens = kept.map((id) => vocabulary.find(id)).filter((token) => token !== undefined);
      // Bytes that are no UTF-8 are left out, as in transformers.
      return decodeApart(tokens, sentinels, (run) => decodeLossy(run.flatMap(bytesOf), ""));
    },
    idToToken: (id) => vocabulary.idToToken(id),
    tokenToId: (token) => vocabulary.tokenToId(token),
    readable: (tokens) =>
      tokens.map((token) => {
        const id = vocabulary.tokenToId(token);
        if (id === undefined || !isByte(id)) return token;
        return decodeCharacter([id - OFFSET]) ?? `⟨${(id - OFFSET).toString(16).toUpperCase().padStart(2, "0")}⟩`;
      }),
  };
}

function sentinelTokens(config: TokenizerConfig): string[] {
  const count = asNumber(config.settings.extra_ids ?? 125, "tokenizer_config.json, extra_ids");
  return Array.from({ length: count }, (_, at) => `<extra_id_${at}>`);
}
