/**
 * Attention flow (Abnar and Zuidema 2020, arXiv 2005.00928): how much can flow from an input token to a state if every layer is a
 * net of pipes as wide as its attention, averaged over heads, and its residual connection, half and half, ½ (A + I). For each
 * pair the largest flow between the two nodes, so that no share of one pipe is counted twice, as in the product of rollout.
 * It is at most 1, all that can enter a state, and at least what rollout gives.
 *
 * In an encoder-decoder the pipes of cross-attention lead from the encoder's last states into the decoder's.
 *
 * Results: flows `targetAttributions` [T, G] and `sourceAttributions` [S, G] to the predicting positions. Cost: one forward pass,
 * layers × T × T numbers, and a largest flow through as many pipes for each input token and step, exact, on the host.
 */

import type { InternalsMethod } from "../method.ts";
import { attentionMixing, type RolloutHeads } from "./attentionMixing.ts";
import type { Internals, InternalsAnswer } from "./internals.ts";
import { createFlowNetwork, type Edge, type FlowNetwork } from "./maxFlow.ts";
import { collectMixtures, type HostMixture, laidOutShares } from "./rollout.ts";

export const attentionFlow: InternalsMethod<RolloutHeads> = {
  on: "internals",
  needs: [],
  explains: "nothing",
  usesBaseline: false,
  draws: false,
  options: ["rolloutHeads"],
  dimensionNames: [],
  run: flow,
  paper: "Abnar and Zuidema 2020, arXiv 2005.00928",
  formula: "largest flow through pipes as wide as ½ (A + I), A averaged over heads",
  cost: "1 forward, 1 largest flow through layers × T × T pipes for each token and step",
  unit: "share of what can flow",
  defaults: {},
  goodFor: "where positions can come from when no share of a head is counted twice",
  badFor: "long texts: a largest flow for each pair of tokens; explaining an output, as attention rollout",
};

async function flow(internals: Internals, options: RolloutHeads): Promise<InternalsAnswer> {
  const mixtures = await collectMixtures(internals, attentionMixing(options));
  const { network, lastOfDecoder } = networkOf(mixtures, internals.sourceLength ?? 0, internals.end - 1);
  return laidOutShares(internals, (query, input) => Math.min(1, network.maxFlow(input, lastOfDecoder + query)));
}

/** Nodes: the inputs (source, target), then the states behind each attention part in turn. */
function networkOf(
  mixtures: readonly HostMixture[],
  S: number,
  T: number,
): { network: FlowNetwork; lastOfDecoder: number } {
  const edges: Edge[] = [];
  const first = { encoder: 0, decoder: S };
  let nodes = S + T;
  for (const { stack, attention, keys, shares, rest } of mixtures) {
    const [own, read] = [first[stack], attention === "cross" ? first.encoder : first[stack]];
    for (const [at, capacity] of shares.entries()) {
      edges.push({ from: read + (at % keys), to: nodes + Math.floor(at / keys), capacity });
    }
    for (const [query, capacity] of rest?.entries() ?? [])
      edges.push({ from: own + query, to: nodes + query, capacity });
    first[stack] = nodes;
    nodes += shares.length / keys;
  }
  return { network: createFlowNetwork(nodes, edges), lastOfDecoder: first.decoder };
}
