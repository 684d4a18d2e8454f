/**
 * Running a model on one sequence: the one place that knows the difference between the two kinds of models.
 *
 * Letters: N steps, K points, R rows, S positions of an input, D model width, V vocabulary.
 */

import type { AttentionMap } from "../method/internals.ts";
import type { EncoderStates, Model } from "../model/model.ts";
import type { Site, Sites } from "../model/sites.ts";
import { repeat } from "../ops/repeat.ts";
import {
  dispose,
  expandDims,
  gather,
  int32,
  keep,
  readFloats,
  reshape,
  slice,
  squeeze,
  type Tensor,
  tidy,
  tile,
} from "../tensor.ts";
import type { Sequence } from "./sequence.ts";

export interface Runner {
  /** The attributed inputs x up to (not including) a target position, for each [S, D]. */
  inputs(targetPositions: number): Tensor[];
  /** Their baselines x', likewise. */
  baselines(targetPositions: number): Tensor[];
  /** Logits [R, V] after `positions_R` of each row, for rows [R, S, D] of each input. Differentiable. */
  logits(rows: readonly Tensor[], positions_R: readonly number[]): Tensor;
  /** Logits [K·N, V] after each of N positions of each of K points [K, S, D], point by point. */
  logitsAtAll(points: readonly Tensor[], positions_N: readonly number[]): Tensor;
  attentionMaps(): Promise<AttentionMap[]>;
  dispose(): void;
}

const ids = (values: readonly number[]): Tensor => int32(values, [1, values.length]);
const firstPositions = (x_BSD: Tensor, positions: number): Tensor => {
  const [B = 0, , D = 0] = x_BSD.shape;
  return slice(x_BSD, [0, 0, 0], [B, positions, D]);
};

/** A runner for one sequence; `attributeTarget` makes the target prefix of an encoder-decoder model a second input. */
export function createRunner(model: Model, sequence: Sequence, attributeTarget: boolean): Runner {
  return model.kind === "decoder-only"
    ? decoderOnlyRunner(model, sequence)
    : encoderDecoderRunner(model, sequence, attributeTarget);
}

function decoderOnlyRunner(model: Extract<Model, { kind: "decoder-only" }>, sequence: Sequence): Runner {
  const embedded = (values: readonly number[]): Tensor =>
    tidy(() => squeeze(model.embed(ids(values.slice(0, sequence.end - 1))), [0]));
  const x_SD = embedded(sequence.target.ids);
  const baseline_SD = embedded(sequence.targetBaseline);
  const upTo = (x: Tensor, positions: number): Tensor[] => [slice(x, [0, 0], [positions, x.shape[1] ?? 0])];

  const logits = ([embeddings]: readonly Tensor[], positions_R: readonly number[]): Tensor => {
    const embeddings_BTD = one(embeddings);
    const mask_BS = model.facts.dependsOnLength ? prefixMask(positions_R, embeddings_BTD.shape[1] ?? 0) : undefined;
    const targets_B = int32(positions_R);
    return model.forward({ embeddings_BTD, targets_B, mask_BS });
  };
  const logitsAtAll = ([embeddings]: readonly Tensor[], positions_N: readonly number[]): Tensor => {
    const embeddings_BTD = one(embeddings);
    if (!model.facts.dependsOnLength) return atPositions(model.forward({ embeddings_BTD }), positions_N);
    const positions_R = Array.from({ length: embeddings_BTD.shape[0] ?? 0 }, () => positions_N).flat();
    return logits([repeat(embeddings_BTD, positions_N.length)], positions_R);
  };

  return {
    inputs: (positions) => upTo(x_SD, positions),
    baselines: (positions) => upTo(baseline_SD, positions),
    logits,
    logitsAtAll,
    attentionMaps: () =>
      readAttention((sites) => model.forward({ embeddings_BTD: expandDims(x_SD, 0), targets_B: int32([0]), sites })),
    dispose: () => dispose([x_SD, baseline_SD]),
  };
}

