/**
 * Results as Inseq's JSON (what `FeatureAttributionOutput.save` of Inseq 0.7.1 writes), so that Python Inseq opens them.
 *
 * What Inseq's format has no place for stands in `info` under `inseq_tfjs`, where Inseq keeps it without looking:
 * default aggregators, names of axes, merging of step scores, characters of tokens, turns of conversations, what was
 * aggregated, what the scores add up to, and the scores of single steps (Inseq writes those, but cannot open a file that has
 * them).
 */

import { OptionError } from "../errors.ts";
import { knownName } from "../names.ts";
import type {
  Attribution,
  Completeness,
  Json,
  Scores,
  SequenceAttribution,
  SequenceKind,
  StepAttribution,
  Token,
} from "./attribution.ts";
import { encodeBase64 } from "./base64.ts";
import { nestedLists, readableArray } from "./ndarray.ts";
import { formatPythonJson } from "./pythonJson.ts";
import { encodeScores, type ScoresPrecision, scoresPrecisions } from "./safetensorsBlob.ts";

export interface InseqJsonOptions {
  /** Default: "float32", which loses nothing. */
  readonly scoresPrecision?: ScoresPrecision | undefined;
  /** Leave out the names of classes. Neither Inseq nor `fromInseqJson` can open the result. Default: false. */
  readonly usePrimitives?: boolean | undefined;
  /**
   * Scores in base64. If false, as lists of numbers that a person can read: `fromInseqJson` opens such a file, Python
   * Inseq does not. Only for float32. Default: true.
   */
  readonly ndarrayCompact?: boolean | undefined;
}

/** The key of `info` for what Inseq's format cannot hold. */
export const extensionKey = "inseq_tfjs";

/** Inseq's class of each kind of sequence, and of each kind of step. */
export const sequenceClasses: Readonly<Record<SequenceKind, string>> = {
  base: "FeatureAttributionSequenceOutput",
  granular: "GranularFeatureAttributionSequenceOutput",
  coarse: "CoarseFeatureAttributionSequenceOutput",
  multidimensional: "MultiDimensionalFeatureAttributionSequenceOutput",
};

/**
 * The text of Inseq's result file.
 * @throws OptionError for an unknown precision, or numbers as lists in less than float32.
 */
export function toInseqJson(attribution: Attribution, options: InseqJsonOptions = {}): string {
  return formatPythonJson(inseqJson(attribution, options));
}

/** What such a file holds, as a value. */
export function inseqJson(attribution: Attribution, options: InseqJsonOptions = {}): Json {
  const { scoresPrecision = "float32", usePrimitives = false, ndarrayCompact = true } = options;
  const precision = knownName("scores precision", scoresPrecision, scoresPrecisions);
  if (!ndarrayCompact && precision !== "float32") {
    throw new OptionError(
      `save: expected scoresPrecision "float32" for readable numbers (ndarrayCompact: false), received "${precision}"`,
    );
  }
  const instance = (module: string, name: string, attributes: Json): Json =>
    usePrimitives ? attributes : { __instance_type__: [module, name], attributes };
  const array = (scores: Scores): Json => {
    if (ndarrayCompact) return encodeBase64(encodeScores(scores, precision));
    return usePrimitives ? nestedLists(scores) : readableArray(scores);
  };
  const token = ({ token, id }: Token): Json => instance("inseq.utils.typing", "TokenWithId", { id, token });
  const sequence = (data: SequenceAttribution): Json =>
    instance("inseq.data.attribution", sequenceClasses[writtenKind(data)], {
      attr_pos_start: data.attrPosStart,
      attr_pos_end: data.attrPosEnd,
      source: data.source.map(token),
      target: data.target.map(token),
      ...scoreFields(data, array),
    });
  return instance("inseq.data.attribution", "FeatureAttributionOutput", {
    info: { ...attribution.info, [extensionKey]: extension(attribution, array) },
    sequence_attributions: attribution.sequences.map(sequence),
    step_attributions: null,
  });
}

/**
 * Inseq derives the default aggregation from the class. With the class of scores that need none, Inseq shows an
 * aggregated result as it is instead of failing on it; our own kind stands in the extension.
 */
function writtenKind({
  kind,
  defaultAggregators,
  sourceAttributions,
  targetAttributions,
}: SequenceAttribution): SequenceKind {
  const attributions = targetAttributions ?? sourceAttributions;
  const aggregated = attributions?.shape.length === 2 && defaultAggregators.length === 0;
  return aggregated ? "coarse" : kind;
}

function scoreFields(
  data: Pick<SequenceAttribution, "sourceAttributions" | "targetAttributions" | "stepScores" | "sequenceScores">,
  array: (scores: Scores) => Json,
): { readonly [key: string]: Json } {
  const arrays = (record: Readonly<Record<string, Scores>>): Json =>
    Object.fromEntries(Object.entries(record).map(([name, scores]) => [name, array(scores)]));
  return {
    source_attributions: data.sourceAttributions && array(data.sourceAttributions),
    target_attributions: data.targetAttributions && array(data.targetAttributions),
    step_scores: arrays(data.stepScores),
    sequence_scores: arrays(data.sequenceScores),
  };
}

function extension({ info, sequences, steps }: Attribution, array: (scores: Scores) => Json): Json {
  const spans = (tokens: readonly Token[]): Json =>
    tokens.some(({ span }) => span !== null) ? tokens.map(({ span }) => span) : null;
  const token = ({ token, id, span }: Token): Json => ({ token, id, span });
  const tokens = (lists: readonly (readonly Token[])[]): Json => lists.map((list) => list.map(token));
  const step = (data: StepAttribution): Json => ({
    kind: data.kind,
    source: tokens(data.source),
    prefix: tokens(data.prefix),
    target: tokens(data.target),
    ...scoreFields(data, array),
  });
  const before = info[extensionKey];
  const kept = typeof before === "object" && before !== null && !Array.isArray(before) ? before : {};
  return {
    ...kept,
    result: {
      sequences: sequences.map((data) => ({
        kind: data.kind,
        default_aggregators: data.defaultAggregators,
        dimension_names: data.dimensionNames,
        step_score_aggregation: data.stepScoreAggregation,
        source_spans: spans(data.source),
        target_spans: spans(data.target),
        ...(data.turns && { turns: data.turns.map(({ role, message, span }) => ({ role, message, span })) }),
        ...(data.aggregations && { aggregations: data.aggregations }),
        ...(data.completeness && { completeness: numbersOf(data.completeness) }),
      })),
      steps: steps === null ? null : steps.map(step),
    },
  };
}

/** As lists of numbers, which a person can read. */
function numbersOf({ value, baseline, sum, gap }: Completeness): Json {
  return { value: [...value], baseline: baseline && [...baseline], sum: [...sum], gap: gap && [...gap] };
}
