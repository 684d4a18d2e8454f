/**
 * What a model is to the rest of the library: two entrances (token ids and embeddings), logits out, named sites inside.
 *
 * B rows of a batch, S source positions, T target positions, P past positions in the cache, D model width, V vocabulary.
 * Attribution differentiates at the embeddings, so the cut between `embed` and the rest is part of the interface.
 */

import type { Layer, Tensor } from "../tensor.ts";
import type { Past } from "./cache.ts";
import type { DropoutAttributes, DropoutRates } from "./dropout.ts";
import type { Sites } from "./sites.ts";

export interface DecoderInput {
  /** Token embeddings as `embed` gives them (transformers' `inputs_embeds`), without positions. */
  readonly embeddings_BTD: Tensor;
  /** 1 for tokens, 0 for padding, over past and present; absent means all are tokens. int32 [B, P + T]. */
  readonly mask_BS?: Tensor | undefined;
  /** Position of each token; by default counted from the first token of the mask. int32 [B, T]. */
  readonly positions_BT?: Tensor | undefined;
  /** Keys and values of the past; this pass appends its own. */
  readonly cache?: Past | undefined;
  /** One position of each row at which logits are wanted (int32 [B]), or N of them ([B, N]): the head runs there only. */
  readonly targets_B?: Tensor | undefined;
  /** Activations to read or replace. */
  readonly sites?: Sites | undefined;
}

export interface EncoderInput {
  /** Scaled token embeddings, without positions. */
  readonly embeddings_BSD: Tensor;
  /** 1 for tokens, 0 for padding; absent means all are tokens. int32 [B, S]. */
  readonly mask_BS?: Tensor | undefined;
  readonly sites?: Sites | undefined;
}

/** The encoder's output, as the decoder's cross-attention sees it. */
export interface EncoderStates {
  readonly states_BSD: Tensor;
  readonly mask_BS?: Tensor | undefined;
}

/** Facts about a loaded model that do not depend on its architecture. */
export interface ModelFacts {
  /** `model_type` of config.json. */
  readonly type: string;
  /** The class that Python's transformers would use, for instance `GPT2LMHeadModel`. */
  readonly className: string;
  readonly width: number;
  /** Of the embeddings, where they are not as wide as the blocks. */
  readonly embeddingWidth?: number;
  readonly vocabSize: number;
  /** Of the encoder, where it has a vocabulary of its own. */
  readonly sourceVocabSize?: number;
  readonly layers: number;
  /** Attention heads of a layer. */
  readonly heads: number;
  /** The most positions that the model can tell apart; Infinity when there is no limit. */
  readonly maxPositions: number;
  /** What comes after a position changes its output, because the row's length does (some rotary scalings). */
  readonly dependsOnLength?: boolean;
  /** Where and how likely numbers are dropped in training; models that are not made from a config.json have none. */
  readonly dropout?: { readonly attributes: DropoutAttributes; readonly rates: DropoutRates };
  /** Every pass computes all positions: the model takes no cache. */
  readonly withoutCache?: boolean;
}

/** From what leaves the last block of a decoder to logits, in the two steps that lenses need apart. */
export interface Readout {
  /** The last normalisation, of each position alone; the identity where a model has none. [..., D] → [..., D] */
  normalize(states: Tensor): Tensor;
  /** What parts of a state become in the last normalisation of the whole, see `Normalization`; the parts where there is none. */
  linearized(parts: Tensor, whole: Tensor): Tensor;
  /** [..., D] → [..., V] */
  logits(normalized: Tensor): Tensor;
}

export interface DecoderOnlyModel {
  readonly kind: "decoder-only";
  readonly facts: ModelFacts;
  /** Its layers as TensorFlow.js knows them, each once: embeddings, blocks, norms, heads. */
  readonly layers: readonly Layer[];
  readonly readout: Readout;
  /** Embeddings [B, T, D] of int32 ids [B, T], scaled where transformers' embedding layer does it. */
  embed(ids_BT: Tensor): Tensor;
  /** Logits [B, V] or [B, N, V] at `targets_B`; [B, T, V] at every position when it is absent. */
  forward(input: DecoderInput): Tensor;
  dispose(): void;
}

export interface EncoderDecoderModel {
  readonly kind: "encoder-decoder";
  readonly facts: ModelFacts;
  /** Its layers as TensorFlow.js knows them, each once: embeddings, blocks, norms, heads. */
  readonly layers: readonly Layer[];
  readonly readout: Readout;
  /** Scaled embeddings of source ids, [B, S, D]. */
  embedSource(ids_BS: Tensor): Tensor;
  /** Scaled embeddings of target ids, [B, T, D]. */
  embedTarget(ids_BT: Tensor): Tensor;
  encode(input: EncoderInput): EncoderStates;
  /** Logits [B, V] or [B, N, V] at `targets_B`; [B, T, V] at every position when it is absent. */
  decode(input: DecoderInput, encoder: EncoderStates): Tensor;
  dispose(): void;
}

export type Model = DecoderOnlyModel | EncoderDecoderModel;
