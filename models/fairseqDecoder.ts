/**
 * What the decoder-only models of fairseq (Ott et al. 2019, arXiv 1904.01038), and those that took over its names, have in
 * common: the layers of the stack and the names of their tensors. Sizes, defaults and tables of embeddings are told in the
 * files of the families.
 */

import { type PositionsChoice, Stack } from "../src/layers/stack.ts";
import type { Weights } from "../src/layers/weights.ts";
import { linearRows, normRows } from "../src/model/weightRows.ts";
import type { WeightTable } from "../src/model/weights.ts";
import type { Activation } from "../src/ops/activation.ts";

export interface FairseqDecoderConfig {
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly feedForwardWidth: number;
  readonly activation: Activation;
  readonly positions: Exclude<PositionsChoice, { kind: "relative" }>;
  readonly normPlace: "before" | "after";
  /** Normalisations have trained scales and biases. */
  readonly trainedNorms: boolean;
  /** Normalises what leaves the last block. */
  readonly finalNorm: boolean;
  /** Linear maps add a bias. */
  readonly bias: boolean;
}

/** The first two rows of a table of positions are never used, whatever the padding token is. */
export const FIRST_POSITION = 2;

/** PyTorch's default, which the references do not change. */
const LAYER_NORM_EPSILON = 1e-5;

export function fairseqDecoder(config: FairseqDecoderConfig, weights?: Weights): Stack {
  const { width, layers, heads, feedForwardWidth, activation, bias, positions, finalNorm } = config;
  const headWidth = width / heads;
  const block = {
    width,
    norm: { kind: "layerNorm", epsilon: LAYER_NORM_EPSILON, scale: config.trainedNorms, bias: config.trainedNorms },
    normPlace: config.normPlace,
    attention: { heads, headWidth, bias, scale: 1 / Math.sqrt(headWidth) },
    mlp: { feedForwardWidth, activation, bias },
  } as const;
  return new Stack({
    name: "stack",
    stack: "decoder",
    readsEncoder: false,
    layers,
    block,
    positions,
    embeddingNorm: false,
    finalNorm,
    weights,
  });
}

/** The tensors of the stack; `{i}` counts its layers. */
export function fairseqDecoderRows(config: FairseqDecoderConfig, finalNorm: string): WeightTable["rows"] {
  const { width: D, feedForwardWidth: F, positions, trainedNorms, bias } = config;
  const [from, to] = ["layers.{i}", "stack.blocks.{i}"];
  const attention = (theirs: string, ours: string) =>
    linearRows(`${from}.self_attn.${theirs}_proj`, `${to}.attention.${ours}`, D, D, bias);
  return {
    ...(positions.kind === "learned" && {
      "embed_positions.weight": { to: "stack.positions.table", shape: [positions.offset + positions.positions, D] },
    }),
    ...attention("q", "query"),
    ...attention("k", "key"),
    ...attention("v", "value"),
    ...attention("out", "output"),
    ...(trainedNorms && normRows(`${from}.self_attn_layer_norm`, `${to}.attentionNorm`, D)),
    ...linearRows(`${from}.fc1`, `${to}.mlp.up`, D, F, bias),
    ...linearRows(`${from}.fc2`, `${to}.mlp.down`, F, D, bias),
    ...(trainedNorms && normRows(`${from}.final_layer_norm`, `${to}.mlpNorm`, D)),
    ...(config.finalNorm && trainedNorms && normRows(finalNorm, "stack.finalNorm", D)),
  };
}
