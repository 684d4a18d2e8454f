/** What a model's texts mean to it: its tokenizer, and the ids with a role. */

import { ConfigError, FileError } from "../../errors.ts";
import type { Json, JsonObject } from "../../json.ts";
import type { GenerationOptions } from "../../model/generation/options.ts";
import type { Model } from "../../model/model.ts";
import type { Tokenizer } from "../../text/tokenizer.ts";

/** A model with its tokenizer and the ids with a role: what turns texts into sequences and back. */
export interface LanguageModel {
  readonly model: Model;
  readonly tokenizer: Tokenizer;
  /** BOS of a decoder-only model, decoder start of an encoder-decoder model. */
  readonly start: number | null;
  readonly eos: readonly number[];
  readonly pad: number | null;
}

/**
 * @param config `config.json`
 * @param generation `generation_config.json`, which comes first: it is where models list all their end tokens
 * @throws FileError when the tokenizer has ids that the model has no embedding for; ConfigError for ids that are none
 */
export function createLanguageModel(
  model: Model,
  tokenizer: Tokenizer,
  config: JsonObject,
  generation: GenerationOptions,
): LanguageModel {
  checkVocabulary(model, tokenizer);
  const eos = generation.eosTokenId ?? idList(config.eos_token_id, "eos_token_id");
  const decoderStart =
    generation.decoderStartTokenId ?? idList(config.decoder_start_token_id, "decoder_start_token_id")[0];
  // Some tokenizers (Qwen's) have no BOS of their own where the config names a token to start from.
  const bos = tokenizer.special.bos ?? idList(config.bos_token_id, "bos_token_id")[0] ?? null;
  return {
    model,
    tokenizer,
    start: model.kind === "encoder-decoder" ? (decoderStart ?? null) : bos,
    eos: eos.length > 0 ? eos : tokenizer.special.eos === null ? [] : [tokenizer.special.eos],
    pad: idList(config.pad_token_id, "pad_token_id")[0] ?? tokenizer.special.pad ?? eos[0] ?? tokenizer.special.eos,
  };
}

/**
 * Generation that writes in the target language of the tokenizer: the language's token is what the decoder starts from
 * (mBART), or the first token that it writes (mBART-50, M2M-100, NLLB, SeamlessM4T).
 */
export function inTargetLanguage({ languages }: Tokenizer, generation: GenerationOptions): GenerationOptions {
  const id = languages?.codes.get(languages.target);
  if (languages === null || id === undefined) return generation;
  return languages.startsDecoder ? { ...generation, decoderStartTokenId: id } : { ...generation, forcedBosTokenId: id };
}

/** Special tokens are often added without an embedding (a PAD that is never used); an ordinary token needs one. */
function checkVocabulary({ facts }: Model, tokenizer: Tokenizer): void {
  const { highestId } = tokenizer;
  const size = Math.max(facts.vocabSize, facts.sourceVocabSize ?? 0);
  if (highestId < size) return;
  throw new FileError(
    `tokenizer: expected ids below ${size}, the number of the model's embeddings, received ${highestId} for ` +
      `"${tokenizer.idToToken(highestId)}"; the tokenizer belongs to another model`,
  );
}

function idList(value: Json | undefined, name: string): number[] {
  if (value === undefined || value === null) return [];
  const ids = Array.isArray(value) ? value : [value];
  if (ids.every((id) => typeof id === "number")) return ids as number[];
  throw new ConfigError(
    `config.json: expected ${name} to be an id or a list of ids, received ${JSON.stringify(value)}`,
  );
}
