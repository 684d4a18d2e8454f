/** The aggregators by their ids (Inseq's where Inseq has them), what they do and the options that each of them reads. */

import type { SequenceAttribution } from "../result/attribution.ts";
import type { AggregateFn } from "./functions.ts";
import { aggregatePair, type PairOptions } from "./pair.ts";
import { aggregateScores, type ScoresOptions } from "./scores.ts";
import {
  aggregateCharacters,
  aggregateSegments,
  aggregateTurns,
  type CharactersOptions,
  type DocumentsOptions,
  type SegmentsOptions,
} from "./segments.ts";
import { aggregateSlices, type SlicesOptions } from "./slices.ts";
import { aggregateSpans, type SpansOptions } from "./spans.ts";
import { aggregateSplit, type SplitOptions } from "./split.ts";
import { aggregateSubwords, type SubwordsOptions } from "./subwords.ts";

/** The options of each aggregator. */
export interface StageOptions {
  readonly scores: ScoresOptions;
  readonly spans: SpansOptions;
  readonly subwords: SubwordsOptions;
  readonly split: SplitOptions;
  readonly words: SegmentsOptions;
  readonly sentences: SegmentsOptions;
  readonly paragraphs: SegmentsOptions;
  readonly documents: DocumentsOptions;
  readonly turns: SegmentsOptions;
  readonly characters: CharactersOptions;
  readonly pair: PairOptions;
  readonly slices: SlicesOptions;
}

/** The name of an aggregator. */
export type AggregatorId = keyof StageOptions;

/** Every stage of a pipeline takes those of these options that it has. */
export type PipelineOptions = Partial<
  Omit<
    ScoresOptions &
      SpansOptions &
      SubwordsOptions &
      SplitOptions &
      DocumentsOptions &
      CharactersOptions &
      PairOptions &
      SlicesOptions,
    "aggregateFn"
  >
>;

export interface Aggregator {
  readonly run: (
    sequence: SequenceAttribution,
    options: PipelineOptions & { readonly aggregateFn?: AggregateFn | undefined },
  ) => SequenceAttribution;
  readonly options: readonly (keyof PipelineOptions)[];
  /** What it makes of the scores, and what it is good and bad for: a line each, for `inseq explain` and the tables. */
  readonly formula: string;
  readonly goodFor: string;
  readonly badFor: string;
}

const sides = ["aggregateSource", "aggregateTarget"] as const;
const segments = [...sides, "aggregateGenerated", "vnormOrd"] as const;
const merging = "Tokens merge by the score of largest magnitude (absmax), step scores by rules of their own";

