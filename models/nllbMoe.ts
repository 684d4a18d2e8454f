/**
 * NLLB-200 with mixtures of experts (NLLB team 2022, arXiv 2207.04672, section 6.3).
 *
 * Must match `NllbMoeForConditionalGeneration` of Hugging Face transformers 4; version 5 takes the mask of a token's experts
 * for their indices. M2M-100 with other names of its parts and, in every n-th block, a router that sends each token to two
 * experts and weighs them by their probabilities, which are divided by their sum. Outputs of experts are multiplied by
 * 1 − the share that training masks.
 *
 * Experts of unlimited capacity only, as the published models have when they are evaluated
 * (`moe_eval_capacity_token_fraction: 1`): with less, what a token gets would depend on the others of its batch.
 */

import type { JsonObject } from "../src/json.ts";
import { strictConfig } from "../src/model/config.ts";
import { flag, number, size } from "../src/model/configField.ts";
import type { Architecture } from "./architecture.ts";
import { fairseqDropout } from "./dropout.ts";
import { fairseqLeftovers, statedKind } from "./fairseq.ts";
import {
  type SharedVocabulary,
  type SharedVocabularyConfig,
  sharedVocabulary,
  sharedVocabularyConfig,
  sharedVocabularyFields,
} from "./sharedVocabulary.ts";

const family: SharedVocabulary = {
  type: "nllb-moe",
  classNames: ["NllbMoeForConditionalGeneration"],
  kind: { normPlace: "before", positions: "tensor2tensor", embeddingNorm: false, finalNorm: true },
  firstPosition: (padding) => padding + 1,
  logitsBias: false,
  dropout: { ...fairseqDropout(0.1), mlpOutput: ["activation_dropout", 0] },
  names: { crossAttention: "cross_attention", mlp: "ffn.", mlpNorm: "ff_layer_norm" },
  defaults: { vocabSize: 128112, activation: "relu", scaleEmbedding: true, padding: 1 },
};

/** Defaults: transformers' `NllbMoeConfig`. */
function readConfig(raw: JsonObject): SharedVocabularyConfig {
  const { experts, encoderStep, decoderStep, routerBias, masked, ...read } = strictConfig(raw, {
    model: family.type,
    fields: {
      ...sharedVocabularyFields(family),
      experts: size("num_experts", 128),
      encoderStep: size("encoder_sparse_step", 4),
      decoderStep: size("decoder_sparse_step", 4),
      routerBias: flag("router_bias", false),
      masked: number("moe_token_dropout", 0.2),
    },
    onlyIf: {
      ...statedKind(family.kind),
      moe_eval_capacity_token_fraction: [1],
      router_dtype: ["float32"],
      // The others draw random numbers.
      second_expert_policy: ["all"],
    },
    ignored: [
      ...fairseqLeftovers,
      // Which tokens go to an expert that is full: none is.
      "batch_prioritized_routing",
      "expert_capacity",
      "normalize_router_prob_before_dropping",
      // What experts do to padding, which nobody sees.
      "router_ignore_padding_tokens",
      // Training only.
      "output_router_logits",
      "router_aux_loss_coef",
      "router_z_loss_coef",
    ],
  });
  const config = sharedVocabularyConfig(family, read, false);
  const common = { experts, expertsPerToken: 2, normalized: true, routerBias, expertFactor: 1 - masked };
  return {
    ...config,
    encoder: { ...config.encoder, mixture: { ...common, every: encoderStep } },
    decoder: { ...config.decoder, mixture: { ...common, every: decoderStep } },
  };
}

export const nllbMoe: Architecture<SharedVocabularyConfig> = { ...sharedVocabulary(family), readConfig };
