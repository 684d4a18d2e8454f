/**
 * Multi-head attention with its four projections (Vaswani et al. 2017, arXiv 1706.03762, section 3.2.2):
 *
 *   y = [head_1 ... head_H] W_O,  head_h = softmax(scale · x W_Q (z W_K)ᵀ + bias) z W_V
 *
 * with z = x in self-attention, and z the encoder's states in cross-attention. Layers `query`, `key`, `value`, `output`.
 */

import type { Site } from "../model/sites.ts";
import type { Window } from "../ops/attentionScores.ts";
import { type LayerInputs, type LayerShape, registerLayer, type Tensor } from "../tensor.ts";
import { attend, splitHeads } from "./attend.ts";
import { type LayerOptions, pair, single, TransformerLayer } from "./layer.ts";
import { Linear } from "./linear.ts";
import type { Pass } from "./pass.ts";

export interface MultiHeadAttentionOptions extends LayerOptions {
  /** D */
  readonly width: number;
  readonly heads: number;
  /** K; H · K need not be D. */
  readonly headWidth: number;
  /** The projections add a bias. */
  readonly bias: boolean;
  /** The last one does; by default as the others. */
  readonly outputBias?: boolean;
  /** Factor of the scores. */
  readonly scale: number;
  /** How far a query sees; all keys by default. */
  readonly window?: Window | undefined;
  /** Which attention this is: self-attention of a decoder is causal, cross-attention has two inputs. */
  readonly at: Omit<Site, "name">;
}

export class MultiHeadAttention extends TransformerLayer<MultiHeadAttentionOptions> {
  static readonly className = "MultiHeadAttention";
  readonly #query: Linear;
  readonly #key: Linear;
  readonly #value: Linear;
  readonly #output: Linear;

  constructor(options: MultiHeadAttentionOptions) {
    super(options);
    const { name, width: D, heads, headWidth, bias, outputBias = bias, weights } = options;
    const projection = (of: string) =>
      this.child(new Linear({ name: `${name}.${of}`, inputs: D, outputs: heads * headWidth, bias, weights }));
    this.#query = projection("query");
    this.#key = projection("key");
    this.#value = projection("value");
    const output = { name: `${name}.output`, inputs: heads * headWidth, outputs: D, bias: outputBias };
    this.#output = this.child(new Linear({ ...output, weights }));
  }

  /** Queries' states [B, T, D] and, in cross-attention, keys' states [B, S, D] → [B, T, D]. The mask is that of the keys. */
  override call(inputs: LayerInputs, { mask_BS, bias, cache, sites }: Pass = {}): Tensor {
    const { heads, scale, window, at } = this.options;
    const [x_BTD, states] = at.attention === "cross" ? pair(inputs) : [single(inputs), single(inputs)];
    const project = () => ({
      key: splitHeads(this.#key.call(states), heads),
      value: splitHeads(this.#value.call(states), heads),
    });
    const append = () => {
      const { key, value } = project();
      return cache?.append(at.layer, key, value) ?? { key, value };
    };
    const { key, value } = at.attention === "self" ? append() : (cache?.cross(at.layer, project) ?? project());
    const query_BHTK = splitHeads(this.#query.call(x_BTD), heads);
    const causal = at.stack === "decoder" && at.attention === "self";
    const options = { scale, causal, window, bias, mask_BS, sites, at };
    return this.#output.call(attend({ query_BHTK, key_BGSK: key, value_BGSK: value, ...options }));
  }

  override computeOutputShape(shape: LayerShape | LayerShape[]): LayerShape | LayerShape[] {
    return this.options.at.attention === "cross" ? (shape as LayerShape[]).slice(0, 1) : shape;
  }
}
registerLayer(MultiHeadAttention);
