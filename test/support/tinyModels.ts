/** Small models with random weights, and sequences for them: for theorems that hold whatever the weights are. */

import { randomModel } from "../../models/load.ts";
import type { AttributionRequest } from "../../src/attribution/engine.ts";
import { resolveOptions } from "../../src/attribution/options.ts";
import type { Sequence } from "../../src/attribution/sequence.ts";
import { type MethodId, type MethodOptions, methods } from "../../src/method/registry.ts";
import type { Model } from "../../src/model/model.ts";
import type { Encoding } from "../../src/text/tokenizer.ts";

export const VOCABULARY = 31;

const decoderOnly = {
  gpt2: { model_type: "gpt2", vocab_size: VOCABULARY, n_embd: 12, n_head: 3, n_layer: 2, n_positions: 24 },
  llama: {
    model_type: "llama",
    vocab_size: VOCABULARY,
    hidden_size: 16,
    intermediate_size: 20,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    num_hidden_layers: 2,
    max_position_embeddings: 24,
  },
  /** Its frequencies change with every position after the third. */
  dynamicLlama: {
    model_type: "llama",
    vocab_size: VOCABULARY,
    hidden_size: 16,
    intermediate_size: 20,
    num_attention_heads: 4,
    num_hidden_layers: 2,
    max_position_embeddings: 3,
    rope_scaling: { type: "dynamic", factor: 2 },
  },
};

const tinyFairseq = {
  vocab_size: VOCABULARY,
  d_model: 12,
  encoder_layers: 2,
  encoder_attention_heads: 3,
  encoder_ffn_dim: 17,
  decoder_layers: 2,
  decoder_attention_heads: 2,
  decoder_ffn_dim: 13,
  max_position_embeddings: 24,
  is_encoder_decoder: true,
};

const encoderDecoder = {
  t5: {
    model_type: "t5",
    vocab_size: VOCABULARY,
    d_model: 12,
    d_kv: 5,
    d_ff: 17,
    num_layers: 2,
    num_heads: 3,
    feed_forward_proj: "gated-gelu",
    decoder_start_token_id: 0,
    is_encoder_decoder: true,
  },
  /** Learned positions, norms after the parts. */
  bart: { ...tinyFairseq, model_type: "bart" },
  /** Sinusoids, norms before the parts, experts in every second block. */
  nllbMoe: { ...tinyFairseq, model_type: "nllb-moe", num_experts: 3, encoder_sparse_step: 2, decoder_sparse_step: 2 },
};

export const tinyDecoderOnly = Object.keys(decoderOnly) as (keyof typeof decoderOnly)[];
export const tinyEncoderDecoder = Object.keys(encoderDecoder) as (keyof typeof encoderDecoder)[];

/** Weights are large, so that attributions are far from zero and from linear. */
export function tinyModel(type: keyof typeof decoderOnly | keyof typeof encoderDecoder, seed: number): Model {
  return randomModel({ ...decoderOnly, ...encoderDecoder }[type], seed, 0.4);
}

const encoding = (ids: readonly number[]): Encoding => ({
  ids,
  tokens: ids.map((id) => `t${id}`),
  spans: ids.map(() => null),
});

/** A sequence of ids; the baseline is id 1 everywhere. */
export function tinySequence(ids: {
  source?: readonly number[];
  target: readonly number[];
  start: number;
  end: number;
}): Sequence {
  const { source, target, start, end } = ids;
  return {
    source: source ? encoding(source) : null,
    target: encoding(target),
    promptLength: start,
    start,
    end,
    special: new Set(),
    baselines: [{ source: source ? source.map(() => 1) : null, target: target.map(() => 1) }],
  };
}

/** What `attribute` would ask the engine. */
export function request(
  method: MethodId,
  options: MethodOptions = {},
  changes: Partial<AttributionRequest> = {},
): AttributionRequest {
  return {
    ...resolveOptions(method, options, { stepScores: methods[method].on === "internals" ? [] : ["probability"] }),
    attributeTarget: false,
    contrasts: [],
    output: null,
    contrastForceInputs: false,
    limits: { memoryBudget: 2 ** 28 },
    seed: 0,
    ...changes,
  };
}
