/**
 * The `tokenizer.json` of a repository that only has a SentencePiece model, as the converters of transformers 4 make it:
 * T5, Pegasus, XGLM, mBART, mBART-50, NLLB and SeamlessM4T. The models came from fairseq or TensorFlow, so each class has
 * its own first ids, its own tokens behind the pieces, and its own special tokens around a text.
 */

import { FileError } from "../../errors.ts";
import type { Json, JsonObject } from "../../json.ts";
import { asNumber, asOptionalString } from "../json.ts";
import type { SentencePieceFile } from "../sentencePieceFile.ts";
import type { TokenizerConfig } from "../tokenizerConfig.ts";
import { mBart50Languages, mBartLanguages } from "./languageLists.ts";
import { addedPieces, sentencePieceMerges } from "./pieces.ts";

type ScoredPiece = readonly [text: string, score: number];

/** How a class of transformers makes a vocabulary of pieces. */
interface Layout {
  /** Stand in place of the first `replaced` pieces. */
  readonly head: readonly ScoredPiece[];
  readonly replaced: number;
  /** Stand behind the pieces, all special. */
  readonly tail: readonly string[];
  readonly unknown: string;
  /** Special tokens around a text; a language code among them is exchanged later. */
  readonly before: readonly string[];
  readonly after: readonly string[];
  /** Cut at white space before anything else. */
  readonly splitsWords: boolean;
  /** Drop spaces at the end, and make one mark of several in a row. */
  readonly joinsSpaces: boolean;
}

/**
 * @param where names the model's file in errors
 * @throws FileError when the model is no unigram or BPE model, or lacks a piece that its class needs.
 */
export function sentencePieceTokenizerJson(
  file: SentencePieceFile,
  config: TokenizerConfig,
  where: string,
): JsonObject {
  if (file.algorithm !== "unigram" && file.algorithm !== "bpe") {
    throw new FileError(`${where}: expected a unigram or BPE model, received a ${file.algorithm} model`);
  }
  const layout = layoutOf(file, config);
  const pieces = file.pieces.slice(layout.replaced).map((piece) => [piece.text, piece.score] as const);
  const known = new Set([...layout.head, ...pieces].map(([text]) => text));
  const tail = layout.tail.filter((token) => !known.has(token));
  const vocab = [...layout.head, ...pieces, ...tail.map((token) => [token, 0] as const)];
  const ids = new Map(vocab.map(([text], id) => [text, id]));
  const idOf = (token: string): number => {
    const id = ids.get(token);
    if (id !== undefined) return id;
    throw new FileError(`${where}: expected the piece "${token}", which the model lacks; get the file again`);
  };
  const special = (content: string) => ({ id: idOf(content), content, special: true });
  const template = (tokens: readonly string[]) => tokens.map((id) => ({ SpecialToken: { id } }));
  const metaspace = { type: "Metaspace", prepend_scheme: "always", split: true };
  const sections = [...layout.before, ...layout.after];
  return {
    added_tokens: [
      ...layout.head.map(([content]) => special(content)),
      ...addedPieces(file)
        .filter(({ id }) => id >= layout.replaced)
        .map((token) => ({ ...token, id: idOf(token.content) })),
      ...tail.map(special),
    ],
    normalizer: normalizer(file, layout.joinsSpaces),
    pre_tokenizer: layout.splitsWords
      ? { type: "Sequence", pretokenizers: [{ type: "WhitespaceSplit" }, metaspace] }
      : metaspace,
    model:
      file.algorithm === "unigram"
        ? { type: "Unigram", vocab, unk_id: idOf(layout.unknown), byte_fallback: false }
        : {
            type: "BPE",
            vocab: Object.fromEntries(ids),
            merges: sentencePieceMerges({ pieces: file.pieces.slice(layout.replaced) }),
            unk_token: layout.unknown,
            fuse_unk: true,
          },
    post_processor: {
      type: "TemplateProcessing",
      single: [...template(layout.before), { Sequence: { id: "A" } }, ...template(layout.after)],
      special_tokens: Object.fromEntries(sections.map((token) => [token, { ids: [idOf(token)] }])),
    },
    decoder: metaspace,
  };
}

