/**
 * A block of a decoder with rotary positions: attention A and feed-forward part F, each with its normalisation and its
 * residual sum. Where the normalisations stand is the family's choice (n, n′ normalise, s is a constant):
 *
 *   before     h = x + s A(n₁(x)),         y = h + s F(n₂(h))             Llama and most others
 *   after      h = x + s n₁′(A(x)),        y = h + s n₂′(F(h))            OLMo 2
 *   around     h = x + s n₁′(A(n₁(x))),    y = h + s n₂′(F(n₂(h)))        Gemma 2
 *   parallel   y = x + s A(n₁(x)) + s F(n₁(x))                            Cohere
 *
 * Layers `attention`, `mlp`, and as far as they exist `attentionNorm` (n₁), `attentionOutputNorm` (n₁′), `mlpNorm` (n₂),
 * `mlpOutputNorm` (n₂′). The sites `attentionOutput` and `mlpOutput` are what is added to the residual stream.
 */

import { visit } from "../model/sites.ts";
import type { RotaryConfig } from "../ops/rotaryFrequencies.ts";
import { add, type LayerInputs, type LayerShape, mul, registerLayer, scalar, type Tensor } from "../tensor.ts";
import { FeedForward, type FeedForwardOptions } from "./feedForward.ts";
import { type LayerOptions, single, TransformerLayer } from "./layer.ts";
import { MixtureOfExperts, type MixtureOfExpertsOptions } from "./mixtureOfExperts.ts";
import { makeNorm, type Norm, type NormChoice } from "./norm.ts";
import { RotaryAttention, type RotaryAttentionChoice } from "./rotaryAttention.ts";
import type { RotaryPass } from "./rotaryPass.ts";

type Choice<Options> = Omit<Options, "name" | "weights" | "width">;

export type ExpertsChoice = Choice<MixtureOfExpertsOptions>;
export type FeedForwardChoice = Choice<FeedForwardOptions> | ExpertsChoice;

export interface RotaryBlockOptions extends LayerOptions {
  readonly layer: number;
  /** D */
  readonly width: number;
  readonly attention: RotaryAttentionChoice;
  readonly feedForward: FeedForwardChoice;
  readonly norm: NormChoice;
  readonly normPlace: "before" | "after" | "around" | "parallel";
  /** s */
  readonly residualScale?: number | undefined;
}

export class RotaryBlock extends TransformerLayer<RotaryBlockOptions> {
  static readonly className = "RotaryBlock";
  readonly #attention: RotaryAttention;
  readonly #mlp: FeedForward | MixtureOfExperts;
  readonly #attentionNorm: Norm | undefined;
  readonly #attentionOutputNorm: Norm | undefined;
  readonly #mlpNorm: Norm | undefined;
  readonly #mlpOutputNorm: Norm | undefined;

  constructor(options: RotaryBlockOptions) {
    super(options);
    const { name, layer, width, attention, feedForward, norm, normPlace, weights } = options;
    const place = (of: string) => ({ name: `${name}.${of}`, width, weights });
    const normIf = (exists: boolean, of: string) => (exists ? this.child(makeNorm(norm, place(of))) : undefined);
    const outputNorms = normPlace === "after" || normPlace === "around";
    this.#attentionNorm = normIf(normPlace !== "after", "attentionNorm");
    this.#attention = this.child(new RotaryAttention({ ...place("attention"), layer, ...attention }));
    this.#attentionOutputNorm = normIf(outputNorms, "attentionOutputNorm");
    this.#mlpNorm = normIf(normPlace === "before" || normPlace === "around", "mlpNorm");
    const mlp = place("mlp");
    this.#mlp = this.child(
      "experts" in feedForward
        ? new MixtureOfExperts({ ...mlp, ...feedForward })
        : new FeedForward({ ...mlp, ...feedForward }),
    );
    this.#mlpOutputNorm = normIf(outputNorms, "mlpOutputNorm");
  }

  get rotary(): RotaryConfig {
    return this.options.attention.rotary;
  }

  get heads(): number {
    return this.options.attention.heads;
  }

  /** [B, T, D] → [B, T, D] */
  override call(inputs: LayerInputs, pass: RotaryPass = {}): Tensor {
    const { layer, normPlace } = this.options;
    const at = { stack: "decoder", attention: "self", layer } as const;
    const x = visit(pass.sites, { ...at, name: "blockInput" }, single(inputs));
    const normalized = this.#attentionNorm?.call(x) ?? x;
    const attended = this.#added(this.#attention.call(normalized, pass), this.#attentionOutputNorm);
    const h = add(x, visit(pass.sites, { ...at, name: "attentionOutput" }, attended));
    const read = normPlace === "parallel" ? normalized : (this.#mlpNorm?.call(h) ?? h);
    const mlp = this.#added(this.#mlp.call(read), this.#mlpOutputNorm);
    const y = add(h, visit(pass.sites, { ...at, name: "mlpOutput" }, mlp));
    return visit(pass.sites, { ...at, name: "blockOutput" }, y);
  }

  /** What is added to the residual stream. */
  #added(output: Tensor, norm: Norm | undefined): Tensor {
    const { residualScale = 1 } = this.options;
    const normalized = norm?.call(output) ?? output;
    return residualScale === 1 ? normalized : mul(normalized, scalar(residualScale));
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return shape;
  }
}
registerLayer(RotaryBlock);
