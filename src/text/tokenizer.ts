/**
 * What the rest of the library needs of a tokenizer. `loadTokenizer` makes one from the files of a model's folder.
 *
 * Ids and token strings are those of the Hugging Face tokenizer of the same files. Unlike it, every token knows the
 * characters of the text it came from, which word-level aggregation and ground-truth checks need.
 */

import type { ApplyChatTemplate } from "./chat.ts";
import type { Span } from "./span.ts";

/** The tokens of a text. */
export interface Encoding {
  readonly ids: readonly number[];
  /** The vocabulary's own strings, for instance `▁the` or `Ġthe`. */
  readonly tokens: readonly string[];
  /**
   * Characters of the text behind each token, without white space at the ends unless there is nothing else; null for
   * special tokens added around the text. A token that stands for nothing in it (the `▁` put before a text, alone) has
   * an empty span. Tokens that share a character (its bytes) share its span. Neither starts nor ends ever decrease.
   */
  readonly spans: readonly (Span | null)[];
}

export interface EncodeOptions {
  /** Add what the tokenizer adds around a text (`</s>`, `<s>`, ...). */
  readonly addSpecialTokens?: boolean;
  /** Encode as a target text: with the target side of a tokenizer that has two (MarianMT), marked with the target language. */
  readonly asTarget?: boolean;
}

export interface SpecialTokens {
  readonly bos: number | null;
  readonly eos: number | null;
  readonly unk: number | null;
  readonly pad: number | null;
  readonly sep: number | null;
  readonly cls: number | null;
  readonly mask: number | null;
}

/** The languages of a multilingual translation model, and their tokens. */
export interface TokenizerLanguages {
  /** Codes in use: a source text is marked with the one, a target text with the other. */
  readonly source: string;
  readonly target: string;
  /** Every code, with the id of its token. */
  readonly codes: ReadonlyMap<string, number>;
  /** Whether the target's token is what the decoder starts from (mBART); otherwise it is the first token it writes. */
  readonly startsDecoder: boolean;
}

/** A tokenizer, with the chat template of its model. */
export interface Tokenizer extends TextTokenizer {
  /**
   * The text of a conversation by the model's chat template, with the characters of every message in it. Its special tokens
   * are those that the template writes: encode it without adding others.
   * @throws OptionError when there is no template, or it does not accept the messages; FileError for one that is damaged
   */
  readonly applyChatTemplate: ApplyChatTemplate;
}

/** A tokenizer but for conversations. */
export interface TextTokenizer {
  /** The class that Python's transformers would use, for instance `MarianTokenizer`; goes into the result's info. */
  readonly className: string;
  /** Number of tokens, with the added ones. With two vocabularies (MarianMT), of the source. */
  readonly vocabSize: number;
  /** Of the tokens that are not special. */
  readonly highestId: number;
  readonly special: SpecialTokens;
  /** Null for a tokenizer that does not mark languages. */
  readonly languages: TokenizerLanguages | null;
  /** All special ids, named and additional ones. */
  readonly specialIds: ReadonlySet<number>;
  encode(text: string, options?: EncodeOptions): Encoding;
  /**
   * The text of `ids`, without any clean-up of spaces. Ids outside the vocabulary are left out. `asTarget` matters only
   * where the two sides differ: without it, ids of separate vocabularies are taken for the target's, as in transformers.
   */
  decode(
    ids: readonly number[],
    options?: { readonly skipSpecialTokens?: boolean; readonly asTarget?: boolean },
  ): string;
  /** The vocabulary string of an id; an id outside the vocabulary gives the unknown token. */
  idToToken(id: number): string;
  tokenToId(token: string): number | undefined;
  /**
   * The tokens as a person reads them: byte-level tokens as characters, `▁` and `Ġ` as spaces, bytes that only together
   * form a character as `⟨E2⟩`. Same length as `tokens`.
   */
  readable(tokens: readonly string[]): string[];
}
