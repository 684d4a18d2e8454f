/** The attribution methods by their identifiers (Inseq's where Inseq has them). */

import { type DeepLiftOptions, deeplift } from "./gradient/deeplift.ts";
import { type DiscretizedOptions, discretizedIntegratedGradients } from "./gradient/discretizedIntegratedGradients.ts";
import { type ExpectedGradientsOptions, expectedGradients } from "./gradient/expectedGradients.ts";
import { type GradientShapOptions, gradientShap } from "./gradient/gradientShap.ts";
import { inputXGradient } from "./gradient/inputXGradient.ts";
import { type IntegratedGradientsOptions, integratedGradients } from "./gradient/integratedGradients.ts";
import { type SaliencyOptions, saliency } from "./gradient/saliency.ts";
import { segmentInputXGradient } from "./gradient/segmentInputXGradient.ts";
import { sequentialIntegratedGradients } from "./gradient/sequentialIntegratedGradients.ts";
import { alti } from "./internals/alti.ts";
import { altiLogit } from "./internals/altiLogit.ts";
import { type AttentionOptions, attention } from "./internals/attention.ts";
import { attentionFlow } from "./internals/attentionFlow.ts";
import type { RolloutHeads } from "./internals/attentionMixing.ts";
import { attentionRollout } from "./internals/attentionRollout.ts";
import { type AttentionXGradientOptions, attentionXGradient } from "./internals/attentionXGradient.ts";
import { directLogitAttribution } from "./internals/directLogitAttribution.ts";
import { type InformationFlowOptions, informationFlow } from "./internals/informationFlow.ts";
import { type LogitLensOptions, logitLens } from "./internals/logitLens.ts";
import { type ValueWeightedNormsOptions, valueWeightedNorms } from "./internals/valueWeightedNorms.ts";
import { type ValueZeroingOptions, valueZeroing } from "./internals/valueZeroing.ts";
import { internalInfluence } from "./layer/internalInfluence.ts";
import { layerConductance } from "./layer/layerConductance.ts";
import { layerDeeplift } from "./layer/layerDeeplift.ts";
import { layerGradientXActivation } from "./layer/layerGradientXActivation.ts";
import { layerIntegratedGradients } from "./layer/layerIntegratedGradients.ts";
import type { LayerOptions } from "./layer/layerMethods.ts";
import {
  dummy,
  type EmbeddingMethod,
  type GameMethod,
  type InternalsMethod,
  type NoMethod,
  type SiteMethod,
} from "./method.ts";
import { type ContextCiteOptions, contextCite } from "./perturbation/contextCite.ts";
import { type KernelShapOptions, kernelShap } from "./perturbation/kernelShap.ts";
import { leaveOneOut } from "./perturbation/leaveOneOut.ts";
import { type LimeOptions, lime } from "./perturbation/lime.ts";
import { limeOfEmbeddings } from "./perturbation/limeOfEmbeddings.ts";
import { type OcclusionOptions, occlusion } from "./perturbation/occlusion.ts";
import { type OwenOptions, owenValues } from "./perturbation/owenValues.ts";
import type { PerturbationOptions } from "./perturbation/perturbation.ts";
import { type ReagentOptions, reagent } from "./perturbation/reagent.ts";
import { type ShapleySamplingOptions, shapleySampling } from "./perturbation/shapleySampling.ts";
import { shapleyValues } from "./perturbation/shapleyValues.ts";
import type { SmoothingOptions } from "./smoothed.ts";

/** Every option of every method; `methods[id].options` says which belong to which. */
export interface MethodOptions
  extends SaliencyOptions,
    IntegratedGradientsOptions,
    DiscretizedOptions,
    GradientShapOptions,
    ExpectedGradientsOptions,
    DeepLiftOptions,
    LayerOptions,
    ValueZeroingOptions,
    ValueWeightedNormsOptions,
    RolloutHeads,
    AttentionOptions,
    AttentionXGradientOptions,
    InformationFlowOptions,
    LogitLensOptions,
    SmoothingOptions,
    OcclusionOptions,
    LimeOptions,
    ReagentOptions,
    OwenOptions,
    ContextCiteOptions,
    KernelShapOptions,
    ShapleySamplingOptions,
    PerturbationOptions {
  /** At most so many rows (step × path point) in one pass, beside what `memoryBudget` allows. */
  readonly internalBatchSize?: number;
}

export type Method =
  | EmbeddingMethod<MethodOptions>
  | SiteMethod<MethodOptions>
  | GameMethod<MethodOptions>
  | InternalsMethod<MethodOptions>
  | NoMethod;

export const methods = {
  saliency,
  input_x_gradient: inputXGradient,
  segment_input_x_gradient: segmentInputXGradient,
  integrated_gradients: integratedGradients,
  sequential_integrated_gradients: sequentialIntegratedGradients,
  discretized_integrated_gradients: discretizedIntegratedGradients,
  gradient_shap: gradientShap,
  expected_gradients: expectedGradients,
  deeplift,
  layer_gradient_x_activation: layerGradientXActivation,
  layer_integrated_gradients: layerIntegratedGradients,
  layer_deeplift: layerDeeplift,
  layer_conductance: layerConductance,
  internal_influence: internalInfluence,
  attention,
  attention_rollout: attentionRollout,
  attention_flow: attentionFlow,
  attention_x_gradient: attentionXGradient,
  value_zeroing: valueZeroing,
  value_weighted_norms: valueWeightedNorms,
  alti,
  alti_logit: altiLogit,
  information_flow_routes: informationFlow,
  direct_logit_attribution: directLogitAttribution,
  logit_lens: logitLens,
  occlusion,
  leave_one_out: leaveOneOut,
  lime,
  reagent,
  context_cite: contextCite,
  kernel_shap: kernelShap,
  shapley_value_sampling: shapleySampling,
  shapley_values: shapleyValues,
  owen_values: owenValues,
  dummy,
} as const satisfies Record<string, Method>;

/** The name of a method. */
export type MethodId = keyof typeof methods;

/** What a method is with these options: LIME has two forms, which attribute different things. */
export function methodWith(id: MethodId, { features }: Pick<MethodOptions, "features">): Method {
  return id === "lime" && features === "embeddings" ? limeOfEmbeddings : methods[id];
}

/** Identifiers of all methods. */
export function listFeatureAttributionMethods(): MethodId[] {
  return Object.keys(methods) as MethodId[];
}

/** Whether a method scores tokens: `dummy` and `logit_lens` give step scores only. */
export function scoresTokens(id: MethodId): boolean {
  const method: Method = methods[id];
  return method.scoresStepsOnly !== true;
}

/** Identifiers of the methods that score tokens. */
export function listTokenMethods(): MethodId[] {
  return listFeatureAttributionMethods().filter(scoresTokens);
}
