/**
 * Mixture of experts (Shazeer et al. 2017, arXiv 1701.06538; Jiang et al. 2024, arXiv 2401.04088): a router sends each
 * token to the k of E feed-forward parts that it finds most probable, and weighs their outputs by its probabilities:
 *
 *   p = softmax(x R),  y = Σ_{e ∈ top k} w_e F_e(x),  w_e = p_e, or p_e / Σ_{top k} p
 *
 * and with a shared expert, which sees every token (Qwen 2), y + σ(x g) F_shared(x). Layers `router` [D → E], `experts.e`,
 * and `shared`, `sharedGate` [D → 1].
 *
 * Which experts a token goes to is decided on the host, and is no function to differentiate; the gradient goes through
 * the weights w and through the experts, as PyTorch's does. Each expert computes its own tokens only.
 */

import { inverseOf, permuteRows } from "../ops/permuteRows.ts";
import {
  add,
  concat,
  div,
  expandDims,
  type LayerInputs,
  type LayerShape,
  mul,
  readFloatsNow,
  registerLayer,
  reshape,
  scalar,
  sigmoid,
  softmax,
  split,
  sum,
  type Tensor,
  tensor,
  tile,
} from "../tensor.ts";
import { FeedForward, type FeedForwardOptions, type FeedForwardPass } from "./feedForward.ts";
import { type LayerOptions, single, TransformerLayer } from "./layer.ts";
import { Linear } from "./linear.ts";

export interface MixtureOfExpertsOptions
  extends LayerOptions,
    Pick<FeedForwardOptions, "width" | "feedForwardWidth" | "activation" | "gated" | "bias"> {
  /** E */
  readonly experts: number;
  /** k, at most E. */
  readonly expertsPerToken: number;
  /** Whether the weights of a token's experts sum to one. */
  readonly normalized: boolean;
  /** Feed-forward width of the expert that sees every token. */
  readonly sharedWidth?: number | undefined;
  readonly routerBias?: boolean;
  /** Factor of the experts' outputs: NLLB-MoE masks some of them in training, and scales all of them afterwards. */
  readonly expertFactor?: number;
}

export class MixtureOfExperts extends TransformerLayer<MixtureOfExpertsOptions> {
  static readonly className = "MixtureOfExperts";
  readonly #router: Linear;
  readonly #experts: readonly FeedForward[];
  readonly #shared: { readonly expert: FeedForward; readonly gate: Linear } | undefined;

  constructor(options: MixtureOfExpertsOptions) {
    super(options);
    const { name, width, feedForwardWidth, activation, experts, sharedWidth, weights } = options;
    const { gated = true, bias = false, routerBias = false } = options;
    const linear = (of: string, outputs: number, added = false) =>
      this.child(new Linear({ name: `${name}.${of}`, inputs: width, outputs, bias: added, weights }));
    const expert = (of: string, F: number) => {
      const sizes = { width, feedForwardWidth: F, activation, gated, bias };
      return this.child(new FeedForward({ name: `${name}.${of}`, ...sizes, weights }));
    };
    this.#router = linear("router", experts, routerBias);
    this.#experts = Array.from({ length: experts }, (_, e) => expert(`experts.${e}`, feedForwardWidth));
    if (sharedWidth !== undefined) {
      this.#shared = { expert: expert("shared", sharedWidth), gate: linear("sharedGate", 1) };
    }
  }

  /** [..., D] → [..., D] */
  override call(inputs: LayerInputs, _pass: FeedForwardPass = {}): Tensor {
    const x = single(inputs);
    const { width: D, expertsPerToken: J, normalized, expertFactor = 1 } = this.options;
    const x_ND = reshape(x, [-1, D]);
    const N = x_ND.shape[0] ?? 0;
    const p_NE = softmax(this.#router.call(x_ND));
    const { isChosen, tokensOf } = route(readFloatsNow(p_NE), this.#experts.length, J);
    const chosen_NJ = sum(mul(expandDims(p_NE, 1), tensor(isChosen, [N, J, this.#experts.length])), 2);
    const share_NJ = normalized ? div(chosen_NJ, sum(chosen_NJ, 1, true)) : chosen_NJ;
    const weight_NJ = expertFactor === 1 ? share_NJ : mul(share_NJ, scalar(expertFactor));

    const copies_MD = reshape(tile(expandDims(x_ND, 1), [1, J, 1]), [N * J, D]);
    const order = tokensOf.flat();
    const busy = this.#experts.flatMap((expert, e) => {
      const rows = tokensOf[e]?.length ?? 0;
      return rows > 0 ? [{ expert, rows }] : [];
    });
    const outputs_MD = eachOn(permuteRows(copies_MD, order), busy);
    const back_NJD = reshape(permuteRows(outputs_MD, inverseOf(order)), [N, J, D]);
    const mixed_ND = sum(mul(back_NJD, expandDims(weight_NJ, 2)), 1);
    return reshape(this.#shared === undefined ? mixed_ND : add(mixed_ND, this.#sharedOutput(x_ND)), x.shape);
  }

  /** σ(x g) F_shared(x) */
  #sharedOutput(x_ND: Tensor): Tensor {
    if (this.#shared === undefined) throw new Error("there is no shared expert");
    const { expert, gate } = this.#shared;
    return mul(sigmoid(gate.call(x_ND)), expert.call(x_ND));
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return shape;
  }
}
registerLayer(MixtureOfExperts);

/** Every expert's output for its share of the rows, in their order. */
function eachOn(x_MD: Tensor, busy: readonly { readonly expert: FeedForward; readonly rows: number }[]): Tensor {
  const [only, ...others] = busy;
  // TensorFlow.js has no gradient of a split into one.
  if (only !== undefined && others.length === 0) return only.expert.call(x_MD);
  const counts = busy.map(({ rows }) => rows);
  const shares = split(x_MD, counts, 0);
  return concat(
    busy.map(({ expert }, i) => expert.call(shares[i] as Tensor)),
    0,
  );
}

interface Routes {
  /** 1 where expert e is the token's j-th, else 0: [N, J, E]. */
  readonly isChosen: Float32Array;
  /** For each expert the items n · J + j that go to it. */
  readonly tokensOf: readonly (readonly number[])[];
}

/** The J most probable of E experts for each row of p [N, E]; of equals the first. */
function route(p_NE: Float32Array, E: number, J: number): Routes {
  const N = p_NE.length / E;
  const isChosen = new Float32Array(N * J * E);
  const tokensOf: number[][] = Array.from({ length: E }, () => []);
  for (let n = 0; n < N; n++) {
    const row = p_NE.subarray(n * E, (n + 1) * E);
    const ranked = Array.from(row.keys()).sort((a, b) => (row[b] ?? 0) - (row[a] ?? 0));
    for (const [j, e] of ranked.slice(0, J).entries()) {
      isChosen[(n * J + j) * E + e] = 1;
      tokensOf[e]?.push(n * J + j);
    }
  }
  return { isChosen, tokensOf };
}
