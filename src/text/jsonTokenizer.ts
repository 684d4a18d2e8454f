/**
 * The tokenizer that a `tokenizer.json` describes: added tokens, normalizer, pre-tokenizer, model, post-processor, decoder,
 * in the order and with the meaning of the Rust library `tokenizers`.
 *
 * The text is carried as `TrackedText` through all of it, so the characters behind each token are known by construction.
 */

import { isJsonObject, type Json, type JsonObject } from "../json.ts";
import { addedTokenSplitter, readAddedToken } from "./addedTokens.ts";
import { createDecoder } from "./decoder.ts";
import { asArray, asFlag, asObject, isArray } from "./json.ts";
import { languageCodes, languagesOfClass, surroundLanguages } from "./languages.ts";
import { createNormalizer } from "./normalizer.ts";
import { readPostProcessor, type SurroundingIds } from "./postProcessor.ts";
import { createPreTokenizer } from "./preTokenizer.ts";
import { type Notation, readableToken } from "./readable.ts";
import { type AddToken, bare, encodeSections, surround } from "./sections.ts";
import { createSubwordModel } from "./subwordModel.ts";
import type { TextTokenizer } from "./tokenizer.ts";
import type { TokenizerConfig } from "./tokenizerConfig.ts";
import { origin, slice, type TrackedText, track } from "./trackedText.ts";
import { createVocabulary, type Vocabulary } from "./vocabulary.ts";

/**
 * @throws FileError when `json` contradicts itself, UnsupportedError naming a component that is not known.
 */
export function createJsonTokenizer(json: JsonObject, config: TokenizerConfig): TextTokenizer {
  const model = createSubwordModel(asObject(json.model, "tokenizer.json, model"));
  const normalize = createNormalizer(json.normalizer);
  const preTokenize = createPreTokenizer(withPrefixSpace(json.pre_tokenizer, config));
  const decodeTokens = createDecoder(json.decoder);
  const declared = asArray(json.added_tokens ?? [], "tokenizer.json, added_tokens");
  const vocabulary = createVocabulary(
    model.tokenIds,
    declared.map((token, at) => readAddedToken(token, `tokenizer.json, added_tokens[${at}]`)),
    {
      ...config,
      additional: [...config.additional, ...languagesOfClass(config).filter((code) => model.tokenIds.has(code))],
    },
  );
  const surroundings = surroundLanguages(
    surroundingIds(json.post_processor, config, vocabulary),
    config,
    languageCodes(
      vocabulary.added.map((token) => token.content),
      vocabulary.tokenToId,
    ),
    vocabulary.special.eos,
  );
  const normalizes = json.normalizer !== null && json.normalizer !== undefined;
  const [afterNormalizing, asWritten] = partition(vocabulary.added, (token) => token.normalized && normalizes);
  const splitWritten = addedTokenSplitter(asWritten.map((token) => [token.content, token]));
  const splitNormalized = addedTokenSplitter(
    afterNormalizing.map((token) => [normalize(track(token.content)).text, token]),
  );
  const notation = readNotation(json, model);

  const encodeStretch = (stretch: TrackedText, add: AddToken) => {
    const normalized = normalize(stretch);
    for (const part of splitNormalized(normalized.text)) {
      if (part.token !== undefined) {
        add(part.token.id, origin(normalized, part.start, part.end));
        continue;
      }
      for (const piece of preTokenize(slice(normalized, part.start, part.end))) {
        if (piece.text.length === 0) continue;
        for (const { id, start, end } of model.segment(piece.text)) add(id, origin(piece, start, end));
      }
    }
  };

  const addedContents = new Set(vocabulary.added.map((token) => token.content));
  return {
    className: config.className,
    vocabSize: vocabulary.size,
    highestId: vocabulary.highestId,
    special: vocabulary.special,
    languages: surroundings.languages,
    specialIds: vocabulary.specialIds,
    encode(text, { addSpecialTokens = true, asTarget = false } = {}) {
      const around = asTarget ? surroundings.target : surroundings.source;
      const tokens = encodeSections(text, splitWritten, encodeStretch);
      return surround(tokens, addSpecialTokens ? around : bare, vocabulary.idToToken);
    },
    decode(ids, { skipSpecialTokens = false } = {}) {
      const kept = skipSpecialTokens ? ids.filter((id) => !vocabulary.skippedIds.has(id)) : ids;
      return decodeTokens(kept.map((id) => vocabulary.find(id)).filter((token) => token !== undefined)).join("");
    },
    idToToken: (id) => vocabulary.idToToken(id),
    tokenToId: (token) => vocabulary.tokenToId(token),
    readable: (tokens) => tokens.map((token) => (addedContents.has(token) ? token : readableToken(token, notation))),
  };
}

/** `add_prefix_space` of the settings counts instead of that of a pre-tokenizer that has one, as in transformers. */
function withPrefixSpace(preTokenizer: Json | undefined, { settings }: TokenizerConfig): Json | undefined {
  const { add_prefix_space: prefix = null } = settings;
  if (prefix === null || !isJsonObject(preTokenizer) || preTokenizer.add_prefix_space === undefined)
    return preTokenizer;
  return { ...preTokenizer, add_prefix_space: asFlag(prefix, "add_prefix_space", false) };
}

/** `add_bos_token` and `add_eos_token` of `tokenizer_config.json` replace the template of `tokenizer.json`. */
function surroundingIds(
  postProcessor: Json | undefined,
  config: TokenizerConfig,
  vocabulary: Vocabulary,
): SurroundingIds {
  if (config.surround === undefined) return readPostProcessor(postProcessor);
  const { bos, eos } = vocabulary.special;
  return {
    before: config.surround.bos && bos !== null ? [bos] : [],
    after: config.surround.eos && eos !== null ? [eos] : [],
  };
}

function readNotation(
  json: JsonObject,
  model: { readonly continuingPrefix: string; readonly endOfWordSuffix: string },
): Notation {
  const types = componentTypes(json.decoder);
  return {
    byteLevel: types.has("ByteLevel"),
    metaspace: types.has("Metaspace") || types.has("Replace"),
    byteFallback: types.has("ByteFallback"),
    continuingPrefix: model.continuingPrefix,
    endOfWordSuffix: model.endOfWordSuffix,
  };
}

/** The types of a component and of all inside it. */
function componentTypes(value: Json | undefined): Set<string> {
  if (!isJsonObject(value)) return new Set();
  const inner = Object.values(value).flatMap((part) =>
    isArray(part) ? part.flatMap((one) => [...componentTypes(one)]) : [],
  );
  return new Set(typeof value.type === "string" ? [value.type, ...inner] : inner);
}

function partition<Item>(items: readonly Item[], isFirst: (item: Item) => boolean): [Item[], Item[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))];
}
