/** Folders and configs that are no model of ours: what is wrong is said, all at once. */

import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { loadArchitecture, randomModel } from "../../models/load.ts";
import { ConfigError, FileError } from "../../src/errors.ts";
import { type FileSource, filesFromMemory } from "../../src/files.ts";
import type { JsonObject } from "../../src/json.ts";
import { openSafetensors } from "../../src/model/checkpoint/safetensors.ts";
import { memory } from "../../src/tensor.ts";
import { useCpu } from "../support/backend.ts";
import { goldenPath } from "../support/goldenResults.ts";
import {
  type Family,
  families,
  goldenModel,
  logits,
  relativeDifference,
  smallConfigs,
  smallModel,
} from "../support/models.ts";

beforeAll(useCpu);

const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const golden = (family: string, file: string) => new Uint8Array(readFileSync(goldenPath(family, "model", file)));
const goldenConfig = (family: string) =>
  JSON.parse(readFileSync(goldenPath(family, "model", "config.json"), "utf8")) as JsonObject;

/** A golden model's folder with attributes of its config changed. */
function changed(family: string, attributes: JsonObject, weights = golden(family, "model.safetensors")): FileSource {
  const config = text({ ...goldenConfig(family), ...attributes });
  return filesFromMemory("folder", { "config.json": config, "model.safetensors": weights });
}

/** Small sizes under the names of fairseq's models. */
const fairseqSize: JsonObject = {
  vocab_size: 23,
  d_model: 12,
  encoder_layers: 1,
  encoder_attention_heads: 3,
  encoder_ffn_dim: 14,
  decoder_layers: 1,
  decoder_attention_heads: 2,
  decoder_ffn_dim: 10,
  max_position_embeddings: 16,
};

describe("config.json", () => {
  test("must be there", async () => {
    const files = filesFromMemory("folder", { "model.safetensors": golden("gpt2", "model.safetensors") });
    await expect(loadArchitecture(files)).rejects.toThrow(FileError);
    await expect(loadArchitecture(files)).rejects.toThrow(
      "folder: expected a file config.json, found model.safetensors",
    );
  });

  test.each([
    ["bert", /expected a model_type that is implemented \(gpt2, .*, llama, .*\), received "bert"/],
    ["lama", /did you mean "llama"\?/],
    ["toString", /received "toString"/],
    [null, /received null/],
  ])("has a model_type that is implemented, which %s is not", (model_type, message) => {
    const load = () => randomModel({ model_type }, 0);
    expect(load).toThrow(ConfigError);
    expect(load).toThrow(message);
  });

  test("names the class of a language model", () => {
    const load = (architectures: string[]) => () => randomModel({ ...smallConfigs.gpt2, architectures }, 0).dispose();
    expect(load(["GPT2ForSequenceClassification"])).toThrow(
      /GPT2LMHeadModel, received \["GPT2ForSequenceClassification"\]/,
    );
    expect(load(["GPT2LMHeadModel"])).not.toThrow();
  });

  test.each(families)("of a %s model has no attribute that is not implemented", (family) => {
    const load = () => randomModel({ ...smallConfigs[family], sliding_window: 4, qk_norm: true }, 0);
    expect(load).toThrow(ConfigError);
    expect(load).toThrow(
      /2 attributes that cannot be followed:\n {2}sliding_window: 4 .*\n {2}qk_norm: true is not implemented/,
    );
  });

  test.each<[string, JsonObject]>([
    [
      "opus-mt",
      { ...smallConfigs.marian, extra_pos_embeddings: 58101, add_bias_logits: false, normalize_before: false },
    ],
    [
      "bart-large-cnn",
      {
        ...fairseqSize,
        model_type: "bart",
        extra_pos_embeddings: 2,
        save_step: 58,
        force_bos_token_to_be_generated: true,
      },
    ],
    ["bart-base", { ...fairseqSize, model_type: "bart", architectures: ["BartModel"], normalize_embedding: true }],
    ["mbart-large-50", { ...fairseqSize, model_type: "mbart", add_final_layer_norm: true, normalize_before: true }],
    [
      "pegasus-xsum",
      {
        ...fairseqSize,
        model_type: "pegasus",
        static_position_embeddings: true,
        normalize_before: true,
        length_penalty: 0.6,
      },
    ],
    ["wmt19", { ...fairseqSize, model_type: "fsmt", langs: ["ru", "en"], decoder: { vocab_size: 23 }, num_beams: 5 }],
  ])("as converters wrote it for %s is read", (_name, config) => {
    randomModel(config, 0).dispose();
  });

  test.each<[Family, JsonObject, RegExp]>([
    ["gpt2", { n_head: 5 }, /n_embd to be a multiple of n_head, received 12 and 5/],
    ["gpt2", { activation_function: "mish" }, /activation_function: expected one of "linear".*received "mish"/],
    ["gpt2", { add_cross_attention: true }, /add_cross_attention: only false is implemented, received true/],
    ["gpt2", { hidden_size: 24 }, /n_embd: 12 contradicts its other name hidden_size: 24/],
    [
      "llama",
      { num_key_value_heads: 3 },
      /num_attention_heads to be a multiple of num_key_value_heads, received 4 and 3/,
    ],
    ["llama", { pretraining_tp: 2 }, /pretraining_tp: only 1 is implemented, received 2/],
    [
      "llama",
      { rope_scaling: { type: "spiral" } },
      /rope_type: expected one of "default", "linear".*received "spiral"|spiral/,
    ],
    ["marian", { normalize_before: true }, /normalize_before: only false is implemented/],
    ["marian", { model_type: "mbart", normalize_before: false }, /normalize_before: only true is implemented/],
    [
      "marian",
      { model_type: "nllb-moe", second_expert_policy: "random", moe_eval_capacity_token_fraction: 0.5 },
      /second_expert_policy: only "all" is implemented.*\n.*moe_eval_capacity_token_fraction: only 1 is implemented/,
    ],
    [
      "marian",
      { decoder_attention_heads: 5 },
      /d_model to be a multiple of decoder_attention_heads, received 12 and 5/,
    ],
    ["marian", { is_encoder_decoder: false }, /is_encoder_decoder: only true is implemented/],
    ["t5", { feed_forward_proj: "gated-mish" }, /feed_forward_proj: expected an activation.*received "gated-mish"/],
    ["t5", { feed_forward_proj: "half-relu" }, /received "half-relu"/],
    ["t5", { dense_act_fn: "relu" }, /"gated-gelu" contradicts dense_act_fn: relu/],
    ["t5", { is_gated_act: false }, /contradicts dense_act_fn: null and is_gated_act: false/],
  ])("of a %s model is refused with %j", (family, attributes, message) => {
    const load = () => randomModel({ ...smallConfigs[family], ...attributes }, 0);
    expect(load).toThrow(ConfigError);
    expect(load).toThrow(message);
  });
});

