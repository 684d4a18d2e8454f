/**
 * The result of an attribution as its users hold it: the plain data of `src/result/attribution.ts` with what one
 * does with it. Objects never change; every method that Inseq lets change its object returns a new one here.
 */

import { type AggregateOptions, aggregate } from "./aggregate/aggregate.ts";
import { chatSpans, type MessageTokens } from "./aggregate/chat.ts";
import { subtract } from "./aggregate/pair.ts";
import { type ScoresDicts, scoresDicts } from "./aggregate/scoresDicts.ts";
import { slice } from "./aggregate/slices.ts";
import { weightAttributions } from "./aggregate/weight.ts";
import { FileError, OptionError } from "./errors.ts";
import { fileExists, readBytes, writeFileAtomically } from "./platform/node.ts";
import { type HtmlOptions, renderHtml } from "./render/html.ts";
import { show } from "./render/show.ts";
import { renderSvg, type SvgOptions } from "./render/svg.ts";
import type { TerminalOptions } from "./render/terminal.ts";
import type {
  AggregationRecord,
  Attribution,
  AttributionInfo,
  Completeness,
  Scores,
  SequenceAttribution,
  SequenceKind,
  StepAttribution,
  Token,
} from "./result/attribution.ts";
import { attributionsEqual, sequenceAttributionsEqual } from "./result/equal.ts";
import { gunzip, gzip } from "./result/gzip.ts";
import { mergeAttributions as merge, splitAttribution } from "./result/merge.ts";
import { fromInseqJson } from "./result/readInseqJson.ts";
import { type InseqJsonOptions, toInseqJson } from "./result/writeInseqJson.ts";
import type { ChatSpan } from "./text/chat.ts";
import type { Tokenizer } from "./text/tokenizer.ts";

/** How a result is written to files. */
export interface SaveOptions extends InseqJsonOptions {
  /** Replace files that exist. Default: false. */
  readonly overwrite?: boolean | undefined;
  /** Write gzip. Default: false. */
  readonly compress?: boolean | undefined;
  /** One file for each sequence, `<path without .json>_<i>.json` (and `.gz`), without steps. Default: false. */
  readonly splitSequences?: boolean | undefined;
}

/** How a result is read from a file. */
export interface LoadOptions {
  /** Whether the file is gzip. Default: as its first bytes say. */
  readonly decompress?: boolean | undefined;
}

/** How `getScoresDicts` aggregates first. */
export type ScoresDictsOptions = AggregateOptions & {
  /** If false, the scores are taken as they are, and only `doAggregation` is read. Default: true. */
  readonly doAggregation?: boolean | undefined;
};

/** How a view aggregates first. */
export interface ViewAggregation {
  /** Options of `aggregate`; by default the method's own aggregation, each column scaled to sum to one. False: none. */
  readonly aggregation?: AggregateOptions | false | undefined;
}

/** The attribution of one sequence. It is a `SequenceAttribution`, so every function on plain data takes it. */
export class FeatureAttributionSequenceOutput implements SequenceAttribution {
  readonly kind: SequenceKind;
  readonly source: readonly Token[];
  readonly target: readonly Token[];
  readonly sourceAttributions: Scores | null;
  readonly targetAttributions: Scores | null;
  readonly stepScores: Readonly<Record<string, Scores>>;
  readonly sequenceScores: Readonly<Record<string, Scores>>;
  readonly attrPosStart: number;
  readonly attrPosEnd: number;
  readonly defaultAggregators: readonly string[];
  readonly stepScoreAggregation: Readonly<Record<string, string>>;
  readonly dimensionNames: readonly string[];
  readonly turns?: readonly ChatSpan[] | undefined;
  readonly aggregations?: readonly AggregationRecord[] | undefined;
  readonly completeness?: Completeness | undefined;

