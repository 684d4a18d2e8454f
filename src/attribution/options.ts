/** The options of `attribute`, and how they are told apart: to the method, to the attributed function, to step scores. */

import { OptionError } from "../errors.ts";
import type { GameMethod } from "../method/method.ts";
import { optionHelp } from "../method/optionHelp.ts";
import { checkOptionTypes } from "../method/optionTypes.ts";
import { checkPerturbation, perturbationOptions } from "../method/perturbation/perturbation.ts";
import { type Method, type MethodId, type MethodOptions, methods, methodWith } from "../method/registry.ts";
import { checkSmoothing, smoothingOptions } from "../method/smoothed.ts";
import { knownName, rejectUnknownOptions, suggestion } from "../names.ts";
import { dropoutPasses } from "../score/monteCarlo.ts";
import { findScore, type ScoreId } from "../score/registry.ts";
import { type Score, type ScoreFunction, type ScoreOptions, scoreOptionNames } from "../score/score.ts";
import type { ChatOptions } from "../text/chat.ts";
import type { ScoreRequest } from "./engine.ts";
import type { Neuron } from "./gradient/neuron.ts";
import { type WidthReduction, widthReductions } from "./gradient/widthReduction.ts";
import { checkExplainedInside } from "./internals/explained.ts";
import { checkInputNoise, type InputNoise } from "./runner/inputNoise.ts";
import type { SpanReduction } from "./steps.ts";
import { type BaselineChoice, baselineNames } from "./texts/baseline.ts";
import type { Alignment } from "./texts/contrast.ts";
import { type Foil, isTopFoils, type TopFoils } from "./texts/foils.ts";
import { checkOutputSpans, type OutputSpansChoice } from "./texts/outputSpans.ts";

/** What contrastive scores compare with. */
export interface ContrastOptions {
  /** Other source texts (encoder-decoder models). */
  readonly contrastSources?: string | readonly string[];
  /**
   * Other target texts, or their tokens (decoder start included), for decoder-only models with their prompts: one for each sequence, or a set of foils for each, which
   * `foilReduction` makes one number of. `{ top: k }`: at every position the k most likely tokens that are not the text's own.
   */
  readonly contrastTargets?: string | readonly (Foil | readonly Foil[])[] | TopFoils;
  /**
   * Pairs of positions (original, contrast): for all contrasts, or a list for each. `"auto"` aligns tokens whose states in the
   * model are alike. Positions without a pair are aligned from the ends of the texts.
   */
  readonly contrastTargetsAlignments?: Alignment | readonly Alignment[] | "auto";
  /**
   * Run the attributed function's contrast in its own context instead of the original one. Gradients flow through what
   * both contexts share (an encoder-decoder model's source, say), and not through the rest.
   */
  readonly contrastForceInputs?: boolean;
}

/** Reported after every pass of an attribution. */
export interface Progress {
  /** Index of the sequence in work, and how many there are. */
  readonly sequence: number;
  readonly sequences: number;
  /**
   * Rows (step × path point, or perturbed inputs) of this pass, of this sequence so far, and of this sequence altogether (the
   * most there can be). Methods that perturb report once before their first pass, with no rows.
   */
  readonly rows: number;
  readonly done: number;
  readonly total: number;
}

