/**
 * The output head: logits of a model's last states, z = x W + b. W is a matrix of its own, or the table of the tokens'
 * embeddings, transposed (Press and Wolf 2017, arXiv 1608.05859).
 */

import type { Readout } from "../model/model.ts";
import { select } from "../ops/select.ts";
import type { Layer, Tensor } from "../tensor.ts";
import { Bias } from "./bias.ts";
import type { Embedding } from "./embedding.ts";
import { Linear } from "./linear.ts";
import type { Norm } from "./norm.ts";
import type { Weights } from "./weights.ts";

export interface OutputHeadOptions {
  readonly tokens: Embedding;
  /** Whether `tokens` is the head's matrix, too. */
  readonly tied: boolean;
  /** Whether logits have a bias. */
  readonly bias?: boolean;
  readonly weights?: Weights | undefined;
}

export interface OutputHead {
  /** [..., D] → [..., V] */
  logits(x: Tensor): Tensor;
  /** The layers that are its own. */
  readonly layers: readonly Layer[];
}

/** The head of a model, its weights `head.kernel` [D, V] unless tied, and `head.bias` [V] if it has one. */
export function outputHead({ tokens, tied, bias = false, weights }: OutputHeadOptions): OutputHead {
  const { width, vocabSize } = tokens;
  const own = tied ? undefined : new Linear({ name: "head", inputs: width, outputs: vocabSize, bias, weights });
  const added = tied && bias ? new Bias({ name: "head", width: vocabSize, weights }) : undefined;
  return {
    logits(x) {
      const product = own?.call(x) ?? tokens.logits(x);
      return added?.call(product) ?? product;
    },
    layers: [own, added].filter((layer) => layer !== undefined),
  };
}

/** The states [B, T, D] that go through the head: all of them, or one of each row [B, D] where targets are given. */
export function statesToRead(x_BTD: Tensor, targets_B: Tensor | undefined): Tensor {
  return targets_B === undefined ? x_BTD : select(x_BTD, targets_B);
}

/** A normalisation, if there is one, and a head: the end of most models. */
export function readoutOf(norm: Norm | undefined, head: Pick<OutputHead, "logits">): Readout {
  return {
    normalize: (states) => norm?.call(states) ?? states,
    linearized: (parts, whole) => norm?.linearized(parts, whole) ?? parts,
    logits: (normalized) => head.logits(normalized),
  };
}

/** Logits of a last block's states [B, T, D], at the targets where they are given. */
export function read(readout: Readout, x_BTD: Tensor, targets_B: Tensor | undefined): Tensor {
  return readout.logits(readout.normalize(statesToRead(x_BTD, targets_B)));
}
