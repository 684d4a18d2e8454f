/** A table of embeddings, a decoder that stands alone and a head, put together as a model. */

import type { Embedding } from "../src/layers/embedding.ts";
import { disposeLayers } from "../src/layers/layer.ts";
import { type OutputHead, readoutOf } from "../src/layers/outputHead.ts";
import type { Stack } from "../src/layers/stack.ts";
import type { DecoderOnlyModel, ModelFacts } from "../src/model/model.ts";
import { mul, scalar } from "../src/tensor.ts";

export interface DecoderOnlyParts {
  readonly facts: ModelFacts;
  readonly tokens: Embedding;
  /** Factor of all embeddings. */
  readonly embeddingScale?: number;
  readonly decoder: Stack;
  readonly head: OutputHead;
}

export function decoderOnly({ facts, tokens, embeddingScale = 1, decoder, head }: DecoderOnlyParts): DecoderOnlyModel {
  const layers = [tokens, ...decoder.layers, ...head.layers];
  return {
    kind: "decoder-only",
    facts,
    layers,
    readout: readoutOf(decoder.finalNorm, head),
    embed(ids_BT) {
      const embedded = tokens.call(ids_BT);
      return embeddingScale === 1 ? embedded : mul(embedded, scalar(embeddingScale));
    },
    forward: ({ embeddings_BTD, ...pass }) => head.logits(decoder.call(embeddings_BTD, pass)),
    dispose: () => disposeLayers(layers),
  };
}
