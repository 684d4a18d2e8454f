/**
 * From the parts of a decoder with rotary positions to the model that the library knows: embeddings, blocks, a
 * normalisation, an output head. What is special about a family is in its parts, which its own file makes.
 */

import type { Embedding } from "../src/layers/embedding.ts";
import { disposeLayers } from "../src/layers/layer.ts";
import type { Norm } from "../src/layers/norm.ts";
import { type OutputHead, read, readoutOf } from "../src/layers/outputHead.ts";
import type { RotaryBlock } from "../src/layers/rotaryBlock.ts";
import { throughBlocks } from "../src/layers/throughBlocks.ts";
import type { DecoderInput, DecoderOnlyModel, ModelFacts } from "../src/model/model.ts";
import { positionIds } from "../src/model/positions.ts";
import { dependsOnLength, rotation } from "../src/ops/rotaryFrequencies.ts";
import { mul, scalar, type Tensor } from "../src/tensor.ts";

export interface RotaryDecoderParts extends Pick<ModelFacts, "type" | "className"> {
  readonly tokens: Embedding;
  readonly blocks: readonly RotaryBlock[];
  readonly finalNorm: Norm;
  readonly head: OutputHead;
  /** Multiplies embeddings, as a part of `embed`. */
  readonly embeddingScale?: number;
  /** Multiplies what enters the first block; as in transformers, `embed` does not. */
  readonly inputScale?: number;
  /** What becomes of logits. */
  readonly logits?: (logits: Tensor) => Tensor;
}

export function rotaryDecoder(parts: RotaryDecoderParts): DecoderOnlyModel {
  const { type, className, tokens, blocks, finalNorm, head } = parts;
  const { embeddingScale = 1, inputScale = 1, logits = (x: Tensor) => x } = parts;
  const { width, vocabSize } = tokens;
  const rotaries = new Set(blocks.map(({ rotary }) => rotary));
  const layers = [tokens, ...blocks, finalNorm, ...head.layers];
  const readout = readoutOf(finalNorm, { logits: (x) => logits(head.logits(x)) });
  return {
    kind: "decoder-only",
    facts: {
      type,
      className,
      width,
      vocabSize,
      layers: blocks.length,
      heads: blocks[0]?.heads ?? 0,
      maxPositions: Number.POSITIVE_INFINITY,
      dependsOnLength: [...rotaries].some(dependsOnLength),
    },
    layers,
    readout,

    embed: (ids_BT) => times(tokens.call(ids_BT), embeddingScale),

    forward(input: DecoderInput): Tensor {
      const positions_BT = positionIds(input);
      const passes = new Map(
        [...rotaries].map((rotary) => [rotary, { ...input, rotation: rotation(rotary, positions_BT) }]),
      );
      const x0 = times(input.embeddings_BTD, inputScale);
      const x = throughBlocks(x0, blocks, input.sites, (block, x) => block.call(x, passes.get(block.rotary)));
      return read(readout, x, input.targets_B);
    },

    dispose: () => disposeLayers(layers),
  };
}

const times = (x: Tensor, factor: number): Tensor => (factor === 1 ? x : mul(x, scalar(factor)));
