/** Attributing one sequence: from token ids to scores on the host. No texts, no tokenizer, no file. */

import { NumericError } from "../errors.ts";
import type { Method, MethodOptions } from "../method/registry.ts";
import type { Model } from "../model/model.ts";
import type { Scores } from "../result/attribution.ts";
import type { Score, ScoreOptions } from "../score/score.ts";
import { dispose, readFloats, type Tensor, tidy } from "../tensor.ts";
import { checkAttributable } from "./attributedContext.ts";
import type { RowLimits } from "./budget.ts";
import { dropoutLogits } from "./dropout.ts";
import { chosenPlaces } from "./gradient/attributedPlaces.ts";
import { attributeVectors } from "./gradient/attributeVectors.ts";
import type { Ends } from "./gradient/ends.ts";
import { checkGraphDerivative } from "./gradient/graphDerivatives.ts";
import { type Neuron, siteOf } from "./gradient/neuron.ts";
import type { WidthReduction } from "./gradient/widthReduction.ts";
import { attributeInternals } from "./internals/attributeInternals.ts";
import { checkTraits } from "./internals/modelTraits.ts";
import { attributePlayers } from "./perturbation/attributePlayers.ts";
import { checkedPlan } from "./perturbation/plan.ts";
import type { Sequence } from "./sequence.ts";
import { sharesInputs } from "./sharedContrast.ts";
import { scoresOfSpans } from "./spanScores.ts";
import { type OutputSpans, singleSteps } from "./steps.ts";
import { constantContext, contrastLogits, createTarget, type StepTokens, sequenceLogits } from "./target.ts";
import { type Contrast, inSameContext } from "./texts/contrast.ts";
import type { Sampler } from "./texts/sampler.ts";

export interface ScoreRequest {
  readonly id: string;
  readonly score: Score;
  readonly options: ScoreOptions;
}

export interface PassReport {
  /**
   * Rows (step × path point, or perturbed inputs) of this pass, so far, and altogether; methods that perturb report once
   * before their first pass, with no rows.
   */
  readonly rows: number;
  readonly done: number;
  readonly total: number;
}

