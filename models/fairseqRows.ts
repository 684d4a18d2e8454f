/** The names that fairseq's encoder-decoders, and those that took over its names, give to the tensors of a checkpoint. */

import { hasExperts } from "../src/layers/mlp.ts";
import { linearRows, normRows } from "../src/model/weightRows.ts";
import type { WeightTable } from "../src/model/weights.ts";
import type { FairseqConfig } from "./fairseq.ts";

type Rows = WeightTable["rows"];

/** How a checkpoint calls the parts of a stack, where that differs. */
export interface StackNames {
  readonly stack: string;
  readonly crossAttention: string;
  readonly mlp: string;
  readonly mlpNorm: string;
}

/** The tensors of a stack. Letters `{i}` and `{j}` count the layers of encoder and decoder. */
export function fairseqRows(
  stack: "encoder" | "decoder",
  config: FairseqConfig,
  names: Partial<StackNames> = {},
): Rows {
  const { stack: outer = stack, crossAttention = "encoder_attn", mlp = "", mlpNorm = "final_layer_norm" } = names;
  const { width: D, maxPositions, firstPosition, kind } = config;
  const layer = stack === "encoder" ? "{i}" : "{j}";
  const [from, to] = [`${outer}.layers.${layer}`, `${stack}.blocks.${layer}`];
  const attention = (theirs: string, ours: string, norm: string): Rows => ({
    ...linearRows(`${from}.${theirs}.q_proj`, `${to}.${ours}.query`, D, D),
    ...linearRows(`${from}.${theirs}.k_proj`, `${to}.${ours}.key`, D, D),
    ...linearRows(`${from}.${theirs}.v_proj`, `${to}.${ours}.value`, D, D),
    ...linearRows(`${from}.${theirs}.out_proj`, `${to}.${ours}.output`, D, D),
    ...normRows(`${from}.${theirs}_layer_norm`, `${to}.${norm}`, D),
  });
  const positions = { to: `${stack}.positions.table`, shape: [firstPosition + maxPositions, D] };
  return {
    ...(kind.positions === "learned" && { [`${outer}.embed_positions.weight`]: positions }),
    ...(kind.embeddingNorm && normRows(`${outer}.layernorm_embedding`, `${stack}.embeddingNorm`, D)),
    ...attention("self_attn", "attention", "attentionNorm"),
    ...(stack === "decoder" && attention(crossAttention, "crossAttention", "crossNorm")),
    ...mlpRows(stack, config, (at) => `${outer}.layers.${at}.${mlp}`),
    ...normRows(`${from}.${mlpNorm}`, `${to}.mlpNorm`, D),
    ...(kind.finalNorm && normRows(`${outer}.layer_norm`, `${stack}.finalNorm`, D)),
  };
}

/** Feed-forward parts, one by one, because some blocks may have experts instead. */
function mlpRows(stack: "encoder" | "decoder", config: FairseqConfig, theirs: (layer: number) => string): Rows {
  const { width: D } = config;
  const { layers, feedForwardWidth: F, mixture } = config[stack];
  const part = (from: string, to: string): Rows => ({
    ...linearRows(`${from}fc1`, `${to}.up`, D, F),
    ...linearRows(`${from}fc2`, `${to}.down`, F, D),
  });
  const rows = Array.from({ length: layers }, (_, layer): Rows => {
    const [from, to] = [theirs(layer), `${stack}.blocks.${layer}.mlp`];
    if (mixture === undefined || !hasExperts(mixture, layer)) return part(from, to);
    const { experts: E, routerBias } = mixture;
    const experts = Array.from({ length: E }, (_, e) => part(`${from}experts.expert_${e}.`, `${to}.experts.${e}`));
    return Object.assign(linearRows(`${from}router.classifier`, `${to}.router`, D, E, routerBias), ...experts);
  });
  return Object.assign({}, ...rows);
}

/** Sinusoids, which follow from their size, and what fairseq leaves in checkpoints beside the weights. */
export const fairseqBuffers: readonly string[] = ["encoder", "decoder"].flatMap((stack) => [
  `${stack}.embed_positions.weight`,
  `${stack}.embed_positions.weights`,
  `${stack}.embed_positions._float_tensor`,
  `${stack}.version`,
]);
