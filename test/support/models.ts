/** What the tests of the models share: golden logits, passes over ids, and random models of every family. */

import { readFileSync } from "node:fs";
import { loadArchitecture, randomModel } from "../../models/load.ts";
import { type FileSource, filesFromMemory } from "../../src/files.ts";
import type { JsonObject } from "../../src/json.ts";
import { openSafetensors } from "../../src/model/checkpoint/safetensors.ts";
import type { DecoderInput, Model } from "../../src/model/model.ts";
import { openFolder } from "../../src/platform/node.ts";
import { type Tensor, tensor, tidy } from "../../src/tensor.ts";
import { goldenPath } from "./goldenResults.ts";

export interface GoldenForward {
  readonly inputIds: readonly number[];
  /** Of encoder-decoder models. */
  readonly decoderInputIds: readonly number[] | undefined;
  /** [positions, vocabulary] */
  readonly logits: Float32Array;
  /** The greedy continuation, including what it starts from. */
  readonly greedy: readonly number[];
  /** How many tokens it starts from: the text, or the decoder's first token and the language that was asked for. */
  readonly greedyStart: number;
}

interface RawForward {
  readonly input_ids: readonly number[];
  readonly decoder_input_ids?: readonly number[];
  readonly logits: string;
  readonly greedy: { readonly full_ids: readonly number[]; readonly forced_bos_token_id?: number };
}

/** The inputs and logits that Python computed with a golden model. */
export async function goldenForward(path: string): Promise<GoldenForward[]> {
  const { inputs } = JSON.parse(readFileSync(path, "utf8")) as { inputs: RawForward[] };
  return await Promise.all(
    inputs.map(async ({ input_ids, decoder_input_ids, logits, greedy }) => {
      const file = filesFromMemory("logits", { logits: new Uint8Array(Buffer.from(logits, "base64")) });
      const values = await (await openSafetensors(file, "logits")).read("logits");
      return {
        inputIds: input_ids,
        decoderInputIds: decoder_input_ids,
        logits: Float32Array.from(values),
        greedy: greedy.full_ids,
        greedyStart: decoder_input_ids ? (greedy.forced_bos_token_id === undefined ? 1 : 2) : input_ids.length,
      };
    }),
  );
}

export async function goldenModel(architecture: string): Promise<Model> {
  const { model } = await loadArchitecture(await openFolder(goldenPath(architecture, "model")));
  return model;
}

/**
 * A golden model with GELU in place of ReLU: a finite difference that steps over the kink of a ReLU is no derivative, and
 * what is tested by them is the way that gradients take, not the activation.
 */
export async function smoothGoldenModel(architecture: string): Promise<Model> {
  const files = await openFolder(goldenPath(architecture, "model"));
  const config = readFileSync(goldenPath(architecture, "model", "config.json"), "utf8").replaceAll('"relu"', '"gelu"');
  const read: FileSource["read"] = async (name, ...range) =>
    name === "config.json" ? new TextEncoder().encode(config) : await files.read(name, ...range);
  const { model } = await loadArchitecture({ ...files, read });
  return model;
}

/** What a pass is made from. */
export interface Pass extends Omit<DecoderInput, "embeddings_BTD"> {
  readonly targetIds: readonly (readonly number[])[];
  /** Of encoder-decoder models. */
  readonly sourceIds?: readonly (readonly number[])[];
  readonly sourceMask_BS?: Tensor;
}

export function ids(rows: readonly (readonly number[])[]): Tensor {
  return tensor(Int32Array.from(rows.flat()), [rows.length, rows[0]?.length ?? 0], "int32");
}

/** Logits of a whole pass from token ids, on the host. */
export function logits(model: Model, pass: Pass): Float32Array {
  return floats(tidy(() => logitsTensor(model, pass)));
}

export function logitsTensor(model: Model, { targetIds, sourceIds, sourceMask_BS, ...pass }: Pass): Tensor {
  if (model.kind === "decoder-only") return model.forward({ ...pass, embeddings_BTD: model.embed(ids(targetIds)) });
  const { sites } = pass;
  const embeddings_BSD = model.embedSource(ids(sourceIds ?? []));
  const states = model.encode({ embeddings_BSD, mask_BS: sourceMask_BS, sites });
  return model.decode({ ...pass, embeddings_BTD: model.embedTarget(ids(targetIds)) }, states);
}

/** A tensor's numbers; the tensor is let go. */
export function floats(x: Tensor): Float32Array {
  const values = Float32Array.from(x.dataSync());
  x.dispose();
  return values;
}

/** The largest difference, as a share of the range of `expected`; Infinity when lengths differ or a number is none. */
export function relativeDifference(actual: Float32Array, expected: Float32Array): number {
  if (actual.length !== expected.length || expected.length === 0) return Number.POSITIVE_INFINITY;
  let [low, high, worst] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (const [i, value] of expected.entries()) {
    const difference = Math.abs((actual[i] ?? Number.NaN) - value);
    if (!Number.isFinite(difference)) return Number.POSITIVE_INFINITY;
    [low, high, worst] = [Math.min(low, value), Math.max(high, value), Math.max(worst, difference)];
  }
  return worst / (high - low);
}

/** One small random config of each family, with sizes that differ from each other. */
export const smallConfigs = {
  gpt2: { model_type: "gpt2", vocab_size: 23, n_embd: 12, n_layer: 2, n_head: 3, n_positions: 16, n_inner: 20 },
  llama: {
    model_type: "llama",
    vocab_size: 23,
    hidden_size: 12,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 6,
    intermediate_size: 14,
    attention_bias: true,
    tie_word_embeddings: true,
  },
  marian: {
    model_type: "marian",
    is_encoder_decoder: true,
    vocab_size: 23,
    decoder_vocab_size: 19,
    share_encoder_decoder_embeddings: false,
    d_model: 12,
    encoder_layers: 2,
    encoder_attention_heads: 3,
    encoder_ffn_dim: 14,
    decoder_layers: 1,
    decoder_attention_heads: 2,
    decoder_ffn_dim: 10,
    max_position_embeddings: 16,
    activation_function: "swish",
    scale_embedding: true,
  },
  t5: {
    model_type: "t5",
    is_encoder_decoder: true,
    vocab_size: 23,
    d_model: 12,
    d_kv: 5,
    d_ff: 14,
    num_layers: 2,
    num_decoder_layers: 1,
    num_heads: 3,
    relative_attention_num_buckets: 8,
    relative_attention_max_distance: 10,
    feed_forward_proj: "gated-gelu",
  },
} as const satisfies Record<string, JsonObject>;

export type Family = keyof typeof smallConfigs;
export const families = Object.keys(smallConfigs) as Family[];

/** A random model with weights large enough that no part of it is lost in rounding. */
export function smallModel(family: Family, changes: JsonObject = {}): Model {
  return randomModel({ ...smallConfigs[family], ...changes }, 7, 0.4);
}

/** `count` ids below 19, which every small model knows; the same seed gives the same ids. */
export function someIds(count: number, seed: number): number[] {
  return Array.from({ length: count }, (_, i) => ((i + 1) * (seed + 7) * 31) % 19);
}

/** int32 [B, T] */
export function mask(rows: readonly (readonly number[])[]): Tensor {
  return ids(rows);
}