  constructor(data: SequenceAttribution) {
    this.kind = data.kind;
    this.source = data.source;
    this.target = data.target;
    this.sourceAttributions = data.sourceAttributions;
    this.targetAttributions = data.targetAttributions;
    this.stepScores = data.stepScores;
    this.sequenceScores = data.sequenceScores;
    this.attrPosStart = data.attrPosStart;
    this.attrPosEnd = data.attrPosEnd;
    this.defaultAggregators = data.defaultAggregators;
    this.stepScoreAggregation = data.stepScoreAggregation;
    this.dimensionNames = data.dimensionNames;
    if (data.turns !== undefined) this.turns = data.turns;
    if (data.aggregations !== undefined) this.aggregations = data.aggregations;
    if (data.completeness !== undefined) this.completeness = data.completeness;
  }

  /** The aggregated sequence; without an aggregator, what its method's default leaves to do. See `aggregate`. */
  aggregate(options: AggregateOptions = {}): FeatureAttributionSequenceOutput {
    return new FeatureAttributionSequenceOutput(aggregate(this, options));
  }

  /** The aggregated scores, each column multiplied by the step score of its token. */
  weightAttributions(stepScoreId: string): FeatureAttributionSequenceOutput {
    return new FeatureAttributionSequenceOutput(weightAttributions(this, stepScoreId));
  }

  /** The scores by token, aggregated first unless `doAggregation` is false. */
  getScoresDicts({ doAggregation = true, ...options }: ScoresDictsOptions = {}): ScoresDicts {
    return scoresDicts(doAggregation ? aggregate(this, options) : this);
  }

  /** This minus other. (Inseq's `-` operator gives other minus this; so does the aggregator `pair`.) */
  subtract(other: SequenceAttribution): FeatureAttributionSequenceOutput {
    return new FeatureAttributionSequenceOutput(subtract(this, other));
  }

  /** Only source tokens `[start, end)`, or prompt tokens of a decoder-only model; generated tokens stay. */
  slice(start: number, end: number): FeatureAttributionSequenceOutput {
    return new FeatureAttributionSequenceOutput(slice(this, start, end));
  }

  /** Tokens with a vocabulary id as the tokenizer decodes them, for byte-level vocabularies. */
  decodeTokens(tokenizer: Pick<Tokenizer, "decode">): FeatureAttributionSequenceOutput {
    const decoded = (tokens: readonly Token[]) =>
      tokens.map((token) => (token.id < 0 ? token : { ...token, token: tokenizer.decode([token.id]) }));
    return new FeatureAttributionSequenceOutput({
      ...this,
      source: decoded(this.source),
      target: decoded(this.target),
    });
  }

  /** Whether tokens and positions are the same and scores differ by `tolerance` at most; NaN equals only NaN. */
  equals(other: SequenceAttribution, tolerance?: number): boolean {
    return sequenceAttributionsEqual(this, other, tolerance);
  }

  /**
   * Text for a terminal, to be printed by the caller: without colour unless `colorLevel` says what the terminal can do.
   * @throws OptionError for an unknown option
   */
  show({ aggregation = {}, ...options }: TerminalOptions & ViewAggregation = {}): string {
    return show(this.aggregatedFor(aggregation), options);
  }

  /** A figure for a paper. */
  toSVG({ aggregation = {}, ...options }: SvgOptions & ViewAggregation = {}): string {
    return renderSvg(this.aggregatedFor(aggregation), options);
  }

  /** This sequence as a view wants it. */
  private aggregatedFor(aggregation: AggregateOptions | false): SequenceAttribution {
    return aggregation === false ? this : aggregate(this, aggregation);
  }

  /** The smallest attribution, or 0 if none is below. */
  get minimum(): number {
    return this.attributions().reduce((least, value) => Math.min(least, value), 0);
  }

  /** The largest attribution, or 0 if none is above. */
  get maximum(): number {
    return this.attributions().reduce((most, value) => Math.max(most, value), 0);
  }

  private attributions(): number[] {
    const all = [this.sourceAttributions, this.targetAttributions].flatMap((scores) =>
      Array.from(scores?.values ?? []),
    );
    return all.filter((value) => !Number.isNaN(value));
  }
}

