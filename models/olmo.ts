/**
 * OLMo (Groeneveld et al. 2024, arXiv 2402.00838), OLMo 2 (OLMo Team 2024, arXiv 2501.00656) and OLMoE (Muennighoff et al.
 * 2024, arXiv 2409.02060).
 *
 * Must match `OlmoForCausalLM`, `Olmo2ForCausalLM` and `OlmoeForCausalLM` of Hugging Face transformers. Compared with Llama:
 * OLMo's layer normalisation has neither scale nor bias, and queries, keys and values may be clipped. OLMo 2 normalises
 * what each part puts out instead of what it reads, and queries and keys over all heads together. OLMoE normalises in front,
 * as Llama, queries and keys as OLMo 2, and its feed-forward part is a mixture of experts.
 */

import type { JsonObject } from "../src/json.ts";
import { Embedding } from "../src/layers/embedding.ts";
import { makeNorm, type NormChoice } from "../src/layers/norm.ts";
import { outputHead } from "../src/layers/outputHead.ts";
import type { RotaryAttentionChoice } from "../src/layers/rotaryAttention.ts";
import { type FeedForwardChoice, RotaryBlock } from "../src/layers/rotaryBlock.ts";
import type { Weights } from "../src/layers/weights.ts";
import { activation } from "../src/model/activationField.ts";
import { strictConfig } from "../src/model/config.ts";
import { type FieldValues, flag, number, orNull, size } from "../src/model/configField.ts";
import type { DecoderOnlyModel } from "../src/model/model.ts";
import { readRotary, rotaryFields } from "../src/model/rotaryConfig.ts";
import { checkExperts, headSizes } from "../src/model/sizes.ts";
import { attentionRows, embeddingRows, expertRows, gatedRows, normRows } from "../src/model/weightRows.ts";
import type { WeightTable } from "../src/model/weights.ts";
import type { Architecture } from "./architecture.ts";
import { rotaryDecoder } from "./rotaryDecoder.ts";

type ModelType = "olmo" | "olmo2" | "olmoe";

export interface OlmoConfig {
  readonly type: ModelType;
  readonly vocabSize: number;
  readonly width: number;
  readonly layers: number;
  readonly attention: RotaryAttentionChoice;
  readonly feedForward: FeedForwardChoice;
  readonly norm: NormChoice;
  readonly tiedHead: boolean;
}

const classNames = { olmo: "OlmoForCausalLM", olmo2: "Olmo2ForCausalLM", olmoe: "OlmoeForCausalLM" } as const;

/** The model, its weights drawn from `weights`. */
function build(config: OlmoConfig, weights?: Weights): DecoderOnlyModel {
  const { type, vocabSize, width, layers, attention, feedForward, norm } = config;
  const normPlace = type === "olmo2" ? "after" : "before";
  const tokens = new Embedding({ name: "tokens", vocabSize, width, weights });
  const blocks = Array.from({ length: layers }, (_, layer) => {
    const place = { name: `blocks.${layer}`, layer, width };
    return new RotaryBlock({ ...place, attention, feedForward, norm, normPlace, weights });
  });
  const finalNorm = makeNorm(norm, { name: "finalNorm", width, weights });
  const head = outputHead({ tokens, tied: config.tiedHead, weights });
  return rotaryDecoder({ type, className: classNames[type], tokens, blocks, finalNorm, head });
}

const commonFields = {
  vocabSize: size("vocab_size", 50304),
  width: size("hidden_size", 4096),
  layers: size("num_hidden_layers", 32),
  heads: size("num_attention_heads", 32),
  keyValueHeads: orNull(size("num_key_value_heads")),
  feedForwardWidth: size("intermediate_size", 11008),
  activation: activation("hidden_act", "silu"),
  maxPositions: size("max_position_embeddings", 2048),
  attentionBias: flag("attention_bias", false),
  tiedHead: flag("tie_word_embeddings", false),
  ...rotaryFields,
};
const clip = orNull(number("clip_qkv"));
const normEpsilon = number("rms_norm_eps", 1e-5);

/** Of OLMo's layer normalisation; its config does not have it. */
const OLMO_EPSILON = 1e-5;

/** Defaults: transformers' `OlmoConfig`. */
function readOlmo(raw: JsonObject): OlmoConfig {
  const read = strictConfig(raw, { model: "olmo", fields: { ...commonFields, clip } });
  const norm = { kind: "layerNorm", epsilon: OLMO_EPSILON, scale: false, bias: false } as const;
  return { ...shared("olmo", read, { clip: read.clip ?? undefined }), norm, feedForward: dense(read) };
}

/** Defaults: transformers' `Olmo2Config`. */
function readOlmo2(raw: JsonObject): OlmoConfig {
  const read = strictConfig(raw, { model: "olmo2", fields: { ...commonFields, normEpsilon } });
  const epsilon = read.normEpsilon;
  const own = { queryKeyNorm: { kind: "rmsAllHeads", epsilon } } as const;
  return { ...shared("olmo2", read, own), norm: { kind: "rmsNorm", epsilon }, feedForward: dense(read) };
}

