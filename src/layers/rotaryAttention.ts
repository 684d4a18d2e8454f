/**
 * Causal self-attention of a decoder with rotary positions (Su et al. 2021, arXiv 2104.09864) and key/value heads shared by
 * groups of query heads (Ainslie et al. 2023, arXiv 2305.13245):
 *
 *   q, k, v = x W_q, x W_k, x W_v;  q, k turned by their positions;  y = merge(attention(q, k, v)) W_o
 *
 * Some families normalise q and k, or clip q, k and v to ±c, before they are turned; see the options. Layers `query`, `key`,
 * `value`, `output`, and `queryNorm`, `keyNorm`.
 */

import { rotary } from "../ops/rotary.ts";
import type { RotaryConfig } from "../ops/rotaryFrequencies.ts";
import { clip, type LayerInputs, type LayerShape, registerLayer, type Tensor } from "../tensor.ts";
import { attendCausally, splitHeads } from "./attend.ts";
import { HeadNorm } from "./headNorm.ts";
import { type LayerOptions, single, TransformerLayer } from "./layer.ts";
import { LayerNorm } from "./layerNorm.ts";
import { Linear } from "./linear.ts";
import type { Norm } from "./norm.ts";
import { RmsNorm, type RmsNormOptions } from "./rmsNorm.ts";
import { presentRotation, type RotaryPass } from "./rotaryPass.ts";

/** How queries and keys are normalised. */
export type QueryKeyNorm = Pick<RmsNormOptions, "epsilon" | "offset"> & {
  readonly kind: /** Root mean square of each head, one scale [K] for all heads. */
    | "rmsPerHead"
    /** Root mean square of all heads together, scale [H·K]. */
    | "rmsAllHeads"
    /** Layer normalisation of each head, with a scale [K] of its own and no bias. */
    | "layerNormPerHead"
    /** Layer normalisation of each head, one scale [K] and one bias [K] for all heads. */
    | "layerNormShared";
};

/** What a family or its config chooses. */
export interface RotaryAttentionChoice {
  readonly heads: number;
  /** G */
  readonly keyValueHeads: number;
  /** K */
  readonly headWidth: number;
  readonly rotary: RotaryConfig;
  /** Turn neighbours (2i, 2i + 1) instead of halves. */
  readonly interleaved?: boolean | undefined;
  /** Of query, key and value. */
  readonly bias?: boolean | undefined;
  readonly outputBias?: boolean | undefined;
  /** 1/√K unless given. */
  readonly scale?: number | undefined;
  /** How many keys up to its own a query sees; all of them unless given. */
  readonly window?: number | undefined;
  readonly softCap?: number | undefined;
  /** c */
  readonly clip?: number | undefined;
  readonly queryKeyNorm?: QueryKeyNorm | undefined;
}

export interface RotaryAttentionOptions extends LayerOptions, RotaryAttentionChoice {
  readonly layer: number;
  /** D */
  readonly width: number;
}

export class RotaryAttention extends TransformerLayer<RotaryAttentionOptions> {
  static readonly className = "RotaryAttention";
  readonly #query: Linear;
  readonly #key: Linear;
  readonly #value: Linear;
  readonly #output: Linear;
  readonly #queryNorm: Norm | HeadNorm | undefined;
  readonly #keyNorm: Norm | HeadNorm | undefined;

  constructor(options: RotaryAttentionOptions) {
    super(options);
    const { name, width: D, heads: H, keyValueHeads: G, headWidth: K, bias = false, outputBias = false } = options;
    const linear = (of: string, inputs: number, outputs: number, bias: boolean) =>
      this.child(new Linear({ name: `${name}.${of}`, inputs, outputs, bias, weights: options.weights }));
    this.#query = linear("query", D, H * K, bias);
    this.#key = linear("key", D, G * K, bias);
    this.#value = linear("value", D, G * K, bias);
    this.#output = linear("output", H * K, D, outputBias);
    this.#queryNorm = this.#makeNorm("queryNorm", H);
    this.#keyNorm = this.#makeNorm("keyNorm", G);
  }

  /** [B, T, D] → [B, T, D] */
  override call(inputs: LayerInputs, pass: RotaryPass = {}): Tensor {
    const { layer, headWidth, scale = 1 / Math.sqrt(headWidth), window, softCap, interleaved } = this.options;
    const { heads, keyValueHeads, rotary: rotaryConfig } = this.options;
    const x_BTD = single(inputs);
    const { cos_BTC, sin_BTC } = presentRotation(rotaryConfig, x_BTD, pass);
    const turn = (x: Tensor) => rotary(x, cos_BTC, sin_BTC, { interleaved: interleaved ?? false });
    const query_BHTK = turn(this.#normalized(this.#query.call(x_BTD), this.#queryNorm, heads));
    const key_BGTK = turn(this.#normalized(this.#key.call(x_BTD), this.#keyNorm, keyValueHeads));
    const value_BGTK = splitHeads(this.#clipped(this.#value.call(x_BTD)), keyValueHeads);
    const sees = window === undefined ? undefined : { before: window - 1, after: 0 };
    const present = { query_BHTK, key_BGTK, value_BGTK, layer, scale, window: sees, softCap };
    return this.#output.call(attendCausally(present, pass));
  }

  #makeNorm(of: string, heads: number): Norm | HeadNorm | undefined {
    const { name, headWidth, queryKeyNorm, weights } = this.options;
    if (queryKeyNorm === undefined) return undefined;
    const { kind, epsilon, offset } = queryKeyNorm;
    const common = { name: `${name}.${of}`, epsilon, weights };
    switch (kind) {
      case "rmsPerHead":
        return this.child(new RmsNorm({ ...common, width: headWidth, offset }));
      case "rmsAllHeads":
        return this.child(new RmsNorm({ ...common, width: heads * headWidth, offset }));
      case "layerNormPerHead":
        return this.child(new HeadNorm({ ...common, heads, headWidth }));
      case "layerNormShared":
        return this.child(new LayerNorm({ ...common, width: headWidth }));
      default:
        throw new Error(kind satisfies never);
    }
  }

  /** Projected queries or keys [B, T, H·K] as heads [B, H, T, K], normalised and clipped. */
  #normalized(x: Tensor, norm: Norm | HeadNorm | undefined, heads: number): Tensor {
    const together = this.options.queryKeyNorm?.kind === "rmsAllHeads";
    const before = together ? (norm?.call(x) ?? x) : x;
    const split = splitHeads(this.#clipped(before), heads);
    return together ? split : (norm?.call(split) ?? split);
  }

  #clipped(x: Tensor): Tensor {
    const { clip: limit } = this.options;
    return limit === undefined ? x : clip(x, -limit, limit);
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return shape;
  }
}
registerLayer(RotaryAttention);
