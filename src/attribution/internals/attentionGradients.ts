/** Gradients that go through attention: one row of a pass for each step, a gate of ones at every key of every head. */

import { chosenIndices } from "../../indices.ts";
import type { AttentionGradient, AttentionSelection } from "../../method/internals/internals.ts";
import type { Model } from "../../model/model.ts";
import type { Site, Sites } from "../../model/sites.ts";
import { gate } from "../../ops/gate.ts";
import { valueAndGrads } from "../../ops/gradients.ts";
import { repeat } from "../../ops/repeat.ts";
import {
  dispose,
  expandDims,
  gather,
  int32,
  keep,
  memory,
  ones,
  readFloats,
  sum,
  type Tensor,
  tidy,
} from "../../tensor.ts";
import { evenPart, fewerRows, type PassLimits, stepsPerPass } from "../budget.ts";
import type { Target } from "../gradient/problem.ts";
import type { Runner } from "../runner/runner.ts";
import type { Sequence } from "../sequence.ts";

export interface AttentionGradientsRequest {
  readonly selection: AttentionSelection;
  readonly positive: boolean;
  readonly limits: PassLimits;
  /** The attributed function at the steps from ≤ g < to. */
  readonly target: (from: number, to: number) => Target;
  readonly onPass: (rows: number, storedBytes: number) => void;
  readonly betweenPasses: () => Promise<void>;
}

/** An attention of the decoder, and the heads of it that are chosen. */
interface Gated {
  readonly site: Site;
  /** H and S of all heads and keys of the longest pass. */
  readonly heads: number;
  readonly keys: number;
  readonly chosenHeads: readonly number[];
}

export async function attentionGradients(
  model: Model,
  sequence: Sequence,
  runner: Runner,
  request: AttentionGradientsRequest,
): Promise<AttentionGradient[]> {
  const { start, end, source } = sequence;
  const { limits, selection } = request;
  const G = end - start;
  const gated = findGated(runner, selection, [start - 1]);
  const results = gated.map(({ site, keys, chosenHeads }) => {
    const shape = [G, chosenHeads.length, site.attention === "cross" ? keys : end - 1];
    return { attention: site.attention, layer: site.layer, values: { shape, values: new Float32Array(size(shape)) } };
  });
  let most = stepsPerPass(model.facts, end - 1 + (source?.ids.length ?? 0), limits);
  for (let from = 0; from < G; ) {
    const to = from + evenPart(G - from, most);
    try {
      const gradients = passOver(runner, gated, start + from, start + to, request.target(from, to), request);
      for (const [i, gradient_NHS] of gradients.entries()) {
        const [N = 0, H = 0, S = 0] = gradient_NHS.shape;
        const values = await readFloats(gradient_NHS);
        const { shape, values: all } = (results[i] as AttentionGradient).values;
        const width = shape[2] ?? 0;
        for (let row = 0; row < N * H; row++)
          all.set(values.subarray(row * S, (row + 1) * S), (from * H + row) * width);
      }
      dispose(gradients);
      from = to;
    } catch (error) {
      most = fewerRows(error, to - from);
    }
    await request.betweenPasses();
  }
  return results;
}

const size = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);

/** For each gated attention [N, chosen heads, S], over the positions before the last target. */
function passOver(
  runner: Runner,
  gated: readonly Gated[],
  first: number,
  last: number,
  target: Target,
  { positive, onPass }: AttentionGradientsRequest,
): Tensor[] {
  const N = last - first;
  let bytes = 0;
  const found = tidy(() => {
    const inputs = runner.inputs(last - 1);
    const rows = inputs.map((x_SD) => repeat(expandDims(x_SD, 0), N));
    const positions_N = Array.from({ length: N }, (_, n) => first + n - 1);
    const gates = gated.map(({ site, heads, keys }) => {
      const S = site.attention === "cross" ? keys : last - 1;
      return ones([N, heads, S]);
    });
    const score = (...factors: Tensor[]): Tensor => {
      const sites: Sites = {
        wants: (site) => indexOf(gated, site) >= 0,
        visit: (site, probabilities) => gate(probabilities, factors[indexOf(gated, site)] as Tensor, positive),
      };
      return sum(target.score(runner.logits(rows, positions_N, sites), 1, () => rows));
    };
    const { grads } = valueAndGrads(score, gates, () => {
      bytes = Math.max(bytes, memory().storedBytes);
    });
    return grads.map((gradient_NHS, i) => keep(gather(gradient_NHS, int32(gated[i]?.chosenHeads ?? []), 1)));
  });
  onPass(N, bytes);
  return found;
}

const indexOf = (gated: readonly Gated[], { name, stack, attention, layer }: Site): number =>
  gated.findIndex(
    ({ site }) => site.name === name && site.stack === stack && site.attention === attention && site.layer === layer,
  );

/** The attentions of the decoder that are chosen, in the order of the choice; a pass over the first step tells. */
function findGated(runner: Runner, selection: AttentionSelection, positions: readonly number[]): Gated[] {
  const seen: Omit<Gated, "chosenHeads">[] = [];
  tidy(() => {
    const points = runner.inputs((positions[0] ?? 0) + 1).map((x_SD) => expandDims(x_SD, 0));
    runner.logitsAtAll(points, positions, {
      wants: ({ name, stack }) => name === "attentionProbabilities" && stack === "decoder",
      visit(site, x) {
        seen.push({ site, heads: x.shape[1] ?? 0, keys: x.shape[3] ?? 0 });
        return x;
      },
    });
  });
  return (["self", "cross"] as const).flatMap((kind) => {
    const ofKind = seen.filter(({ site }) => site.attention === kind);
    return ofKind.length === 0
      ? []
      : chosenIndices("attentionLayers", selection.attentionLayers, ofKind.length).map((layer) => {
          const found = ofKind[layer] as Omit<Gated, "chosenHeads">;
          return { ...found, chosenHeads: chosenIndices("attentionHeads", selection.attentionHeads, found.heads) };
        });
  });
}