/** Defaults: transformers' `OlmoeConfig`. */
function readOlmoe(raw: JsonObject): OlmoConfig {
  const read = strictConfig(raw, {
    model: "olmoe",
    fields: {
      ...commonFields,
      width: size("hidden_size", 2048),
      layers: size("num_hidden_layers", 16),
      heads: size("num_attention_heads", 16),
      feedForwardWidth: size("intermediate_size", 2048),
      maxPositions: size("max_position_embeddings", 4096),
      normEpsilon,
      clip,
      experts: size("num_experts", 64),
      expertsPerToken: size("num_experts_per_tok", 8),
      normalized: flag("norm_topk_prob", false),
    },
    // The router's loss: training only.
    ignored: ["router_aux_loss_coef", "output_router_logits"],
  });
  checkExperts(read);
  const { normEpsilon: epsilon, feedForwardWidth, activation, experts, expertsPerToken, normalized } = read;
  const own = { clip: read.clip ?? undefined, queryKeyNorm: { kind: "rmsAllHeads", epsilon } } as const;
  return {
    ...shared("olmoe", read, own),
    norm: { kind: "rmsNorm", epsilon },
    feedForward: { feedForwardWidth, activation, experts, expertsPerToken, normalized },
  };
}

type Read = FieldValues<typeof commonFields>;

const dense = ({ feedForwardWidth, activation }: Read): FeedForwardChoice => ({
  feedForwardWidth,
  activation,
  gated: true,
  bias: false,
});

function shared(
  type: ModelType,
  read: Read,
  own: Pick<RotaryAttentionChoice, "clip" | "queryKeyNorm">,
): Omit<OlmoConfig, "norm" | "feedForward"> {
  const { vocabSize, width, layers, attentionBias: bias, tiedHead } = read;
  const sizes = headSizes(read);
  const rotary = readRotary(type, { ...read, ...sizes });
  return { type, vocabSize, width, layers, attention: { ...sizes, rotary, bias, outputBias: bias, ...own }, tiedHead };
}

function weightTable(config: OlmoConfig): WeightTable {
  const { type, vocabSize, width: D, layers, attention, feedForward, tiedHead } = config;
  const [from, to] = ["layers.{i}", "blocks.{i}"];
  const { heads, keyValueHeads, headWidth: K } = attention;
  const norms: WeightTable["rows"] = {
    ...normRows(`${from}.self_attn.q_norm`, `${to}.attention.queryNorm`, heads * K, false),
    ...normRows(`${from}.self_attn.k_norm`, `${to}.attention.keyNorm`, keyValueHeads * K, false),
    ...(type === "olmoe"
      ? {
          ...normRows(`${from}.input_layernorm`, `${to}.attentionNorm`, D, false),
          ...normRows(`${from}.post_attention_layernorm`, `${to}.mlpNorm`, D, false),
        }
      : {
          ...normRows(`${from}.post_attention_layernorm`, `${to}.attentionOutputNorm`, D, false),
          ...normRows(`${from}.post_feedforward_layernorm`, `${to}.mlpOutputNorm`, D, false),
        }),
    ...normRows("norm", "finalNorm", D, false),
  };
  return {
    counts: { i: layers, ...("experts" in feedForward && { e: feedForward.experts }) },
    prefixes: ["model."],
    rows: {
      ...embeddingRows(vocabSize, D, tiedHead),
      ...attentionRows(`${from}.self_attn`, `${to}.attention`, { width: D, ...attention }, attention),
      ...feedForwardRows(`${from}.mlp`, `${to}.mlp`, D, feedForward),
      ...(type !== "olmo" && norms),
    },
    ignored: [`${from}.self_attn.rotary_emb.inv_freq`],
  };
}

function feedForwardRows(from: string, to: string, width: number, feedForward: FeedForwardChoice): WeightTable["rows"] {
  const inner = feedForward.feedForwardWidth;
  if (!("experts" in feedForward)) return gatedRows(from, to, width, inner);
  const expert = `${from}.experts.{e}`;
  const names = {
    router: `${from}.gate`,
    gate: `${expert}.gate_proj`,
    up: `${expert}.up_proj`,
    down: `${expert}.down_proj`,
  };
  return expertRows(names, to, { width, inner, experts: feedForward.experts });
}

export const olmo: Architecture<OlmoConfig> = {
  classNames: [classNames.olmo],
  readConfig: readOlmo,
  weightTable,
  build,
};

export const olmo2: Architecture<OlmoConfig> = {
  classNames: [classNames.olmo2],
  readConfig: readOlmo2,
  weightTable,
  build,
};

export const olmoe: Architecture<OlmoConfig> = {
  classNames: [classNames.olmoe],
  readConfig: readOlmoe,
  weightTable,
  build,
};
