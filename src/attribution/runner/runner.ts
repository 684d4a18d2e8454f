/**
 * Running a model on one sequence: the one place that knows the difference between the two kinds of models.
 *
 * Letters: N steps, K points, R rows, S positions of an input, D model width, V vocabulary.
 */

import { chosenIndices } from "../../indices.ts";
import type { AttentionMap, AttentionSelection, Internals } from "../../method/internals/internals.ts";
import type { Reference, Words } from "../../method/problem.ts";
import type { DecoderInput, EncoderStates, Model } from "../../model/model.ts";
import type { Site, Sites } from "../../model/sites.ts";
import { repeat } from "../../ops/repeat.ts";
import {
  dispose,
  expandDims,
  gather,
  int32,
  keep,
  readFloats,
  reshape,
  slice,
  type Tensor,
  tidy,
} from "../../tensor.ts";
import type { Sequence } from "../sequence.ts";
import type { BaselineEntry } from "../texts/baseline.ts";
import { embedEntries, type Lookup } from "./embedEntries.ts";
import { moved } from "./inputNoise.ts";
import { type SharedBeginning, sharedBeginning } from "./sharedBeginning.ts";
import { createWords } from "./words.ts";

export interface Runner {
  /** Whether the first input is a source: all steps see it whole. */
  readonly hasSource: boolean;
  /** The attributed inputs x up to (not including) a target position, for each [S, D]. */
  inputs(targetPositions: number): Tensor[];
  /** Their baselines, likewise: one or several. */
  references(targetPositions: number): Reference[];
  /** The words behind each input. */
  words(targetPositions: number): Words[];
  /** Logits [R, V] after `positions_R` of each row, for rows [R, S, D] of each input. Differentiable. */
  logits(rows: readonly Tensor[], positions_R: readonly number[], sites?: Sites): Tensor;
  /** Logits [K·N, V] after each of N positions of each of K points [K, S, D], point by point. */
  logitsAtAll(points: readonly Tensor[], positions_N: readonly number[], sites?: Sites): Tensor;
  /**
   * The same after N positions of each point's own, for points that differ in length: they are filled up on the right, and
   * `mask_KS` (int32, 1 for tokens) says where the first input ends if that is a source. Differentiable where every input has
   * one row for each point.
   */
  logitsAtEach(points: readonly Tensor[], positions_KN: readonly (readonly number[])[], options?: EachOptions): Tensor;
  /** Scaled embeddings [K, S, D] of ids in the vocabulary of an input. */
  embed(input: number, ids_KS: readonly (readonly number[])[]): Tensor;
  /** The encoder's and the decoder's last states, normalised, of so many copies of the sequence: see `Internals`. */
  encode(sites: Sites, copies: number): Tensor;
  decode(sites: Sites, copies: number): Tensor;
  attentionMaps: Internals["attentionMaps"];
  dispose(): void;
}

export interface EachOptions {
  readonly mask_KS?: Tensor | undefined;
  readonly sites?: Sites | undefined;
  /**
   * So many leading positions of the decoder's input are the sequence's own in every row, and so is a source: what they
   * compute is computed once for all calls. Logits are asked for at later positions only.
   */
  readonly unchanged?: number | undefined;
}

const firstPositions = (x_SD: Tensor, positions: number): Tensor => {
  const [, D = 0] = x_SD.shape;
  return slice(x_SD, [0, 0], [positions, D]);
};

/** A runner for one sequence; `attributeTarget` makes the target prefix of an encoder-decoder model a second input. */
export function createRunner(model: Model, sequence: Sequence, attributeTarget: boolean): Runner {
  return model.kind === "decoder-only"
    ? decoderOnlyRunner(model, sequence)
    : encoderDecoderRunner(model, sequence, attributeTarget);
}