/** What `attribute` can be told: its own options, and those of the method and of the scores that take part. */
export interface AttributeOptions extends MethodOptions, ScoreOptions, ContrastOptions {
  /** Another method for this call. */
  readonly method?: MethodId;
  /** Make `method` the model's own from now on. */
  readonly overrideDefaultAttribution?: boolean;
  /** What is to be explained; `probability` by default. */
  readonly attributedFn?: ScoreId | (string & {}) | ScoreFunction;
  /** Explain a unit inside the model instead of a function of the logits (methods that attribute the embeddings). */
  readonly neuron?: Neuron;
  /** Explain output spans, each in one step by one score, instead of every token by its own. */
  readonly outputSpans?: OutputSpansChoice;
  /** What the scores of a span's tokens become: their `sum` (default) or `mean`. */
  readonly spanReduction?: SpanReduction;
  readonly stepScores?: readonly (ScoreId | (string & {}))[];
  /** First attributed target position; negative counts from the end. */
  readonly attrPosStart?: number;
  /** First position not attributed any more; negative counts from the end. */
  readonly attrPosEnd?: number;
  /** Encoder-decoder models: attribute the target prefix, too. */
  readonly attributeTarget?: boolean;
  /** What stands for "no information": Inseq's rule by default. Attributions relative to several are averaged. */
  readonly baseline?: BaselineChoice | readonly BaselineChoice[];
  /** Seed of what is drawn: by the method, or for the baseline `random`. 0 by default. */
  readonly seed?: number;
  /** Replace EOS in baselines, too. */
  readonly includeEosBaseline?: boolean;
  /** Explain the text with its embeddings moved at random, each element uniformly within ± `radius`. */
  readonly inputNoise?: InputNoise;
  /** Encode without special tokens. */
  readonly skipSpecialTokens?: boolean;
  /** How the chat template is applied to messages: which one, with what variables, what it ends with. */
  readonly chat?: ChatOptions;
  /** Tokens as text instead of vocabulary strings. */
  readonly cleanSpecialChars?: boolean;
  /**
   * Keep one number of each score's width: its norm, or its sum. Aggregation by this function gives what it would have given, and
   * what is kept is smaller by the width. Methods that attribute embeddings or sites; all of the width by default.
   */
  readonly widthReduction?: WidthReduction;
  /** Keep the scores of every step apart, too. */
  readonly outputStepAttributions?: boolean;
  /** Sequences generated together; all at once by default. */
  readonly batchSize?: number;
  /** Encoder-decoder models: `generatedTexts` are beginnings which the model continues. */
  readonly generateFromTargetPrefix?: boolean;
  /** Options of generation, in Hugging Face's names or camelCase. */
  readonly generationArgs?: Readonly<Record<string, unknown>>;
  /** Attribute the tokens that the generated text has when it is encoded again, as Inseq does, not the generated ones. */
  readonly retokenize?: boolean;
  /** Bytes that the activations of one pass may take. */
  readonly memoryBudget?: number;
  /** Options for the method alone, under Inseq's names where they clash (`method` is the quadrature rule). */
  readonly attributionArgs?: Readonly<Record<string, unknown>>;
  /** Options for the attributed function alone. */
  readonly attributedFnArgs?: Readonly<Record<string, unknown>>;
  /** Options for step scores alone. */
  readonly stepScoresArgs?: Readonly<Record<string, unknown>>;
  readonly onProgress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}

const contrastOptions = [
  "contrastSources",
  "contrastTargets",
  "contrastTargetsAlignments",
  "contrastForceInputs",
] as const satisfies readonly (keyof ContrastOptions)[];

const callOptions = [
  "method",
  "overrideDefaultAttribution",
  "attributedFn",
  "neuron",
  "outputSpans",
  "spanReduction",
  "stepScores",
  "attrPosStart",
  "attrPosEnd",
  "attributeTarget",
  "includeEosBaseline",
  "inputNoise",
  "skipSpecialTokens",
  "chat",
  "cleanSpecialChars",
  "widthReduction",
  "outputStepAttributions",
  "batchSize",
  "generateFromTargetPrefix",
  "generationArgs",
  "retokenize",
  "memoryBudget",
  "attributionArgs",
  "attributedFnArgs",
  "stepScoresArgs",
  "onProgress",
  "signal",
] as const satisfies readonly (keyof AttributeOptions)[];

/** Every option of `attribute`, whatever the method and the score that takes it. */
export const attributeOptionNames: readonly string[] = [
  ...callOptions,
  ...contrastOptions,
  ...Object.keys(optionHelp),
  ...scoreOptionNames,
  "baseline",
  "seed",
];

