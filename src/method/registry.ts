/** The attribution methods by their identifiers (Inseq's where Inseq has them). */

import { alti } from "./alti.ts";
import { altiLogit } from "./altiLogit.ts";
import { type AttentionOptions, attention } from "./attention.ts";
import { attentionFlow } from "./attentionFlow.ts";
import type { RolloutHeads } from "./attentionMixing.ts";
import { attentionRollout } from "./attentionRollout.ts";
import { type AttentionXGradientOptions, attentionXGradient } from "./attentionXGradient.ts";
import { type ContextCiteOptions, contextCite } from "./contextCite.ts";
import { type DeepLiftOptions, deeplift } from "./deeplift.ts";
import { directLogitAttribution } from "./directLogitAttribution.ts";
import { type DiscretizedOptions, discretizedIntegratedGradients } from "./discretizedIntegratedGradients.ts";
import { type ExpectedGradientsOptions, expectedGradients } from "./expectedGradients.ts";
import { type GradientShapOptions, gradientShap } from "./gradientShap.ts";
import { type InformationFlowOptions, informationFlow } from "./informationFlow.ts";
import { inputXGradient } from "./inputXGradient.ts";
import { type IntegratedGradientsOptions, integratedGradients } from "./integratedGradients.ts";
import { internalInfluence } from "./internalInfluence.ts";
import { type KernelShapOptions, kernelShap } from "./kernelShap.ts";
import { layerConductance } from "./layerConductance.ts";
import { layerDeeplift } from "./layerDeeplift.ts";
import { layerGradientXActivation } from "./layerGradientXActivation.ts";
import { layerIntegratedGradients } from "./layerIntegratedGradients.ts";
import type { LayerOptions } from "./layerMethods.ts";
import { leaveOneOut } from "./leaveOneOut.ts";
import { type LimeOptions, lime } from "./lime.ts";
import { limeOfEmbeddings } from "./limeOfEmbeddings.ts";
import { type LogitLensOptions, logitLens } from "./logitLens.ts";
import {
  dummy,
  type EmbeddingMethod,
  type GameMethod,
  type InternalsMethod,
  type NoMethod,
  type SiteMethod,
} from "./method.ts";
import { type OcclusionOptions, occlusion } from "./occlusion.ts";
import { type OwenOptions, owenValues } from "./owenValues.ts";
import type { PerturbationOptions } from "./perturbation.ts";
import { type ReagentOptions, reagent } from "./reagent.ts";
import { type SaliencyOptions, saliency } from "./saliency.ts";
import { sequentialIntegratedGradients } from "./sequentialIntegratedGradients.ts";
import { type ShapleySamplingOptions, shapleySampling } from "./shapleySampling.ts";
import { shapleyValues } from "./shapleyValues.ts";
import type { SmoothingOptions } from "./smoothed.ts";
import { type ValueWeightedNormsOptions, valueWeightedNorms } from "./valueWeightedNorms.ts";
import { type ValueZeroingOptions, valueZeroing } from "./valueZeroing.ts";

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