describe("checkpoint", () => {
  test("in PyTorch's format, with every copy of tied tensors and the fixed positions, gives the same model", async () => {
    const files = {
      "config.json": golden("marian", "config.json"),
      "pytorch_model.bin": golden("marian", "pytorch_model.bin"),
    };
    const { model, rawConfig } = await loadArchitecture(filesFromMemory("folder", files));
    expect(rawConfig).toEqual(goldenConfig("marian"));
    const pass = { targetIds: [[394, 5, 9]], sourceIds: [[7, 8, 0]] };
    expect(logits(model, pass)).toEqual(logits(await goldenModel("marian"), pass));
  });

  test("that does not fit its config: every missing, misshapen and unexpected tensor is in one error", async () => {
    const files = changed("llama", { num_hidden_layers: 4, intermediate_size: 45, attention_bias: false });
    const failure = await loadArchitecture(files).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(FileError);
    const message = String(failure);
    expect(message).toContain("missing model.layers.3.mlp.up_proj.weight");
    expect(message).toContain("misshapen model.layers.0.mlp.up_proj.weight: expected [45, 32], received [44, 32]");
    expect(message).toContain("unexpected model.layers.2.self_attn.q_proj.bias of shape [32]");
  });

  test("is not needed in part: a head of its own where the config says tied is refused", async () => {
    await expect(loadArchitecture(changed("llama", { tie_word_embeddings: true }))).rejects.toThrow(
      /expected model.embed_tokens.weight and lm_head.weight to be the same tensor/,
    );
  });

  test("leaves nothing on the backend when it is refused half-way", async () => {
    const before = memory().numTensors;
    const weights = golden("gpt2", "model.safetensors");
    // The last weight of the file becomes NaN: the others are loaded before it is read.
    const checkpoint = await openSafetensors(filesFromMemory("", { a: weights }), "a");
    expect(checkpoint.names.at(-1)).toBe("transformer.wte.weight");
    weights.fill(255, weights.length - 4);
    await expect(loadArchitecture(changed("gpt2", {}, weights))).rejects.toThrow(/finite/);
    expect(memory().numTensors).toBe(before);
  });

  test("decides about the head where transformers 5 writes that every T5 is tied", async () => {
    const [model, flan] = await Promise.all([
      loadArchitecture(changed("flan_t5", { tie_word_embeddings: true, scale_decoder_outputs: false })),
      goldenModel("flan_t5"),
    ]);
    const pass = { targetIds: [[0, 5, 9]], sourceIds: [[7, 8, 1]] };
    expect(logits(model.model, pass)).toEqual(logits(flan, pass));
  });

  test("of an mT5 never scales its states, whatever is tied", async () => {
    const own = await loadArchitecture(changed("flan_t5", { model_type: "mt5", architectures: null }));
    const pass = { targetIds: [[0, 5, 9]], sourceIds: [[7, 8, 1]] };
    expect(own.model.facts).toMatchObject({ type: "mt5", className: "MT5ForConditionalGeneration" });
    expect(logits(own.model, pass)).toEqual(logits(await goldenModel("flan_t5"), pass));
    const tied = (model_type: string) => randomModel({ ...smallConfigs.t5, model_type }, 3, 0.4);
    const [mt5, t5] = [logits(tied("mt5"), pass), logits(tied("t5"), pass)];
    expect(
      relativeDifference(
        mt5.map((x) => x / Math.sqrt(12)),
        t5,
      ),
    ).toBeLessThan(1e-6);
  });
});

describe("random models", () => {
  test.each(families)("%s: the same seed gives the same weights, another seed others", (family) => {
    const pass = { targetIds: [[1, 2, 3]], sourceIds: [[4, 5]] };
    const of = (seed: number) => logits(randomModel(smallConfigs[family], seed), pass);
    expect(of(1)).toEqual(of(1));
    expect(of(1)).not.toEqual(of(2));
  });

  test("know their sizes", () => {
    expect(smallModel("marian").facts).toMatchObject({
      type: "marian",
      className: "MarianMTModel",
      width: 12,
      vocabSize: 19,
      sourceVocabSize: 23,
      layers: 1,
      heads: 2,
      maxPositions: 16,
    });
  });
});
