/** Configs of the Llama-like families: what contradicts itself or is not implemented is refused, and what old names mean. */

import { describe, expect, test } from "vitest";
import { architectures } from "../../models/registry.ts";
import { ConfigError } from "../../src/errors.ts";
import type { JsonObject } from "../../src/json.ts";

const small = {
  vocab_size: 23,
  hidden_size: 16,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  intermediate_size: 14,
} as const;

type Type = keyof typeof architectures;
const read = (type: Type, attributes: JsonObject) => architectures[type].readConfig({ ...small, ...attributes });

describe("a config is refused", () => {
  test.each<[Type, JsonObject, RegExp]>([
    ["mistral", { sliding_window: 0 }, /sliding_window: expected a positive integer or null, received 0/],
    ["mixtral", { num_experts_per_tok: 9 }, /num_experts_per_tok: expected at most the 8 experts, received 9/],
    ["olmoe", { num_experts: 4, num_experts_per_tok: 5 }, /at most the 4 experts, received 5/],
    ["qwen2", { layer_types: ["full_attention"] }, /layer_types: expected one for each of 2 layers, received 1/],
    ["qwen2", { layer_types: ["full_attention", "chunked_attention"] }, /layer_types: expected a list of .*chunked/],
    [
      "qwen2",
      { layer_types: ["full_attention", "sliding_attention"], use_sliding_window: false },
      /sliding_window: expected a positive integer, as layer 1 slides, received null/,
    ],
    ["qwen2_moe", { mlp_only_layers: "all" }, /mlp_only_layers: expected a list of layer numbers, received "all"/],
    ["stablelm", { partial_rotary_factor: 1.5 }, /partial_rotary_factor: expected a number above 0, at most 1/],
    [
      "nemotron",
      { partial_rotary_factor: 0.5, rope_parameters: { partial_rotary_factor: 0.25 } },
      /partial_rotary_factor: 0.5 contradicts 0.25 among the rotary parameters/,
    ],
    [
      "phi3",
      { partial_rotary_factor: 0.75 },
      /head_dim times partial_rotary_factor: expected an even number.*received 3/,
    ],
    [
      "phi3",
      { rope_scaling: { type: "su", short_factor: [1], long_factor: [2, 2] } },
      /short_factor: expected a list of 2/,
    ],
    ["phi3", { attention_bias: true }, /attention_bias: only false is implemented/],
    ["gemma", { use_bidirectional_attention: true }, /use_bidirectional_attention: only false is implemented/],
    ["gemma3_text", { rope_parameters: { rope_type: "linear" } }, /expected one object for full_attention and one for/],
    ["granite", { shared_intermediate_size: 7 }, /shared_intermediate_size: 7 is not implemented/],
    ["cohere", { model_parallel_layers: 2 }, /model_parallel_layers: 2 is not implemented/],
  ])("of a %s model with %j", (type, attributes, message) => {
    expect(() => read(type, attributes)).toThrow(ConfigError);
    expect(() => read(type, attributes)).toThrow(message);
  });
});

describe("a config means", () => {
  const attention = { attention: { rotary: {} } };

  test("by the first releases' gelu of Gemma its tanh form, and by Phi-3's su LongRoPE", () => {
    expect(read("gemma", { hidden_act: "gelu" })).toMatchObject({ activation: "gelu_new" });
    const su = { type: "su", short_factor: [1, 1], long_factor: [2, 2] };
    const config = { rope_scaling: su, original_max_position_embeddings: 8, max_position_embeddings: 16 };
    expect(read("phi3", config)).toMatchObject({
      attention: { rotary: { scaling: { type: "longrope", originalMaxPositions: 8 } } },
    });
  });

  test("where it says nothing, the published θ of its family", () => {
    const theta = (type: Type) => read(type, {}) as typeof attention & { attention: { rotary: { theta: number } } };
    expect(theta("llama").attention.rotary.theta).toBe(10000);
    expect(theta("mixtral").attention.rotary.theta).toBe(1e6);
    expect(theta("cohere").attention.rotary.theta).toBe(500000);
    expect(theta("gemma3_text").attention.rotary.theta).toBe(1e6);
  });

  test("windows layer by layer: Qwen 2 from a layer on, Gemma 2 every other, Gemma 3 all but every sixth", () => {
    const windows = (type: Type, attributes: JsonObject) => (read(type, attributes) as { windows?: unknown }).windows;
    const layers = { num_hidden_layers: 7, sliding_window: 5 };
    const qwen = { ...layers, use_sliding_window: true, max_window_layers: 5 };
    const none = undefined;
    expect(windows("qwen2", qwen)).toEqual([none, none, none, none, none, 5, 5]);
    expect(windows("qwen2_moe", qwen)).toEqual([5, none, 5, none, 5, none, none]);
    expect(windows("gemma2", layers)).toEqual([5, none, 5, none, 5, none, 5]);
    expect(windows("gemma3_text", layers)).toEqual([5, 5, 5, 5, 5, none, 5]);
  });
});
