/** Configs of the GPT-like families: what contradicts itself or is not implemented is refused, and what old names mean. */

import { describe, expect, test } from "vitest";
import { architectures } from "../../models/registry.ts";
import { ConfigError } from "../../src/errors.ts";
import type { JsonObject } from "../../src/json.ts";

type Type = keyof typeof architectures;
const read = (type: Type, attributes: JsonObject) => architectures[type].readConfig(attributes);

describe("a config is refused", () => {
  test.each<[Type, JsonObject, RegExp]>([
    ["openai-gpt", { afn: "gelu_new" }, /afn: expected one of "relu", "silu", "swish", "gelu", received "gelu_new"/],
    ["gpt_neo", { num_layers: 3 }, /attention_types: expected as many as num_layers = 3, received 24/],
    ["gpt_neo", { num_layers: 1, attention_types: [[["far"], 1]] }, /expected pairs of a list of "global" and "local"/],
    [
      "gpt_neo",
      { num_layers: 1, attention_types: [[["local"], 1]], attention_layers: ["global"] },
      /attention_layers: \["global"\] contradicts attention_types/,
    ],
    [
      "gptj",
      { n_embd: 32, n_head: 4, rotary_dim: 10 },
      /rotary_dim: expected an even number up to .* = 8, received 10/,
    ],
    ["gptj", { n_embd: 32, n_head: 4, rotary_dim: 3 }, /rotary_dim: expected an even number.*received 3/],
    ["gptj", { scale_attn_weights: false }, /scale_attn_weights: only true is implemented/],
    ["codegen", { n_embd: 24, n_head: 6, rotary_dim: 4 }, /n_head to be a multiple of the slices.*received 6 and 4/],
    ["gpt_neox", { rotary_pct: 1.5 }, /expected a number above 0, at most 1, received 1.5/],
    ["gpt_neox", { rotary_emb_base: 10, rope_theta: 20 }, /rotary_emb_base: 10 contradicts its other name rope_theta/],
    ["gpt_bigcode", { num_key_value_heads: 12 }, /num_key_value_heads: 12 contradicts multi_query: true/],
    ["gpt_bigcode", { add_cross_attention: true }, /add_cross_attention: only false is implemented/],
    ["opt", { num_attention_heads: 5 }, /hidden_size to be a multiple of num_attention_heads, received 768 and 5/],
    ["xglm", { pad_token_id: 5 }, /pad_token_id: expected 0 or 1, as a row that no position uses, received 5/],
    ["bloom", { n_inner: 100 }, /n_inner: 100 is not implemented/],
    ["mpt", { no_bias: false }, /no_bias: only true is implemented/],
    ["mpt", { logit_scale: 2 }, /logit_scale: 2 is not implemented/],
    ["mpt", { attn_config: { alibi: false, qk_ln: true } }, /alibi: only true.*\n.*qk_ln: only false/],
    ["mpt", { attn_config: 3 }, /attn_config: expected an object, received 3/],
    ["falcon", { multi_query: false, num_kv_heads: 2 }, /num_kv_heads: without new_decoder_architecture.*received 2/],
    [
      "falcon",
      { num_ln_in_parallel_attn: 2 },
      /num_ln_in_parallel_attn: expected 1, or 2 with new_decoder_architecture/,
    ],
    ["falcon", { new_decoder_architecture: true, parallel_attn: false }, /parallel_attn: expected true/],
    ["dbrx", { tie_word_embeddings: true }, /tie_word_embeddings: only false is implemented/],
    ["dbrx", { num_key_value_heads: 4 }, /num_key_value_heads: 4 contradicts attn_config.kv_n_heads: 1/],
    ["dbrx", { ffn_config: { moe_normalize_expert_weights: 2 } }, /moe_normalize_expert_weights: only 1 or null/],
    ["dbrx", { ffn_config: { moe_top_k: 9 } }, /at most the 4 experts, received 9/],
    ["dbrx", { attn_config: [] }, /attn_config: expected an object, received \[\]/],
  ])("of a %s model with %j", (type, attributes, message) => {
    expect(() => read(type, attributes)).toThrow(ConfigError);
    expect(() => read(type, attributes)).toThrow(message);
  });
});

describe("a config means", () => {
  test.each<[Type, JsonObject, object]>([
    ["bloom", { n_embed: 1024, num_attention_heads: 16, offset_alibi: 100 }, { width: 1024, heads: 16 }],
    ["falcon", { multi_query: true }, { keyValueHeads: 1, order: "one norm", feedForwardWidth: 4 * 4544 }],
    ["falcon", { new_decoder_architecture: true, num_kv_heads: 1 }, { keyValueHeads: 1, order: "two norms" }],
    ["falcon", { alibi: true, parallel_attn: false }, { rotary: undefined, order: "sequential" }],
    ["gpt_neox", {}, { rotary: { headWidth: 24, theta: 10000, scaling: { type: "default" } } }],
    ["phi", { rope_theta: 500 }, { attention: { rotary: { headWidth: 32, theta: 500 } } }],
    ["openai-gpt", {}, { activation: "gelu_new" }],
    ["mpt", { attn_config: { softmax_scale: 0.5, clip_qkv: 8 } }, { scale: 0.5, clip: 8 }],
    ["opt", { do_layer_norm_before: false }, { normPlace: "after", finalNorm: false }],
    ["gpt_bigcode", { multi_query: false }, { keyValueHeads: 12 }],
  ])("of %s, %j: %j", (type, attributes, meaning) => {
    expect(read(type, attributes)).toMatchObject(meaning);
  });
});