/** All aggregators. */
export const aggregators = {
  scores: {
    run: aggregateScores,
    options: ["selectIdx", "normalize", "rescale", "vnormOrd"],
    formula:
      "one number for the last axis: ‖·‖ over the embedding width, the mean over layers and heads; columns then sum to 1",
    goodFor: "one number for each pair of tokens",
    badFor: "signs and sums, unless told: the default is a norm, and normalised (sum with normalize: false keeps both)",
  },
  spans: {
    run: aggregateSpans,
    options: ["sourceSpans", "targetSpans", "vnormOrd"],
    formula: "one token for each range of tokens",
    goodFor: "groups that only the caller knows, by the positions of their tokens",
    badFor: `sums, unless told. ${merging}`,
  },
  subwords: {
    run: aggregateSubwords,
    options: [...sides, "specialChars", "isSuffixSymbol", "specialTokens", "vnormOrd"],
    formula: "one token for each word as the vocabulary marks words, punctuation with the word before it",
    goodFor: "words apart by spaces, with any tokenizer",
    badFor: "scripts without spaces (words knows them), and vocabularies that mark nothing",
  },
  split: {
    run: aggregateSplit,
    options: ["splitPattern", "splitMode", ...sides, "vnormOrd"],
    formula: "one token for each stretch between matches of a regular expression",
    goodFor: "texts with marks of their own, such as lines",
    badFor: "what stands across tokens: the expression sees the vocabulary's strings, `Ġ` and `▁` included",
  },
  words: {
    run: aggregateSegments("words"),
    options: segments,
    formula: "one token for each word of Unicode's text segmentation (UAX #29), punctuation apart",
    goodFor: "any script, those without spaces too; words without their punctuation",
    badFor: "comparing with Inseq, which has subwords only",
  },
  sentences: {
    run: aggregateSegments("sentences"),
    options: segments,
    formula: "one token for each sentence of Unicode's text segmentation (UAX #29)",
    goodFor: "long prompts: which sentence made the model write this",
    badFor: "texts with abbreviations before capitals (Mr. Smith), which end sentences, too",
  },
  paragraphs: {
    run: aggregateSegments("paragraphs"),
    options: segments,
    formula: "one token for each paragraph, apart by empty lines",
    goodFor: "long prompts",
    badFor: "texts whose paragraphs are lines (take split)",
  },
  documents: {
    run: aggregateSegments("documents"),
    options: [...segments, "documentPattern"],
    formula:
      "one token for each document, from a line such as `[1]`, `Document 1:`, `<document>` or `---` to the next one",
    goodFor: "retrieved documents in a prompt: which of them was used",
    badFor: "prompts with other marks, unless documentPattern names them (or characters their places)",
  },
  turns: {
    run: aggregateTurns,
    options: segments,
    formula: "one token for each message of a conversation, and for what the chat template wrote between them",
    goodFor: "whose words made the model reply this",
    badFor: "texts: only conversations have turns",
  },
  characters: {
    run: aggregateCharacters,
    options: ["sourceCharacters", "targetCharacters", "vnormOrd"],
    formula: "one token for each range of characters of the text",
    goodFor: "annotations of a text, which count characters and know no tokens",
    badFor: "Inseq's own files, which do not say where tokens stand in the text",
  },
  pair: {
    run: aggregatePair,
    options: ["pairedAttr", "pairFn"],
    formula: "other − this, or pairFn(this, other), of two attributions of the same shape",
    goodFor: "what changes between two models, prompts or targets",
    badFor: "normalised scores: a difference of shares is no share",
  },
  slices: {
    run: aggregateSlices,
    options: ["sourceSpans", "targetSpans"],
    formula: "some attributed tokens only, and all generated ones",
    goodFor: "leaving out an instruction or a template",
    badFor: "shares: columns that added up to 1 no longer do",
  },
} as const satisfies Readonly<Record<AggregatorId, Aggregator>>;

/** What each option does, and what it is when left out; a new option without a line does not compile. */
export const aggregationOptionHelp: { readonly [Name in keyof Required<PipelineOptions>]: string } = {
  selectIdx: "which entries of the last axis count: an index, a list or a range; all by default",
  normalize: "divide each column by the sum of its magnitudes; true by default, unless rescale is",
  rescale: "divide everything by the largest magnitude; false by default",
  vnormOrd: "order of the norm for vnorm; 2 by default",
  sourceSpans: "ranges [start, end) of source tokens",
  targetSpans: "ranges [start, end) of target tokens, a prompt's among them",
  aggregateSource: "merge source tokens; true by default",
  aggregateTarget: "merge target tokens, a prompt's among them; true by default",
  aggregateGenerated: "merge the attributed tokens, too; true by default, false keeps a column for each",
  specialChars: "what a token that begins a word starts with; recognised by default",
  isSuffixSymbol: "specialChars mark the tokens that continue a word instead; false by default",
  specialTokens: "tokens that are never merged; recognised by default",
  splitPattern: "the regular expression, required",
  splitMode: "what becomes of matches: single (the default), start or end of a stretch",
  documentPattern: "what documents begin with; the usual marks by default",
  sourceCharacters: "ranges [start, end) of characters of the source text",
  targetCharacters: "ranges of characters of the target text; of a decoder-only model the whole text",
  pairedAttr: "the attribution to compare with, required",
  pairFn: "one number for a score of each; other − this by default",
};

/** The ids of the aggregators. */
export function listAggregators(): AggregatorId[] {
  return Object.keys(aggregators) as AggregatorId[];
}