/** The attribution of a batch. Iterating over it gives its sequences. */
export class FeatureAttributionOutput {
  readonly sequenceAttributions: readonly FeatureAttributionSequenceOutput[];
  /** The scores of single generation steps, when `outputStepAttributions` asked for them. */
  readonly stepAttributions: readonly StepAttribution[] | null;
  /** What was asked and how it went, by Inseq's keys. */
  readonly info: AttributionInfo;

  constructor({ sequences, steps, info }: Attribution) {
    this.sequenceAttributions = sequences.map((data) => new FeatureAttributionSequenceOutput(data));
    this.stepAttributions = steps;
    this.info = info;
  }

  /**
   * Reads a result file of ours or of Inseq.
   * @throws FileError when there is no such file, or it is damaged or something else.
   */
  static async load(path: string, { decompress }: LoadOptions = {}): Promise<FeatureAttributionOutput> {
    const bytes = await readBytes(path);
    const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
    if (decompress === false && isGzip) {
      throw new FileError(`${path}: expected JSON, received gzip; leave decompress out, or set it`);
    }
    const content = (decompress ?? isGzip) ? await gunzip(bytes, path) : bytes;
    return FeatureAttributionOutput.deserialize(new TextDecoder().decode(content), path);
  }

  /** The result in a file's text; `where` names it in errors. */
  static async deserialize(text: string, where?: string): Promise<FeatureAttributionOutput> {
    return new FeatureAttributionOutput(await fromInseqJson(text, where));
  }

  /** The text of a result file, for where there are no files. */
  serialize(options: InseqJsonOptions = {}): string {
    return toInseqJson(this.toAttribution(), options);
  }

  /**
   * Writes a file that Python Inseq opens. A file is complete or not there.
   * @throws OptionError when a file exists and `overwrite` is not set; then nothing is written.
   */
  async save(path: string, options: SaveOptions = {}): Promise<void> {
    const { overwrite = false, compress = false, splitSequences = false, ...format } = options;
    const all = this.toAttribution();
    const files = splitSequences
      ? splitAttribution(all).map((part, i) => ({ name: splitName(path, i, compress), part }))
      : [{ name: path, part: all }];
    for (const { name } of files) {
      if (!overwrite && (await fileExists(name))) {
        throw new OptionError(`${name}: expected a new file, but it exists; choose another name or set overwrite`);
      }
    }
    for (const { name, part } of files) {
      const text = new TextEncoder().encode(toInseqJson(part, format));
      await writeFileAtomically(name, compress ? await gzip(text) : text, { overwrite });
    }
  }

  /** Every sequence aggregated; steps are kept as they are. */
  aggregate(options: AggregateOptions = {}): FeatureAttributionOutput {
    return this.map((sequence) => sequence.aggregate(options));
  }

  /**
   * The same scores aggregated in several ways at once: `aggregateEach({ norm: { aggregator: "vnorm" }, signed: { aggregator:
   * "sum", normalize: false } })` gives `{ norm, signed }`, each a result that says in `aggregations` how it was made.
   */
  aggregateEach<Name extends string>(
    ways: Readonly<Record<Name, AggregateOptions>>,
  ): Readonly<Record<Name, FeatureAttributionOutput>> {
    const results = Object.entries<AggregateOptions>(ways).map(([name, options]) => [name, this.aggregate(options)]);
    return Object.fromEntries(results) as Record<Name, FeatureAttributionOutput>;
  }

  /** Every sequence weighted. Inseq changes the object and returns nothing; this returns a new object. */
  weightAttributions(stepScoreId: string): FeatureAttributionOutput {
    return this.map((sequence) => sequence.weightAttributions(stepScoreId));
  }

  /** The scores of every sequence by token. */
  getScoresDicts(options: ScoresDictsOptions = {}): ScoresDicts[] {
    return this.sequenceAttributions.map((sequence) => sequence.getScoresDicts(options));
  }

