/** What was asked and how it went, under Inseq's names where Inseq has one; all else under `inseq_tfjs`. */

import type { BackendInUse } from "../backend/backend.ts";
import type { AttributionInfo, Json } from "../result/attribution.ts";
import type { Span } from "../text/span.ts";
import { type AttributeOptions, draws, type ResolvedOptions } from "./options.ts";
import type { ChatTokens } from "./texts/inputs.ts";

export interface Circumstances {
  readonly modelName: string;
  readonly modelClass: string;
  readonly tokenizerClass: string;
  readonly inputTexts: readonly string[];
  readonly generatedTexts: readonly string[];
  /** Whose words are where in each conversation. */
  readonly chat: readonly (readonly ChatTokens[] | null)[];
  /** Texts were given, not generated. */
  readonly forced: boolean;
  /** Ranges of target tokens that were explained as one step each. */
  readonly outputSpans: readonly (readonly Span[])[];
  readonly attrPosStart: number;
  readonly attrPosEnd: number;
  readonly seconds: number;
  readonly backend: BackendInUse;
  /** How the matrices of linear layers are stored: `float32`, `bfloat16`, `int8` or `int4`. */
  readonly weights: string;
  /** Operations that the device lacks, with how often they went through the host. */
  readonly throughHost: Readonly<Record<string, number>>;
  readonly version: string;
  readonly peakBytes: number;
  readonly rows: number;
  /** What methods had to say about single sequences. */
  readonly notes: readonly string[];
}

/** The `info` of a result. */
export function createInfo(options: AttributeOptions, resolved: ResolvedOptions, now: Circumstances): AttributionInfo {
  const contrast = snakeCased(resolved.contrast);
  const contrasted = resolved.attributed.score.contrast !== "none";
  const stepContrasted = resolved.stepScores.some(({ score }) => score.contrast !== "none");
  const drawsSteps = resolved.stepScores.some(({ score }) => score.samples);
  const stepOptions = Object.assign({}, ...resolved.stepScores.map((score) => score.options)) as object;
  return {
    attribution_method: resolved.methodId,
    attribution_args: {
      ...snakeCased(resolved.methodOptions, { quadrature: "method", strategy: "method" }),
      ...(resolved.method.usesBaseline && { baseline: resolved.baselines }),
      ...(draws(resolved.method, resolved.baselines, resolved.methodOptions) && { seed: resolved.seed }),
    },
    attributed_fn:
      typeof options.attributedFn === "function" ? options.attributedFn.name : `${resolved.attributed.id}_fn`,
    attributed_fn_args: { ...snakeCased(resolved.attributed.options), ...(contrasted ? contrast : {}) },
    step_scores: resolved.stepScores.map(({ id }) => id),
    step_scores_args: {
      ...snakeCased(stepOptions),
      ...(stepContrasted ? contrast : {}),
      ...(drawsSteps && { seed: resolved.seed }),
    },
    attr_pos_start: now.attrPosStart,
    attr_pos_end: now.attrPosEnd,
    attribute_target: options.attributeTarget ?? false,
    include_eos_baseline: options.includeEosBaseline ?? false,
    output_step_attributions: options.outputStepAttributions ?? false,
    constrained_decoding: now.forced,
    generate_from_target_prefix: options.generateFromTargetPrefix ?? false,
    generation_args: snakeCased(options.generationArgs ?? {}),
    input_texts: now.inputTexts,
    generated_texts: now.generatedTexts,
    model_name: now.modelName,
    model_class: now.modelClass,
    tokenizer_name: now.modelName,
    tokenizer_class: now.tokenizerClass,
    exec_time: now.seconds,
    backend: now.backend.name,
    ...(now.chat.some((tokens) => tokens !== null) && {
      chat_spans: now.chat.map((tokens) => tokens?.map(({ role, message, span }) => ({ role, message, span })) ?? []),
    }),
    inseq_tfjs: {
      version: now.version,
      backend_description: now.backend.description,
      precision: now.backend.precision,
      weights: now.weights,
      through_host: now.throughHost,
      peak_bytes: now.peakBytes,
      rows: now.rows,
      ...(now.notes.length > 0 && { notes: now.notes }),
      ...(resolved.outputSpans !== undefined && {
        output_spans: now.outputSpans,
        span_reduction: resolved.spanReduction ?? "sum",
      }),
      ...(resolved.widthReduction && { width_reduction: resolved.widthReduction }),
      skip_special_tokens: options.skipSpecialTokens ?? false,
      retokenize: options.retokenize ?? false,
      seed: seedOf(options),
      ...(options.inputNoise && { input_noise: { seed: 0, ...options.inputNoise } }),
    },
  };
}

function seedOf({ generationArgs }: AttributeOptions): number | null {
  const seed = generationArgs?.seed;
  return typeof seed === "number" ? seed : null;
}

/** Options as Inseq writes them; what is undefined or not data is left out. */
export function snakeCased(options: object, names: Readonly<Record<string, string>> = {}): Record<string, Json> {
  return Object.fromEntries(
    Object.entries(options)
      .filter(([, value]) => value !== undefined && typeof value !== "function")
      .map(([key, value]) => [
        names[key] ?? key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
        value as Json,
      ]),
  );
}
