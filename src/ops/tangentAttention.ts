/**
 * Tangents of attention (`attentionScores.ts`), from those of query, key, value and bias:
 *
 *   x = scale · Q Kᵀ           ẋ = scale · (Q̇ Kᵀ + Q K̇ᵀ)
 *   z = c · tanh(x / c)        ż = (1 − tanh²(x / c)) ∘ ẋ
 *   A = z + bias, masked       Ȧ = ż + bias̊, 0 where masked
 *   P = softmax(A)             Ṗ = P ∘ (Ȧ − rowsum(P ∘ Ȧ))
 *   O = P V                    Ȯ = (P ∘ Ȧ) V − rowsum(P ∘ Ȧ) ∘ O + P V̇
 *
 * Scores are made for some queries at a time, T' × S of them: a causal tile needs the keys up to its last query only.
 */

import { add, concat, matMul, mul, reshape, scalar, slice, sub, sum, type Tensor, tidy } from "../tensor.ts";
import { attentionProbabilitiesForward } from "./attentionProbabilities.ts";
import { type AttentionAttrs, capSlope, type ScoreInput, visibility } from "./attentionScores.ts";
import { attentionValuesForward } from "./attentionValues.ts";
import { first } from "./op.ts";
import { only, type TangentRule } from "./tangentRule.ts";

type ScoreInputs = { readonly [I in ScoreInput]: Tensor };
type Moving = Partial<Record<"query" | "key" | "bias", Tensor>>;

/** Numbers of a tile of scores: few enough for a processor's cache, enough to keep one busy. */
const TILE = 2 ** 22;

export const tangentAttention: TangentRule = (entry, tangents) => {
  const [query, key, value, bias, mask] = entry.saved as [Tensor, Tensor, Tensor, Tensor, Tensor];
  const moving = only(["query", "key", "value", "bias"], entry, tangents);
  const attrs = entry.attributes as AttentionAttrs;
  const parts = tiles(query, key, attrs).map((tile) =>
    tidy(() => {
      const inputs = { query: tile.queries(query), key: tile.keys(key), bias: tile.bias(bias), mask: tile.mask(mask) };
      const P = first(attentionProbabilitiesForward(inputs, attrs));
      const terms: Tensor[] = [];
      const seen = tile.keys(value);
      if (moving.value) terms.push(timesValues(P, tile.keys(moving.value)));
      if (moving.query || moving.key || moving.bias) {
        const of = {
          ...(moving.query && { query: tile.queries(moving.query) }),
          ...(moving.key && { key: tile.keys(moving.key) }),
          ...(moving.bias && { bias: tile.bias(moving.bias) }),
        };
        const weighted = mul(P, scoreTangent(of, inputs, attrs));
        terms.push(timesValues(weighted, seen));
        terms.push(mul(mul(sum(weighted, 3, true), scalar(-1)), timesValues(P, seen)));
      }
      return terms.reduce(add);
    }),
  );
  return [parts.length === 1 ? (parts[0] as Tensor) : concat(parts, 2)];
};

export const tangentAttentionProbabilities: TangentRule = (entry, tangents) => {
  const [query, key, bias, mask] = entry.saved as [Tensor, Tensor, Tensor, Tensor];
  const moving = only(["query", "key", "bias"], entry, tangents);
  const attrs = entry.attributes as AttentionAttrs;
  const inputs = { query, key, bias, mask };
  const P = first(attentionProbabilitiesForward(inputs, attrs));
  const weighted = mul(P, scoreTangent(moving, inputs, attrs));
  return [sub(weighted, mul(P, sum(weighted, 3, true)))];
};

const timesValues = (probabilities: Tensor, value: Tensor): Tensor =>
  first(attentionValuesForward({ probabilities, value }, {}));

/** Ȧ [B, H, T, S], from some of the tangents of query, key and bias. */
function scoreTangent(moving: Moving, inputs: ScoreInputs, attrs: AttentionAttrs): Tensor {
  const { query, key, mask } = inputs;
  const [B = 0, H = 0, T = 0, K = 0] = query.shape;
  const [, G = 0, S = 0] = key.shape;
  const scaled = (x: Tensor): Tensor => reshape(mul(x, scalar(attrs.scale)), [B * G, (H / G) * T, K]);
  const grouped = (x: Tensor): Tensor => reshape(x, [B * G, S, K]);
  const pairs: (readonly [Tensor, Tensor])[] = [];
  if (moving.query) pairs.push([scaled(moving.query), grouped(key)]);
  if (moving.key) pairs.push([scaled(query), grouped(moving.key)]);
  const terms: Tensor[] = [];
  if (pairs.length > 0) {
    // Two products as one, of the factors side by side.
    const [left, right] = [0, 1].map((side) =>
      concat(
        pairs.map((pair) => pair[side] as Tensor),
        2,
      ),
    );
    const dx = reshape(matMul(left as Tensor, right as Tensor, false, true), [B, H, T, S]);
    terms.push(attrs.softCap === undefined ? dx : mul(dx, capSlope(inputs, attrs.scale / attrs.softCap)));
  }
  if (moving.bias) terms.push(moving.bias);
  const dA = terms.reduce(add);
  // A masked score has a probability of 0, except in rows where nothing is visible, whose mean does not move.
  const mayBeBlind = mask.shape.length > 0 || T > S;
  const visible = mayBeBlind ? visibility(T, S, mask, attrs) : undefined;
  return visible === undefined ? dA : mul(dA, visible);
}

/** Some queries, and the keys that they may see. */
interface Tile {
  readonly queries: (x_BHTK: Tensor) => Tensor;
  readonly keys: (x_BGSK: Tensor) => Tensor;
  readonly bias: (bias: Tensor) => Tensor;
  readonly mask: (mask_BS: Tensor) => Tensor;
}

/** Tiles of all queries. Of a window that is not causal places would be lost: there is one tile. */
function tiles(query: Tensor, key: Tensor, { causal, window }: AttentionAttrs): Tile[] {
  const [B = 0, H = 0, T = 0] = query.shape;
  const [, , S = 0] = key.shape;
  const whole = !causal && window !== undefined;
  const length = whole ? T : Math.max(1, Math.min(T, Math.floor(TILE / Math.max(1, B * H * S))));
  return Array.from({ length: Math.ceil(T / length) }, (_, i) => {
    const [from, to] = [i * length, Math.min(T, (i + 1) * length)];
    // The last query of a tile stands at its last key.
    const seen = causal ? Math.max(1, to + S - T) : S;
    return {
      queries: (x) => part(x, 2, from, to),
      keys: (x) => part(x, 2, 0, seen),
      bias: (x) => {
        if (x.shape.length === 0) return x;
        return part((x.shape[2] ?? 1) === 1 ? x : part(x, 2, from, to), 3, 0, seen);
      },
      mask: (x) => (x.shape.length === 0 ? x : part(x, 1, 0, seen)),
    };
  });
}

/** Entries from ≤ i < to along an axis. */
function part(x: Tensor, axis: number, from: number, to: number): Tensor {
  if (from === 0 && to === x.shape[axis]) return x;
  const begin = x.shape.map((_, i) => (i === axis ? from : 0));
  return slice(
    x,
    begin,
    x.shape.map((size, i) => (i === axis ? to - from : size)),
  );
}
