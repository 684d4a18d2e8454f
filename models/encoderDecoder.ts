/** Tables of embeddings, an encoder, a decoder and a head, put together as a model: the same for every encoder-decoder. */

import type { Embedding } from "../src/layers/embedding.ts";
import { disposeLayers } from "../src/layers/layer.ts";
import { type OutputHead, readoutOf } from "../src/layers/outputHead.ts";
import type { Stack } from "../src/layers/stack.ts";
import type { EncoderDecoderModel, ModelFacts } from "../src/model/model.ts";
import { mul, scalar, type Tensor } from "../src/tensor.ts";

export interface EncoderDecoderParts {
  readonly facts: ModelFacts;
  readonly sourceTokens: Embedding;
  /** May be the same as that of the source. */
  readonly targetTokens: Embedding;
  /** Factor of all embeddings. */
  readonly embeddingScale?: number;
  readonly encoder: Stack;
  readonly decoder: Stack;
  /** Factor of the decoder's states before the head. */
  readonly stateScale?: number;
  readonly head: OutputHead;
}

export function encoderDecoder(parts: EncoderDecoderParts): EncoderDecoderModel {
  const { facts, sourceTokens, targetTokens, encoder, decoder, head } = parts;
  const embed = (tokens: Embedding, ids: Tensor): Tensor => scaled(tokens.call(ids), parts.embeddingScale);
  const tables = sourceTokens === targetTokens ? [sourceTokens] : [sourceTokens, targetTokens];
  const readout = readoutOf(decoder.finalNorm, { logits: (x) => head.logits(scaled(x, parts.stateScale)) });
  const layers = [...tables, ...encoder.layers, ...decoder.layers, ...head.layers];
  return {
    kind: "encoder-decoder",
    facts,
    layers,
    readout,

    embedSource: (ids_BS) => embed(sourceTokens, ids_BS),
    embedTarget: (ids_BT) => embed(targetTokens, ids_BT),

    encode({ embeddings_BSD, mask_BS, sites }) {
      return { states_BSD: encoder.call(embeddings_BSD, { mask_BS, sites }), mask_BS };
    },

    decode({ embeddings_BTD, ...pass }, { states_BSD, mask_BS }) {
      return readout.logits(decoder.call([embeddings_BTD, states_BSD], { ...pass, sourceMask_BS: mask_BS }));
    },

    dispose: () => disposeLayers(layers),
  };
}

function scaled(x: Tensor, factor = 1): Tensor {
  return factor === 1 ? x : mul(x, scalar(factor));
}