export interface ResolvedOptions {
  readonly methodId: MethodId;
  readonly method: Method;
  readonly methodOptions: MethodOptions;
  readonly attributed: ScoreRequest;
  readonly neuron?: Neuron | undefined;
  readonly stepScores: readonly ScoreRequest[];
  readonly contrast: ContrastOptions;
  readonly outputSpans?: OutputSpansChoice | undefined;
  readonly spanReduction?: SpanReduction | undefined;
  readonly widthReduction?: WidthReduction | undefined;
  readonly baselines: readonly BaselineChoice[];
  readonly seed: number;
}

/**
 * Sorts the options by who understands them.
 * @throws OptionError for a name that nobody taking part understands, naming the nearest one
 */
export function resolveOptions(methodId: MethodId, own: MethodOptions, options: AttributeOptions): ResolvedOptions {
  const id = knownName("attribution method", methodId, Object.keys(methods) as MethodId[]);
  const method = methodWith(id, { ...own, ...options, ...options.attributionArgs });
  checkNeuron(id, method, options);
  checkInputNoise(options.inputNoise);
  checkSpans(id, method, options);
  checkWidthReduction(id, method, options.widthReduction);
  const attributed = attributedScore(options, method);
  const { contrastForceInputs = false } = { ...options.attributedFnArgs, ...options };
  if (method.on === "internals")
    checkExplainedInside(
      id,
      method,
      { ...attributed, options: { ...options, ...options.attributedFnArgs } },
      contrastForceInputs === true,
    );
  const stepScores = (options.stepScores ?? []).map((name) => ({ id: name, score: findScore(name) }));
  if (method.on === "internals" && stepScores.length > 0) {
    throw new OptionError(
      `stepScores: ${id} runs once and has no steps; compute them in a second call with method "dummy"`,
    );
  }
  const participants = [attributed, ...stepScores];
  const scoreOptions = [...new Set(participants.flatMap(({ score }) => score.options))];
  const contrasted = participants.some(({ score }) => score.contrast !== "none");
  const compared = participants.find(({ id: name, score }) => score.contrast !== "none" && name !== custom);
  const { contrastSources, contrastTargets } = { ...options.stepScoresArgs, ...options.attributedFnArgs, ...options };
  if (compared !== undefined && contrastSources === undefined && contrastTargets === undefined) {
    throw new OptionError(
      `${compared.id}: expected something to compare with in contrastTargets (or contrastSources), received none`,
    );
  }
  if (isTopFoils(contrastTargets)) checkTopFoils(contrastTargets, participants, options);
  const baselines = baselinesOf(options, method);
  const ofMethod = methodOptionNames(method);
  const known = [
    ...callOptions,
    ...ofMethod,
    ...scoreOptions,
    ...(contrasted ? contrastOptions : []),
    ...(method.usesBaseline ? ["baseline"] : []),
    ...(draws(method, baselines, options) || stepScores.some(({ score }) => score.samples) ? ["seed"] : []),
  ];
  rejectUnknownOptions(`attribute with ${id} and ${participants.map((p) => p.id).join(", ")}`, options, known);

  const fromMethodArgs = renamed(options.attributionArgs ?? {}, {
    method: (ofMethod as readonly string[]).includes("strategy") ? "strategy" : "quadrature",
  });
  rejectUnknownOptions(`attributionArgs of ${id}`, fromMethodArgs, ofMethod);
  const scoreKeys = [...scoreOptions, ...contrastOptions];
  for (const name of ["attributedFnArgs", "stepScoresArgs"] as const) {
    rejectUnknownOptions(name, options[name] ?? {}, scoreKeys);
  }
  if (stepScores.some(({ score }) => score.samples)) dropoutPasses({ ...options, ...options.stepScoresArgs });
  const methodOptions = { ...pick(own, ofMethod), ...pick(options, ofMethod), ...fromMethodArgs };
  checkOptionTypes(methodOptions);
  checkSmoothing(methodOptions);
  if (method.on === "players") {
    checkPerturbation(methodOptions, method);
    checkExplained(id, method, attributed.id, { ...options, ...options.attributedFnArgs });
  }
  const seed = options.seed ?? 0;
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new OptionError(`seed: expected an integer from 0 to 2⁵³ − 1, received ${seed}`);
  }
  return {
    methodId: id,
    method,
    methodOptions,
    attributed: {
      ...attributed,
      options: {
        ...pick(options, attributed.score.options),
        ...pick(options.attributedFnArgs ?? {}, attributed.score.options),
      },
    },
    neuron: options.neuron,
    stepScores: stepScores.map(({ id: name, score }) => ({
      id: name,
      score,
      options: { ...pick(options, score.options), ...pick(options.stepScoresArgs ?? {}, score.options) },
    })),
    contrast: {
      ...pick(options, contrastOptions),
      ...pick(options.stepScoresArgs ?? {}, contrastOptions),
      ...pick(options.attributedFnArgs ?? {}, contrastOptions),
    },
    outputSpans: options.outputSpans,
    spanReduction: options.spanReduction,
    widthReduction: options.widthReduction,
    baselines,
    seed,
  };
}