function decoderOnlyRunner(model: Extract<Model, { kind: "decoder-only" }>, sequence: Sequence): Runner {
  const before = (entries: readonly BaselineEntry[]) => entries.slice(0, sequence.end - 1);
  const embed: Lookup = { embed: (ids_1S) => model.embed(ids_1S), vocabSize: model.facts.vocabSize };
  const x_SD = moved(embedEntries(embed, before(sequence.target.ids)), sequence.noise, 0);
  const baselines = sequence.baselines.map(({ target }) => embedEntries(embed, before(target)));
  const upTo = (x: Tensor, positions: number): Tensor[] => [firstPositions(x, positions)];

  const logits: Runner["logits"] = ([embeddings], positions_R, sites) => {
    const embeddings_BTD = one(embeddings);
    const mask_BS = model.facts.dependsOnLength ? prefixMask(positions_R, embeddings_BTD.shape[1] ?? 0) : undefined;
    const targets_B = int32(positions_R);
    return model.forward({ embeddings_BTD, targets_B, mask_BS, sites });
  };
  const beginning = sharedBeginning((cache) => {
    model.forward({ embeddings_BTD: expandDims(x_SD, 0), targets_B: int32([0]), cache });
  });
  const logitsAtEach: Runner["logitsAtEach"] = ([embeddings], positions_KN, { sites, unchanged = 0 } = {}) => {
    const embeddings_BTD = one(embeddings);
    if (model.facts.dependsOnLength) {
      return logits([repeat(embeddings_BTD, positions_KN[0]?.length ?? 0)], positions_KN.flat(), sites);
    }
    return flat(model.forward({ ...present(model, beginning, embeddings_BTD, positions_KN, unchanged), sites }));
  };

  return {
    hasSource: false,
    inputs: (positions) => upTo(x_SD, positions),
    references: (positions) =>
      baselines.map((baseline_SD, b) => ({
        embeddings: upTo(baseline_SD, positions),
        ids: [idsOf(sequence.baselines[b]?.target, positions)],
      })),
    words: (positions) => [
      createWords(model, "target", embed, sequence.target.ids.slice(0, positions), sequence.special),
    ],
    logits,
    logitsAtAll: (points, positions_N, sites) => logitsAtEach(points, sameForEach(points, positions_N), { sites }),
    logitsAtEach,
    embed: (_input, ids_KS) => embedRows(embed, ids_KS),
    encode() {
      throw new RangeError("a decoder-only model has no encoder");
    },
    decode: (sites, copies) =>
      lastStates(model, sites, (watched) => {
        const embeddings_BTD = repeat(expandDims(x_SD, 0), copies);
        model.forward({ embeddings_BTD, targets_B: firstOfEach(copies), sites: lettingGo(watched) });
      }),
    attentionMaps: (selection, queriesOf) =>
      readAttention(selection, queriesOf, (sites) =>
        model.forward({ embeddings_BTD: expandDims(x_SD, 0), targets_B: int32([0]), sites }),
      ),
    dispose() {
      beginning.dispose();
      dispose([x_SD, ...baselines]);
    },
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
  const prefix = (entries: readonly BaselineEntry[]) => entries.slice(0, sequence.end - 1);
  const { vocabSize, sourceVocabSize = vocabSize } = model.facts;
  const sourceLookup: Lookup = { embed: (ids_1S) => model.embedSource(ids_1S), vocabSize: sourceVocabSize };
  const targetLookup: Lookup = { embed: (ids_1T) => model.embedTarget(ids_1T), vocabSize };
  const x = {
    source_SD: moved(embedEntries(sourceLookup, sequence.source?.ids ?? []), sequence.noise, 0),
    target_TD: moved(
      embedEntries(targetLookup, prefix(sequence.target.ids)),
      attributeTarget ? sequence.noise : undefined,
      1,
    ),
  };
  const baselines = sequence.baselines.map(({ source, target }) => ({
    source_SD: embedEntries(sourceLookup, source ?? []),
    target_TD: embedEntries(targetLookup, prefix(target)),
  }));
  /** Copies, which belong to the caller. */
  const inputs = ({ source_SD, target_TD }: typeof x, positions: number): Tensor[] => {
    const source = firstPositions(source_SD, sequence.source?.ids.length ?? 0);
    return attributeTarget ? [source, firstPositions(target_TD, positions)] : [source];
  };

  /** The decoder's input for B rows: an attributed input, or the constant prefix up to the last position needed. */
  const decoderRows = (rows: readonly Tensor[], B: number, positions: readonly number[]): Tensor =>
    rows[1] ?? repeat(expandDims(firstPositions(x.target_TD, Math.max(...positions) + 1), 0), B);
  const encode = (rows: readonly Tensor[], sites?: Sites, mask_BS?: Tensor): { states: EncoderStates; B: number } => {
    const embeddings_BSD = one(rows[0]);
    return { states: model.encode({ embeddings_BSD, mask_BS, sites }), B: embeddings_BSD.shape[0] ?? 0 };
  };
  const beginning = sharedBeginning((cache) => {
    const states = model.encode({ embeddings_BSD: expandDims(x.source_SD, 0) });
    model.decode({ embeddings_BTD: expandDims(x.target_TD, 0), targets_B: int32([0]), cache }, states);
  });
  /** A source of one row serves all points. */
  const logitsAtEach: Runner["logitsAtEach"] = (points, positions_KN, { sites, mask_KS, unchanged = 0 } = {}) => {
    const { states, B } = encode(points, sites, mask_KS);
    const K = positions_KN.length;
    const rows_KTD = decoderRows(points, K, positions_KN.flat());
    const input = { ...present(model, beginning, rows_KTD, positions_KN, unchanged), sites };
    return flat(model.decode(input, B === K ? states : repeatStates(states, K)));
  };

  return {
    hasSource: true,
    inputs: (positions) => inputs(x, positions),
    references: (positions) =>
      baselines.map((baseline, b) => ({
        embeddings: inputs(baseline, positions),
        ids: [idsOf(sequence.baselines[b]?.source), idsOf(sequence.baselines[b]?.target, positions)],
      })),
    words: (positions) => {
      const { special, source, target } = sequence;
      return [
        createWords(model, "source", sourceLookup, source?.ids ?? [], special),
        createWords(model, "target", targetLookup, target.ids.slice(0, positions), special),
      ].slice(0, attributeTarget ? 2 : 1);
    },
    logits: (rows, positions_R, sites) => {
      const { states, B } = encode(rows, sites);
      const targets_B = int32(positions_R);
      return model.decode({ embeddings_BTD: decoderRows(rows, B, positions_R), targets_B, sites }, states);
    },
    logitsAtAll: (points, positions_N, sites) => logitsAtEach(points, sameForEach(points, positions_N), { sites }),
    logitsAtEach,
    embed: (input, ids_KS) => embedRows(input === 0 ? sourceLookup : targetLookup, ids_KS),
    encode: (sites, copies) =>
      model.encode({ embeddings_BSD: repeat(expandDims(x.source_SD, 0), copies), sites: lettingGo(sites) }).states_BSD,
    decode: (sites, copies) =>
      lastStates(model, sites, (watched) => {
        const { states_BSD } = model.encode({ embeddings_BSD: expandDims(x.source_SD, 0) });
        const embeddings_BTD = repeat(expandDims(x.target_TD, 0), copies);
        const pass = { embeddings_BTD, targets_B: firstOfEach(copies), sites: lettingGo(watched) };
        model.decode(pass, { states_BSD: repeat(states_BSD, copies) });
      }),
    attentionMaps: (selection, queriesOf) =>
      readAttention(selection, queriesOf, (sites) => {
        const states = model.encode({ embeddings_BSD: expandDims(x.source_SD, 0), sites });
        model.decode({ embeddings_BTD: expandDims(x.target_TD, 0), targets_B: int32([0]), sites }, states);
      }),
    dispose() {
      beginning.dispose();
      dispose([x, ...baselines].flatMap(Object.values));
    },
  };
}

function one(x: Tensor | undefined): Tensor {
  if (x === undefined) throw new RangeError("a runner was given no input");
  return x;
}

/** The first ids of a baseline; null if something else stands among them. */
function idsOf(entries: readonly BaselineEntry[] | null | undefined, positions?: number): readonly number[] | null {
  const first = (entries ?? []).slice(0, positions);
  return first.every((entry) => typeof entry === "number") ? first : null;
}

/** The same positions for each of K points, [K][N]. */
function sameForEach([points_KTD]: readonly Tensor[], positions_N: readonly number[]): (readonly number[])[] {
  return Array.from({ length: points_KTD?.shape[0] ?? 0 }, () => positions_N);
}

/** The positions of rows [K, S, D] that are to be computed, where the first ones have been. */
function present(
  { facts }: Model,
  beginning: SharedBeginning,
  rows_KSD: Tensor,
  positions_KN: readonly (readonly number[])[],
  unchanged: number,
): DecoderInput {
  if (unchanged === 0 || facts.withoutCache) return { embeddings_BTD: rows_KSD, targets_B: int32Rows(positions_KN) };
  const [K = 0, S = 0, D = 0] = rows_KSD.shape;
  return {
    embeddings_BTD: slice(rows_KSD, [0, unchanged, 0], [K, S - unchanged, D]),
    targets_B: int32Rows(positions_KN.map((positions) => positions.map((position) => position - unchanged))),
    cache: beginning.past(unchanged, K),
  };
}

/** int32 [K, N] */
function int32Rows(rows_KN: readonly (readonly number[])[]): Tensor {
  return int32(rows_KN.flat(), [rows_KN.length, rows_KN[0]?.length ?? 0]);
}

function embedRows({ embed }: Lookup, ids_KS: readonly (readonly number[])[]): Tensor {
  return embed(int32Rows(ids_KS));
}

/** The states of one source for each of K rows. */
function repeatStates({ states_BSD, mask_BS }: EncoderStates, K: number): EncoderStates {
  return { states_BSD: repeat(states_BSD, K), mask_BS: mask_BS && repeat(mask_BS, K) };
}

/** [K, N, V] → [K·N, V] */
function flat(logits_KNV: Tensor): Tensor {
  const [K = 0, N = 0, V = 0] = logits_KNV.shape;
  return reshape(logits_KNV, [K * N, V]);
}

const firstOfEach = (copies: number): Tensor => int32(Array.from({ length: copies }, () => 0));

/** The states that leave the decoder's last block in a pass, normalised as the head sees them. */
function lastStates({ facts, readout }: Model, sites: Sites, run: (watched: Sites) => void): Tensor {
  const isLast = ({ stack, layer, name }: Site) =>
    stack === "decoder" && name === "blockOutput" && layer === facts.layers - 1;
  let last: Tensor | undefined;
  run({
    wants: (site) => isLast(site) || sites.wants(site),
    normalizes: (site, norm) => sites.normalizes?.(site, norm),
    visit(site, x) {
      const left = sites.wants(site) ? sites.visit(site, x) : x;
      if (isLast(site)) last = left;
      return left;
    },
  });
  return readout.normalize(one(last));
}

/**
 * Lets go of attention probabilities as soon as the heads have read them, so that a pass that is not differentiated never
 * has those of two layers.
 */
function lettingGo(sites: Sites): Sites {
  let held: Tensor[] = [];
  return {
    wants: (site) =>
      sites.wants(site) || (site.name === "headOutput" && sites.wants({ ...site, name: "attentionProbabilities" })),
    normalizes: (site, norm) => sites.normalizes?.(site, norm),
    visit(site, x) {
      const visited = sites.wants(site) ? sites.visit(site, x) : x;
      if (site.name === "attentionProbabilities") held = [...new Set([x, visited])];
      if (site.name === "headOutput") {
        dispose(held);
        held = [];
      }
      return visited;
    },
  };
}

/** Runs a pass over one sequence and reads the attention probabilities of the chosen layers, heads and queries. */
async function readAttention(
  { attentionLayers, attentionHeads }: AttentionSelection,
  queriesOf: (stack: Site["stack"], attention: Site["attention"]) => readonly number[],
  run: (sites: Sites) => void,
): Promise<AttentionMap[]> {
  const seen: { site: Site; probabilities_1HTS: Tensor }[] = [];
  const sites: Sites = {
    wants: ({ name, stack, attention }) => name === "attentionProbabilities" && queriesOf(stack, attention).length > 0,
    visit: (site, activation) => {
      const heads = chosenIndices("attentionHeads", attentionHeads, activation.shape[1] ?? 0);
      const queries = queriesOf(site.stack, site.attention);
      const selected = tidy(() => gather(gather(activation, int32(heads), 1), int32(queries), 2));
      seen.push({ site, probabilities_1HTS: keep(selected) });
      return activation;
    },
  };
  tidy(() => {
    run(lettingGo(sites));
  });
  const maps: AttentionMap[] = [];
  try {
    for (const { stack, attention } of attentionsOf(seen.map(({ site }) => site))) {
      const ofAttention = seen.filter(({ site }) => site.stack === stack && site.attention === attention);
      for (const layer of chosenIndices("attentionLayers", attentionLayers, ofAttention.length)) {
        const probabilities = ofAttention[layer]?.probabilities_1HTS;
        if (probabilities === undefined) continue;
        const scores = { shape: probabilities.shape.slice(1), values: await readFloats(probabilities) };
        maps.push({ stack, attention, layer, probabilities: scores });
      }
    }
  } finally {
    dispose(seen.map(({ probabilities_1HTS }) => probabilities_1HTS));
  }
  return maps;
}

/** Which attentions a pass has visited, each once. */
function attentionsOf(sites: readonly Site[]): Pick<Site, "stack" | "attention">[] {
  return sites.filter(
    (site, i) => sites.findIndex((other) => other.stack === site.stack && other.attention === site.attention) === i,
  );
}
