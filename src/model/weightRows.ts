/** Rows of weight tables for the layers that every architecture has, as PyTorch stores them. */

import type { HeadSizes } from "./sizes.ts";
import type { WeightTable } from "./weights.ts";

type Rows = WeightTable["rows"];

/** `nn.Linear`, which stores [out, in]; ours is [in, out]. */
export function linearRows(from: string, to: string, inputs: number, outputs: number, bias = true): Rows {
  return {
    [`${from}.weight`]: { to: `${to}.kernel`, shape: [outputs, inputs], transpose: true },
    ...(bias && { [`${from}.bias`]: { to: `${to}.bias`, shape: [outputs] } }),
  };
}

/** `nn.LayerNorm`, or a normalisation by the root mean square, which has no bias. */
export function normRows(from: string, to: string, width: number, bias = true): Rows {
  return {
    [`${from}.weight`]: { to: `${to}.scale`, shape: [width] },
    ...(bias && { [`${from}.bias`]: { to: `${to}.bias`, shape: [width] } }),
  };
}

/** A gated feed-forward part with Llama's names, without biases unless asked for. */
export function gatedRows(from: string, to: string, width: number, inner: number, bias = false): Rows {
  return {
    ...linearRows(`${from}.gate_proj`, `${to}.gate`, width, inner, bias),
    ...linearRows(`${from}.up_proj`, `${to}.up`, width, inner, bias),
    ...linearRows(`${from}.down_proj`, `${to}.down`, inner, width, bias),
  };
}

/** Separate projections of an attention with Llama's names. */
export function attentionRows(
  from: string,
  to: string,
  { width: D, heads: H, keyValueHeads: G, headWidth: K }: HeadSizes & { readonly width: number },
  {
    bias = false,
    outputBias = false,
  }: { readonly bias?: boolean | undefined; readonly outputBias?: boolean | undefined } = {},
): Rows {
  return {
    ...linearRows(`${from}.q_proj`, `${to}.query`, D, H * K, bias),
    ...linearRows(`${from}.k_proj`, `${to}.key`, D, G * K, bias),
    ...linearRows(`${from}.v_proj`, `${to}.value`, D, G * K, bias),
    ...linearRows(`${from}.o_proj`, `${to}.output`, H * K, D, outputBias),
  };
}

/** Token embeddings, and the output head, which may be the same matrix, with Llama's names. */
export function embeddingRows(vocabSize: number, width: number, tied: boolean): Rows {
  const shape = [vocabSize, width];
  return {
    "embed_tokens.weight": { to: "tokens.table", shape, copies: tied ? ["lm_head.weight"] : [] },
    ...(!tied && { "lm_head.weight": { to: "head.kernel", shape, transpose: true } }),
  };
}

/** A mixture of experts without biases: the names of its router, and of the three matrices of expert {e}. */
export function expertRows(
  names: { readonly router: string; readonly gate: string; readonly up: string; readonly down: string },
  to: string,
  { width: D, inner: F, experts: E }: { readonly width: number; readonly inner: number; readonly experts: number },
): Rows {
  return {
    ...linearRows(names.router, `${to}.router`, D, E, false),
    ...linearRows(names.gate, `${to}.experts.{e}.gate`, D, F, false),
    ...linearRows(names.up, `${to}.experts.{e}.up`, D, F, false),
    ...linearRows(names.down, `${to}.experts.{e}.down`, F, D, false),
  };
}