const fairseqHead: readonly ScoredPiece[] = ["<s>", "<pad>", "</s>", "<unk>"].map((token) => [token, 0]);

function layoutOf(file: SentencePieceFile, config: TokenizerConfig): Layout {
  const end = config.named.get("eos") ?? "</s>";
  const fairseq = { head: fairseqHead, replaced: 3, unknown: "<unk>", splitsWords: false, joinsSpaces: true };
  switch (config.className) {
    case "MBartTokenizer":
      return { ...fairseq, tail: [...mBartLanguages, "<mask>"], before: [], after: ["</s>", "en_XX"] };
    case "MBart50Tokenizer":
      return { ...fairseq, tail: [...mBart50Languages, "<mask>"], before: ["en_XX"], after: ["</s>"] };
    // These two list their languages among the special tokens of tokenizer_config.json.
    case "NllbTokenizer":
      return { ...fairseq, tail: [...config.additional, "<mask>"], before: [], after: ["</s>"] };
    case "SeamlessM4TTokenizer": {
      const head: readonly ScoredPiece[] = ["<pad>", "<unk>", "<s>", "</s>"].map((token) => [token, 0]);
      return { ...fairseq, head, tail: config.additional, before: [], after: ["</s>"] };
    }
    case "XGLMTokenizer": {
      const tail = Array.from({ length: 7 }, (_, at) => `<madeupword${at}>`);
      return { ...fairseq, tail, before: ["</s>"], after: [] };
    }
    case "PegasusTokenizer":
      return pegasusLayout(config, end);
    default: {
      const unknown = file.pieces[file.unknownId]?.text ?? "<unk>";
      return {
        head: [],
        replaced: 0,
        tail: sentinelTokens(config),
        unknown,
        before: [],
        after: [end],
        splitsWords: true,
        joinsSpaces: false,
      };
    }
  }
}

/** Pegasus numbers its pieces from 105 on: before them stand two masks and the unused `<unk_2>` … `<unk_102>`. */
function pegasusLayout(config: TokenizerConfig, end: string): Layout {
  const offset = asNumber(config.settings.offset ?? 103, "tokenizer_config.json, offset");
  const settings = config.settings.mask_token_sent;
  const sentenceMask = settings === null ? [] : [asOptionalString(settings, "mask_token_sent") ?? "<mask_1>"];
  const mask = offset > 0 ? [config.named.get("mask") ?? "<mask_2>"] : [];
  const unused = Array.from({ length: Math.max(0, offset - 2) }, (_, at) => `<unk_${at + 2}>`);
  const head: ScoredPiece[] = [config.named.get("pad") ?? "<pad>", end, ...sentenceMask, ...mask].map((token) => [
    token,
    0,
  ]);
  return {
    head: [...head, ...unused.map((token) => [token, -100] as const)],
    replaced: 2,
    tail: [],
    unknown: config.named.get("unk") ?? "<unk>",
    before: [],
    after: [end],
    splitsWords: true,
    joinsSpaces: true,
  };
}

/** The model's own character map comes first. */
function normalizer(file: SentencePieceFile, joinsSpaces: boolean): Json {
  const charsMap = { type: "Precompiled", precompiled_charsmap: toBase64(file.charsMap) };
  const spaces = [
    { type: "Strip", strip_left: false, strip_right: true },
    { type: "Replace", pattern: { Regex: " {2,}" }, content: "▁" },
  ];
  return {
    type: "Sequence",
    normalizers: [...(file.charsMap.length > 0 ? [charsMap] : []), ...(joinsSpaces ? spaces : [])],
  };
}

/** As many sentinels as `extra_ids` says, or as are listed as special tokens, or 100. */
function sentinelTokens(config: TokenizerConfig): string[] {
  const listed = config.additional.filter((token) => token.includes("<extra_id_")).length;
  const count = asNumber(config.settings.extra_ids ?? (listed > 0 ? listed : 100), "tokenizer_config.json, extra_ids");
  return Array.from({ length: count }, (_, at) => `<extra_id_${count - 1 - at}>`);
}

function toBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}