export interface AttributionRequest {
  readonly methodId: string;
  readonly method: Method;
  readonly methodOptions: MethodOptions;
  readonly attributed: ScoreRequest;
  readonly stepScores: readonly ScoreRequest[];
  readonly attributeTarget: boolean;
  /** A unit inside the model that is explained in place of a function of the logits; `attributed` is then `logit`. */
  readonly neuron?: Neuron | undefined;
  /** What to compare with, for contrastive scores: nothing, one foil or several. */
  readonly contrasts: readonly Contrast[];
  /** Run the attributed function's contrast in its own context. */
  readonly contrastForceInputs: boolean;
  /** Spans that are explained as one step each; null explains every attributed token. */
  readonly output: OutputSpans | null;
  /** What is kept of the width of scores; all of it when absent. */
  readonly widthReduction?: WidthReduction | undefined;
  readonly limits: RowLimits;
  /** What comes instead of tokens that are redrawn: any of the vocabulary if there is none. */
  readonly sampler?: Sampler | undefined;
  /** Of what the method draws. */
  readonly seed: number;
  /** Called after each pass. */
  readonly onPass?: ((pass: PassReport) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface SequenceScores {
  /** [S, G, ...] */
  readonly sourceAttributions: Scores | null;
  /** [min(T, end), G, ...]; of output spans [T + spans, spans, ...] */
  readonly targetAttributions: Scores | null;
  readonly stepScores: Record<string, Scores>;
  readonly sequenceScores: Record<string, Scores>;
  /** The most bytes that tensors took at the end of a pass, the model's weights included. */
  readonly peakBytes: number;
  /** Rows that went through the model: with a gradient one for each step and path point, or perturbed inputs. */
  readonly rows: number;
  /** What the method has to say beside the scores. */
  readonly notes?: readonly string[] | undefined;
  /** The attributed function of each step; absent for methods that do not ask for it. */
  readonly ends?: Ends | undefined;
  /** [G] What each step's signed scores add up to, where that is not the sum of the attributions. */
  readonly totals?: Float64Array | undefined;
}

/** What is known of the steps before the method runs. */
export interface StepData {
  readonly tokens: StepTokens;
  /** Logits [G, V] of each foil in its own context, where that is needed. */
  readonly contrast_FGV: readonly (Tensor | undefined)[];
  readonly stepScores: Record<string, Scores>;
}

/**
 * Scores of every attributed position of a sequence.
 * @throws OptionError when the attributed function cannot be attributed as asked
 * @throws UnsupportedError when the method needs of the model what it has not
 * @throws NumericError when a logit or a score is not finite
 */
export async function attributeSequence(
  model: Model,
  sequence: Sequence,
  request: AttributionRequest,
): Promise<SequenceScores> {
  const { attribute } = await prepareSequence(model, sequence, request);
  return await attribute();
}

/** A sequence that can be attributed as asked, so far as that is known before. */
export interface Prepared {
  readonly sequence: Sequence;
  readonly request: AttributionRequest;
  /** @throws NumericError when a logit or a score is not finite */
  readonly attribute: () => Promise<SequenceScores>;
}

/**
 * `attributeSequence` in two parts: what is refused is refused here, before the model runs, but over one token.
 * @throws OptionError, UnsupportedError as `attributeSequence`
 */
export async function prepareSequence(
  model: Model,
  sequence: Sequence,
  request: AttributionRequest,
): Promise<Prepared> {
  await checkMethod(model, request);
  const run = checkedMethod(model, sequence, request);
  const attribute = async (): Promise<SequenceScores> => {
    const tokens = stepTokens(sequence, request.contrasts);
    const contrast_FGV = request.contrasts.map((contrast) =>
      needsConstantContext(model, request, contrast) ? contrastLogits(model, sequence, contrast) : undefined,
    );
    try {
      const stepScores = await scoreSteps(model, sequence, request, tokens, contrast_FGV);
      return await run({ tokens, contrast_FGV, stepScores });
    } finally {
      dispose(contrast_FGV.filter((logits_GV) => logits_GV !== undefined));
    }
  };
  return { sequence, request, attribute };
}

function checkedMethod(
  model: Model,
  sequence: Sequence,
  request: AttributionRequest,
): (steps: StepData) => Promise<SequenceScores> {
  const { method } = request;
  switch (method.on) {
    case "embeddings":
    case "sites":
      checkAttributable(model, request);
      return (steps) => attributeVectors(model, sequence, { ...request, method }, steps);
    case "players": {
      const plan = checkedPlan(model, sequence, { ...request, method });
      return (steps) => attributePlayers(model, sequence, { ...request, method }, plan, steps);
    }
    case "internals":
      return (steps) => attributeInternals(model, sequence, { ...request, method }, steps);
    case "nothing":
      return async ({ stepScores }) => ({ ...nothing, stepScores });
    default:
      throw method satisfies never;
  }
}

const nothing = { sourceAttributions: null, targetAttributions: null, sequenceScores: {}, peakBytes: 0, rows: 0 };

/**
 * What a method needs of a model, whatever the text: parts that can be taken apart, operations that can be differentiated,
 * layers and units that are asked for.
 * @throws OptionError, UnsupportedError as `attributeSequence`
 */
export async function checkMethod(
  model: Model,
  {
    methodId,
    method,
    methodOptions,
    neuron,
  }: Pick<AttributionRequest, "methodId" | "method" | "methodOptions" | "neuron">,
): Promise<void> {
  if (method.on === "internals") await checkTraits(model, methodId, method.needs);
  if (method.on === "sites") chosenPlaces(model, methodOptions);
  if (method.on === "embeddings" || method.on === "sites") checkGraphDerivative(model, "gradient");
  if (method.on === "players" && method.differentiates) checkGraphDerivative(model, "tangent");
  if (neuron !== undefined) siteOf(model, neuron);
}

function stepTokens(sequence: Sequence, contrasts: readonly Contrast[]): StepTokens {
  const targets = sequence.target.ids.slice(sequence.start, sequence.end);
  return { targets, foils: contrasts.length > 0 ? contrasts.map(({ ids }) => ids) : [targets] };
}

/** Step scores always compare contexts; the attributed function does when it is told to, and shares none of its inputs. */
function needsConstantContext(model: Model, request: AttributionRequest, contrast: Contrast): boolean {
  const { attributed, attributeTarget, contrastForceInputs, stepScores } = request;
  if (inSameContext(contrast)) return false;
  const forced = contrastForceInputs && attributed.score.contrast !== "none";
  return (
    stepScores.some(({ score }) => score.contrast !== "none") ||
    (forced && !sharesInputs(model, contrast, attributeTarget))
  );
}

async function scoreSteps(
  model: Model,
  sequence: Sequence,
  request: AttributionRequest,
  tokens: StepTokens,
  contrast_FGV: readonly (Tensor | undefined)[],
): Promise<Record<string, Scores>> {
  const found: Record<string, Scores> = {};
  const contexts = contrast_FGV.map((logits_GV) => logits_GV && constantContext(logits_GV));
  if (request.stepScores.length === 0) return found;
  const logits_GV = sequenceLogits(model, sequence);
  const samples: Tensor[] = [];
  try {
    for (const { id, score, options } of request.stepScores) {
      const G = tokens.targets.length;
      if (score.samples) samples.push(...dropoutLogits(model, sequence, options, request.seed, samples.length));
      const asked = { score, options, contexts, samples };
      const values_G = tidy(() => createTarget(asked, tokens, singleSteps(0, G)).score(logits_GV, 1, () => []));
      const values = await readFloats(values_G);
      dispose(values_G);
      const bad = values.findIndex((value) => !Number.isFinite(value));
      if (bad >= 0) {
        throw new NumericError(
          `step score ${id}: expected finite numbers, received ${values[bad]} first at generation step ${bad}`,
        );
      }
      found[id] =
        request.output === null
          ? { shape: [G], values }
          : scoresOfSpans(sequence, values, score, options, request.output);
    }
  } finally {
    dispose([logits_GV, ...samples]);
  }
  return found;
}
