/**
 * Rolling shares out over layers. An attention part mixes states; where each state comes from, as shares of all inputs, is
 * then, with R a row of shares for each position:
 *
 *   self-attention    R ← M R                     M [T, T], rows sum to one
 *   cross-attention   R ← C E + r ⊙ R             C [T, S] and r [T] sum to one; E are the encoder's shares
 *
 * In an encoder-decoder the inputs are the source and the target prefix together, in this order. What a feed-forward part
 * does stays at its position. Every row remains a distribution.
 *
 * Letters: T positions of a stack, S source positions, I = S + T inputs, G steps.
 */

import type { Sites } from "../../model/sites.ts";
import type { Scores } from "../../result/attribution.ts";
import { add, concat, dispose, keep, matMul, mul, readFloats, type Tensor, tensor, tidy, zeros } from "../../tensor.ts";
import type { Internals, InternalsAnswer } from "./internals.ts";

export type Mixture =
  | { readonly attention: "self"; readonly shares_TT: Tensor }
  /** What is read from the encoder, and the rest, which stays. */
  | { readonly attention: "cross"; readonly shares_TS: Tensor; readonly rest_T1: Tensor };

/** How a method sees mixtures. */
export interface Mixing {
  /** How many copies of a sequence of T positions a pass has. */
  copies(T: number): number;
  /** Sites that tell of each attention part of a stack, in order. */
  watch(stack: "encoder" | "decoder", tell: (mixture: Mixture, layer: number) => void): Sites;
}

/** Shares of the predicting positions: `targetAttributions` [T, G] and `sourceAttributions` [S, G]. */
export async function rollOut(internals: Internals, mixing: Mixing): Promise<InternalsAnswer> {
  const shares_TI = tidy(() => {
    let decoder_TI = startOf(internals);
    const read_SI = rolledEncoder(internals, mixing);
    const sites = mixing.watch("decoder", (mixture) => {
      decoder_TI = mixed(decoder_TI, mixture, read_SI);
    });
    internals.decode(sites, mixing.copies(internals.end - 1));
    return keep(decoder_TI);
  });
  const shares = await readFloats(shares_TI);
  dispose(shares_TI);
  return laidOutShares(internals, (query, input) => shares[query * inputsOf(internals) + input] ?? Number.NaN);
}

/** A mixture on the host: [T, keys] and, of cross-attention, what stays [T]. */
export interface HostMixture {
  readonly stack: "encoder" | "decoder";
  readonly attention: "self" | "cross";
  readonly keys: number;
  readonly shares: Float32Array;
  readonly rest: Float32Array | null;
}

/** All mixtures, in order of computation: layers × T × T numbers. */
export async function collectMixtures(internals: Internals, mixing: Mixing): Promise<HostMixture[]> {
  const { end, sourceLength } = internals;
  const seen: { readonly stack: "encoder" | "decoder"; readonly mixture: Mixture }[] = [];
  const run = (stack: "encoder" | "decoder", T: number): void =>
    tidy(() => {
      const sites = mixing.watch(stack, (mixture) => {
        for (const shares of tensorsOf(mixture)) keep(shares);
        seen.push({ stack, mixture });
      });
      (stack === "encoder" ? internals.encode : internals.decode)(sites, mixing.copies(T));
    });
  if (sourceLength !== null) run("encoder", sourceLength);
  run("decoder", end - 1);
  const collected: HostMixture[] = [];
  for (const { stack, mixture } of seen) {
    const tensors = tensorsOf(mixture);
    const [shares = new Float32Array(0), rest = null] = await Promise.all(tensors.map(readFloats));
    collected.push({ stack, attention: mixture.attention, keys: tensors[0]?.shape[1] ?? 0, shares, rest });
    dispose(tensors);
  }
  return collected;
}

const tensorsOf = (mixture: Mixture): Tensor[] =>
  mixture.attention === "self" ? [mixture.shares_TT] : [mixture.shares_TS, mixture.rest_T1];

/** R before the first layer of the decoder, [T, I]. */
export function startOf({ end, sourceLength }: Internals): Tensor {
  const [T, S] = [end - 1, sourceLength ?? 0];
  return S === 0 ? identity(T) : concat([zeros([T, S]), identity(T)], 1);
}

/** R behind the encoder's last layer, [S, I]; undefined without an encoder. */
export function rolledEncoder(internals: Internals, mixing: Mixing): Tensor | undefined {
  const { end, sourceLength } = internals;
  if (sourceLength === null) return undefined;
  let rolled_SI = concat([identity(sourceLength), zeros([sourceLength, end - 1])], 1);
  const sites = mixing.watch("encoder", (mixture) => {
    rolled_SI = mixed(rolled_SI, mixture, undefined);
  });
  internals.encode(sites, mixing.copies(sourceLength));
  return rolled_SI;
}

/** R behind an attention part. */
export function mixed(rolled: Tensor, mixture: Mixture, read_SI: Tensor | undefined): Tensor {
  if (mixture.attention === "self") return matMul(mixture.shares_TT, rolled);
  if (read_SI === undefined) throw new RangeError("cross-attention without an encoder");
  return tidy(() => add(matMul(mixture.shares_TS, read_SI), mul(mixture.rest_T1, rolled)));
}

export const inputsOf = ({ end, sourceLength }: Internals): number => (sourceLength ?? 0) + end - 1;

/** Scores of inputs for the predicting positions; a target token is NaN where it is not before the attributed one. */
export function laidOutShares(internals: Internals, share: (query: number, input: number) => number): InternalsAnswer {
  const { start, end, attributeTarget, sourceLength, targetLength } = internals;
  const [S, G] = [sourceLength ?? 0, end - start];
  const layOut = (first: number, rows: number, count: (query: number) => number): Scores => {
    const values = new Float32Array(rows * G).fill(Number.NaN);
    for (let g = 0; g < G; g++) {
      const query = start + g - 1;
      for (let i = 0; i < Math.min(rows, count(query)); i++) values[i * G + g] = share(query, first + i);
    }
    return { shape: [rows, G], values };
  };
  return {
    sourceAttributions: sourceLength === null ? null : layOut(0, S, () => S),
    targetAttributions: attributeTarget ? layOut(S, Math.min(targetLength, end), (query) => query + 1) : null,
    sequenceScores: {},
  };
}

export function identity(size: number): Tensor {
  const values = new Float32Array(size * size);
  for (let i = 0; i < size; i++) values[i * size + i] = 1;
  return tensor(values, [size, size]);
}