/** Each row ends at its own position, as if nothing came after it: int32 [R, S]. */
function prefixMask(positions_R: readonly number[], S: number): Tensor {
  const mask = positions_R.flatMap((last) => Array.from({ length: S }, (_, s) => (s <= last ? 1 : 0)));
  return int32(mask, [positions_R.length, S]);
}

function encoderDecoderRunner(
  model: Extract<Model, { kind: "encoder-decoder" }>,
  sequence: Sequence,
  attributeTarget: boolean,
): Runner {
  const prefix = (values: readonly number[]): readonly number[] => values.slice(0, sequence.end - 1);
  const source_1SD = tidy(() => model.embedSource(ids(sequence.source?.ids ?? [])));
  const sourceBaseline_1SD = tidy(() => model.embedSource(ids(sequence.sourceBaseline ?? [])));
  const target_1TD = tidy(() => model.embedTarget(ids(prefix(sequence.target.ids))));
  const targetBaseline_1TD = tidy(() => model.embedTarget(ids(prefix(sequence.targetBaseline))));
  const inputs = (source: Tensor, target: Tensor, positions: number): Tensor[] =>
    (attributeTarget ? [source, firstPositions(target, positions)] : [source]).map((x) => squeeze(x, [0]));

  /** The decoder's input for B rows: an attributed input, or the constant prefix up to the last position needed. */
  const decoderRows = (rows: readonly Tensor[], B: number, positions: readonly number[]): Tensor =>
    rows[1] ?? tile(firstPositions(target_1TD, Math.max(...positions) + 1), [B, 1, 1]);
  const encode = (rows: readonly Tensor[]): { states: EncoderStates; B: number } => {
    const embeddings_BSD = one(rows[0]);
    return { states: model.encode({ embeddings_BSD }), B: embeddings_BSD.shape[0] ?? 0 };
  };

  return {
    inputs: (positions) => inputs(source_1SD, target_1TD, positions),
    baselines: (positions) => inputs(sourceBaseline_1SD, targetBaseline_1TD, positions),
    logits: (rows, positions_R) => {
      const { states, B } = encode(rows);
      const targets_B = int32(positions_R);
      return model.decode({ embeddings_BTD: decoderRows(rows, B, positions_R), targets_B }, states);
    },
    logitsAtAll: (points, positions) => {
      const { states, B } = encode(points);
      return atPositions(model.decode({ embeddings_BTD: decoderRows(points, B, positions) }, states), positions);
    },
    attentionMaps: () =>
      readAttention((sites) => {
        const states = model.encode({ embeddings_BSD: source_1SD, sites });
        model.decode({ embeddings_BTD: target_1TD, targets_B: int32([0]), sites }, states);
      }),
    dispose: () => dispose([source_1SD, sourceBaseline_1SD, target_1TD, targetBaseline_1TD]),
  };
}

function one(x: Tensor | undefined): Tensor {
  if (x === undefined) throw new RangeError("a runner was given no input");
  return x;
}

/** Logits [K, T, V] at N positions, [K·N, V]. */
function atPositions(logits_KTV: Tensor, positions: readonly number[]): Tensor {
  const [K = 0, , V = 0] = logits_KTV.shape;
  const chosen = gather(logits_KTV, int32(positions), 1);
  return reshape(chosen, [K * positions.length, V]);
}

/** Runs a pass over one sequence and reads the attention probabilities of every layer. */
async function readAttention(run: (sites: Sites) => void): Promise<AttentionMap[]> {
  const seen: { site: Site; probabilities_1HTS: Tensor }[] = [];
  const sites: Sites = {
    wants: (site) => site.name === "attentionProbabilities",
    visit: (site, activation) => {
      seen.push({ site, probabilities_1HTS: keep(activation) });
      return activation;
    },
  };
  tidy(() => {
    run(sites);
  });
  const maps: AttentionMap[] = [];
  for (const { site, probabilities_1HTS } of seen) {
    const values = await readFloats(probabilities_1HTS);
    const { stack, attention, layer } = site;
    maps.push({ stack, attention, layer, probabilities: { shape: probabilities_1HTS.shape.slice(1), values } });
    dispose(probabilities_1HTS);
  }
  return maps;
}