  /** Every sequence with its tokens decoded. */
  decodeTokens(tokenizer: Pick<Tokenizer, "decode">): FeatureAttributionOutput {
    return this.map((sequence) => sequence.decodeTokens(tokenizer));
  }

  /**
   * This minus other, sequence by sequence.
   * @throws OptionError when they have different numbers of sequences or shapes.
   */
  subtract(other: FeatureAttributionOutput): FeatureAttributionOutput {
    const [mine, theirs] = [this.length, other.length];
    if (mine !== theirs) throw new OptionError(`subtract: expected ${mine} sequences, received ${theirs}`);
    return this.map((sequence, i) => sequence.subtract(other.sequenceAttributions[i] ?? sequence));
  }

  /** One result with the sequences of this and the others. See `mergeAttributions`. */
  merge(...others: readonly FeatureAttributionOutput[]): FeatureAttributionOutput {
    return mergeAttributions([this, ...others]);
  }

  /** Whether sequences and steps are the same up to `tolerance`; `info`, which holds times, is not compared. */
  equals(other: FeatureAttributionOutput, tolerance?: number): boolean {
    return attributionsEqual(this.toAttribution(), other.toAttribution(), tolerance);
  }

  /** Text for a terminal, sequence after sequence, to be printed by the caller. */
  show(options: TerminalOptions & ViewAggregation = {}): string {
    const named = { ...this.methodName(), ...options };
    return this.sequenceAttributions.map((sequence) => sequence.show(named)).join("\n\n");
  }

  /** A standalone page: choose an output token, see its inputs. */
  toHTML({ aggregation = {}, ...options }: HtmlOptions & ViewAggregation = {}): string {
    const shown = aggregation === false ? this : this.aggregate(aggregation);
    return renderHtml(shown.sequenceAttributions, this.info, options);
  }

  /** A figure for a paper, one for each sequence. */
  toSVG(options: SvgOptions & ViewAggregation = {}): string[] {
    const named = { ...this.methodName(), ...options };
    return this.sequenceAttributions.map((sequence) => sequence.toSVG(named));
  }

  private methodName(): { readonly method?: string } {
    const method = this.info.attribution_method;
    return typeof method === "string" ? { method } : {};
  }

  /**
   * Of a conversation that was attributed, whose words are where: the messages in order, with what the chat template wrote
   * between them. `aggregate({ aggregator: "spans", targetSpans: output.chatSpans().map(({ span }) => span) })` makes one
   * token of each (`sourceSpans` for an encoder-decoder model).
   * @throws OptionError when the sequence is no conversation
   */
  chatSpans(sequence = 0): MessageTokens[] {
    return chatSpans(this.info, sequence);
  }

  /** The number of sequences. */
  get length(): number {
    return this.sequenceAttributions.length;
  }

  [Symbol.iterator](): IterableIterator<FeatureAttributionSequenceOutput> {
    return this.sequenceAttributions.values();
  }

  /** The plain data. */
  toAttribution(): Attribution {
    return { sequences: this.sequenceAttributions, steps: this.stepAttributions, info: this.info };
  }

  private map(
    change: (sequence: FeatureAttributionSequenceOutput, index: number) => FeatureAttributionSequenceOutput,
  ): FeatureAttributionOutput {
    return new FeatureAttributionOutput({
      sequences: this.sequenceAttributions.map(change),
      steps: this.stepAttributions,
      info: this.info,
    });
  }
}

/**
 * One result with the sequences of all.
 * @throws OptionError when they come from different methods, models, tokenizers or step scores, or there are none.
 */
export function mergeAttributions(outputs: readonly FeatureAttributionOutput[]): FeatureAttributionOutput {
  return new FeatureAttributionOutput(merge(outputs.map((output) => output.toAttribution())));
}

function splitName(path: string, index: number, compress: boolean): string {
  return `${path.replace(/\.json(\.gz)?$/, "")}_${index}.json${compress ? ".gz" : ""}`;
}
