/**
 * The tokenizer of MarianMT (OPUS-MT): a SentencePiece model for each side cuts the text, `vocab.json` gives the ids.
 *
 * It behaves as transformers' `MarianTokenizer` does without the package sacremoses: punctuation stays as it is written.
 * A language code `>>fra<<` at the start of a text is one token.
 */

import type { FileSource } from "../files.ts";
import { asFlag } from "./json.ts";
import { refuseLanguages } from "./languages.ts";
import { decodeAround, loadPieceSide, type PieceSideFiles, pieceNotation } from "./pieceSide.ts";
import { readableToken } from "./readable.ts";
import { bare, surround } from "./sections.ts";
import type { TextTokenizer } from "./tokenizer.ts";
import type { TokenizerConfig } from "./tokenizerConfig.ts";

/** What a Marian repository has to contain. With `separate_vocabs`, `target_vocab.json` too. */
export const marianFiles = ["source.spm", "target.spm", "vocab.json"] as const;

/** @throws FileError when a file is missing or damaged, or when the vocabulary lacks `<unk>` or `</s>`. */
export async function loadMarianTokenizer(files: FileSource, config: TokenizerConfig): Promise<TextTokenizer> {
  refuseLanguages(config);
  const separate = asFlag(config.settings.separate_vocabs, "tokenizer_config.json, separate_vocabs", false);
  const load = (side: PieceSideFiles) => loadPieceSide(files, config, { ...side, leading: languageCodeLength });
  const source = await load({ pieces: "source.spm", vocabulary: "vocab.json" });
  const target = await load({ pieces: "target.spm", vocabulary: separate ? "target_vocab.json" : "vocab.json" });
  // With separate vocabularies, an id means a token of the target unless the caller says otherwise.
  const main = separate ? target : source;
  const side = (asTarget: boolean | undefined) => (asTarget === undefined ? main : asTarget ? target : source);
  const specialTokens = new Set([...config.named.values(), ...config.additional]);

  return {
    className: config.className,
    vocabSize: source.vocabulary.size,
    highestId: Math.max(source.vocabulary.highestId, target.vocabulary.highestId),
    special: main.vocabulary.special,
    languages: null,
    specialIds: main.vocabulary.specialIds,
    encode(text, { addSpecialTokens = true, asTarget = false } = {}) {
      const { vocabulary, encode } = side(asTarget);
      const { eos } = vocabulary.special;
      const around = addSpecialTokens && eos !== null ? { before: [], after: [eos] } : bare;
      return surround(encode(text), around, vocabulary.idToToken);
    },
    decode(ids, { skipSpecialTokens = false, asTarget } = {}) {
      const { pieces, vocabulary } = side(asTarget);
      const kept = skipSpecialTokens ? ids.filter((id) => !vocabulary.specialIds.has(id)) : ids;
      return decodeAround(
        kept.map((id) => vocabulary.idToToken(id)),
        specialTokens,
        pieces,
        " ",
      );
    },
    idToToken: (id) => main.vocabulary.idToToken(id),
    tokenToId: (token) => main.vocabulary.tokenToId(token),
    readable: (tokens) =>
      tokens.map((token) => (specialTokens.has(token) ? token : readableToken(token, pieceNotation))),
  };
}

/** The length of `>>fra<<` at the start of a text, or 0. */
function languageCodeLength(text: string): number {
  const end = text.startsWith(">>") ? text.indexOf("<<") : -1;
  return end < 0 ? 0 : end + 2;
}