/** Its own, and how it is smoothed or how inputs are perturbed for it, if they are. */
export function methodOptionNames(method: Method): readonly (keyof MethodOptions)[] {
  const smoothable = method.on === "embeddings" && method.smoothable;
  return [
    ...method.options,
    ...(smoothable ? smoothingOptions : []),
    ...(method.on === "players" && !method.differentiates ? perturbationOptions : []),
  ];
}

/** Whether a seed matters. */
export function draws(
  method: Method,
  baselines: readonly BaselineChoice[],
  { smoothing, removal }: Pick<MethodOptions, "smoothing" | "removal">,
): boolean {
  if (method.draws || smoothing !== undefined || removal === "resample") return true;
  return method.usesBaseline !== false && baselines.includes("random");
}

/** @throws OptionError when no baseline is left, or one is not of the known kinds */
function baselinesOf(options: AttributeOptions, method: Method): readonly BaselineChoice[] {
  const hasOwn = method.on === "embeddings" || method.on === "players";
  const byDefault = (hasOwn && method.defaultBaselines) || ["inseq"];
  const { baseline = byDefault } = options;
  const choices: readonly BaselineChoice[] = Array.isArray(baseline) ? baseline : [baseline as BaselineChoice];
  if (choices.length === 0) throw new OptionError("baseline: expected at least one, received an empty list");
  for (const choice of choices) {
    const isText = typeof choice === "object" && choice !== null && typeof choice.text === "string";
    if (typeof choice === "number" || isText) continue;
    if (typeof choice !== "string") {
      throw new OptionError(
        `baseline: expected a name (${baselineNames.join(", ")}), a token id or { text: "…" }, received ` +
          JSON.stringify(choice),
      );
    }
    if ((baselineNames as readonly string[]).includes(choice)) continue;
    throw new OptionError(
      `baseline: unknown name "${choice}"${suggestion(choice, baselineNames)} (known: ${baselineNames.join(", ")}); ` +
        `a text is given as { text: ${JSON.stringify(choice)} }`,
    );
  }
  return choices;
}

/** @throws OptionError when a neuron cannot be explained as asked */
function checkNeuron(id: MethodId, method: Method, { neuron, attributedFn, attributedFnArgs }: AttributeOptions): void {
  if (neuron === undefined) return;
  if (typeof neuron !== "object" || typeof neuron.layer !== "string" || typeof neuron.unit !== "number") {
    throw new OptionError(`neuron: expected { layer: "…", unit: … }, received ${JSON.stringify(neuron)}`);
  }
  if (attributedFn !== undefined || attributedFnArgs !== undefined) {
    throw new OptionError("neuron: it is what is explained; leave attributedFn and its arguments out");
  }
  if (method.on === "embeddings") return;
  throw new OptionError(`neuron: expected a method that attributes the embeddings, such as saliency, received ${id}`);
}

/** @throws OptionError when the method explains one function only, and another one was named */
function checkExplained(
  id: MethodId,
  { explains }: GameMethod<MethodOptions>,
  attributed: string,
  { logprob }: ScoreOptions,
): void {
  if (explains === undefined || (attributed === explains && !logprob)) return;
  const received = logprob ? `${attributed} with logprob` : attributed;
  throw new OptionError(`attributedFn: ${id} explains ${explains} only, received ${received}; leave it out`);
}

/** @throws OptionError when a method or the result has no place for output spans */
function checkSpans(id: MethodId, method: Method, options: AttributeOptions): void {
  const { outputSpans, spanReduction, outputStepAttributions } = options;
  checkOutputSpans(outputSpans, spanReduction);
  if (outputSpans === undefined) return;
  if (method.on === "internals") {
    throw new OptionError(
      `outputSpans: expected a method that explains a score, received ${id}; merge its columns with the aggregator "spans"`,
    );
  }
  if (method.on === "players" && method.explains !== undefined) {
    throw new OptionError(
      `outputSpans: expected a method that explains any score, received ${id}: it explains tokens only`,
    );
  }
  if (outputStepAttributions) {
    throw new OptionError(
      "outputSpans: expected no outputStepAttributions beside it: spans are no steps of generation",
    );
  }
}

/** @throws OptionError when scores have no width, or are to be reduced in an unknown way */
function checkWidthReduction(id: MethodId, method: Method, reduction: WidthReduction | undefined): void {
  if (reduction === undefined) return;
  knownName("widthReduction", reduction, widthReductions);
  if (method.on === "embeddings" || method.on === "sites") return;
  throw new OptionError(
    `widthReduction: expected a method whose scores have the width of embeddings, such as saliency, received ${id}; leave it out`,
  );
}

/** @throws OptionError when the model's alternatives cannot be compared as asked */
function checkTopFoils(
  { top, ...others }: TopFoils,
  participants: readonly { readonly id: string; readonly score: Score }[],
  { contrastSources, contrastForceInputs }: AttributeOptions,
): void {
  if (!Number.isInteger(top) || top < 1 || Object.keys(others).length > 0) {
    throw new OptionError(
      `contrastTargets: expected { top: k } with a positive integer k, received ${JSON.stringify({ top, ...others })}`,
    );
  }
  const context = participants.find(({ score }) => score.contrast === "context");
  if (contrastSources === undefined && !contrastForceInputs && context === undefined) return;
  const what = context?.id ?? (contrastForceInputs ? "contrastForceInputs" : "contrastSources");
  throw new OptionError(
    `contrastTargets: { top: ${top} } compares tokens in the same context, and ${what} another context; give texts`,
  );
}

/** How a function of the caller's own is called in messages. */
const custom = "custom function";

function attributedScore(options: AttributeOptions, method: Method): { id: string; score: Score } {
  const ofMethod = method.on === "internals" && method.explains === "logits" ? "logit" : undefined;
  const byDefault = (method.on === "players" && method.explains) || ofMethod || "probability";
  const { attributedFn = byDefault, neuron } = options;
  if (neuron !== undefined) return { id: `neuron ${neuron.layer}[${neuron.unit}]`, score: findScore("logit") };
  if (typeof attributedFn === "string") return { id: attributedFn, score: findScore(attributedFn) };
  return {
    id: custom,
    score: {
      compute: attributedFn,
      formula: attributedFn.name,
      unit: "score",
      contrast: "token",
      differentiable: true,
      options: scoreOptionNames,
    },
  };
}

function pick(from: object, keys: readonly string[]): Record<string, never> {
  return Object.fromEntries(
    Object.entries(from).filter(([key, value]) => keys.includes(key) && value !== undefined),
  ) as Record<string, never>;
}

function renamed(
  options: Readonly<Record<string, unknown>>,
  names: Readonly<Record<string, string>>,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).map(([key, value]) => [names[key] ?? key, value]));
}
