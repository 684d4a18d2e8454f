/**
 * An encoder or a decoder: positions, a stack of blocks, and a normalisation at the end. A decoder may stand alone or read
 * an encoder's states.
 *
 * Positions are absolute (a vector for each is added to the embeddings, which may then be normalised) or relative (a bias
 * of each pair is added to the scores, from one table for all blocks or from one for each).
 * Layers `positions`, `embeddingNorm`, `relativePositions` or `blocks.i.relativePositions`, `blocks.i`, `finalNorm`.
 */

import { positionIds } from "../model/positions.ts";
import { type Site, visit } from "../model/sites.ts";
import { add, type Layer, type LayerInputs, type LayerShape, registerLayer, type Tensor } from "../tensor.ts";
import { DecoderBlock } from "./decoderBlock.ts";
import { type LayerOptions, pair, single, TransformerLayer } from "./layer.ts";
import { LearnedPositions, type LearnedPositionsOptions } from "./learnedPositions.ts";
import { makeNorm, type Norm } from "./norm.ts";
import { statesToRead } from "./outputHead.ts";
import type { CrossPass } from "./pass.ts";
import { RelativePositions, type RelativePositionsOptions } from "./relativePositions.ts";
import { type BlockChoice, SelfAttentionBlock } from "./selfAttentionBlock.ts";
import { type SinusoidalOptions, SinusoidalPositions } from "./sinusoidalPositions.ts";
import { throughBlocks } from "./throughBlocks.ts";

export type PositionsChoice =
  | ({ readonly kind: "learned" } & Pick<LearnedPositionsOptions, "positions" | "offset">)
  | ({ readonly kind: "sinusoidal" } & Pick<SinusoidalOptions, "positions" | "formula" | "first">)
  | ({ readonly kind: "relative" } & RelativeChoice);

interface RelativeChoice extends Pick<RelativePositionsOptions, "buckets" | "maxDistance"> {
  /** Each block has a table of its own. */
  readonly perBlock: boolean;
}

export interface StackOptions extends LayerOptions {
  readonly stack: "encoder" | "decoder";
  /** Blocks attend to an encoder's states, too; by default those of a decoder do. */
  readonly readsEncoder?: boolean;
  readonly layers: number;
  readonly block: BlockChoice;
  readonly positions: PositionsChoice;
  /** Normalises the sum of embeddings and positions. */
  readonly embeddingNorm: boolean;
  /** Normalises what leaves the last block. */
  readonly finalNorm: boolean;
}

export interface StackPass extends CrossPass {
  /** Position of each token, int32 [B, T]; by default counted from the first token of the mask. */
  readonly positions_BT?: Tensor | undefined;
  /** The one position of each row whose state is wanted, int32 [B]. */
  readonly targets_B?: Tensor | undefined;
}

type Block = SelfAttentionBlock | DecoderBlock;

export class Stack extends TransformerLayer<StackOptions> {
  static readonly className = "Stack";
  readonly #positions: LearnedPositions | SinusoidalPositions | undefined;
  readonly #relative: readonly RelativePositions[];
  readonly #embeddingNorm: Norm | undefined;
  readonly #blocks: readonly Block[];
  readonly #finalNorm: Norm | undefined;

  constructor(options: StackOptions) {
    super(options);
    const { name, stack, layers, block, weights } = options;
    const norm = (of: string, wanted: boolean) =>
      wanted ? this.child(makeNorm(block.norm, { name: `${name}.${of}`, width: block.width, weights })) : undefined;
    this.#positions = this.#makePositions();
    this.#relative = this.#makeRelative();
    this.#embeddingNorm = norm("embeddingNorm", options.embeddingNorm);
    this.#blocks = Array.from({ length: layers }, (_, layer) => {
      const made = { name: `${name}.blocks.${layer}`, layer, ...block, weights };
      return this.child(this.#readsEncoder ? new DecoderBlock(made) : new SelfAttentionBlock({ ...made, stack }));
    });
    this.#finalNorm = norm("finalNorm", options.finalNorm);
  }

  get #readsEncoder(): boolean {
    return this.options.readsEncoder ?? this.options.stack === "decoder";
  }

  #makePositions(): LearnedPositions | SinusoidalPositions | undefined {
    const { name, block, positions, weights } = this.options;
    const common = { name: `${name}.positions`, width: block.width };
    if (positions.kind === "learned") return this.child(new LearnedPositions({ ...common, ...positions, weights }));
    if (positions.kind === "sinusoidal") return this.child(new SinusoidalPositions({ ...common, ...positions }));
    return undefined;
  }

  #makeRelative(): readonly RelativePositions[] {
    const { name, stack, layers, block, positions, weights } = this.options;
    if (positions.kind !== "relative") return [];
    const { buckets, maxDistance, perBlock } = positions;
    const places = perBlock ? Array.from({ length: layers }, (_, layer) => `${name}.blocks.${layer}`) : [name];
    const common = { heads: block.attention.heads, buckets, maxDistance, bidirectional: stack === "encoder", weights };
    return places.map((place) => this.child(new RelativePositions({ name: `${place}.relativePositions`, ...common })));
  }

  /** The layers inside, which are all that has weights. */
  get layers(): readonly Layer[] {
    const all = [this.#positions, ...this.#relative, this.#embeddingNorm, ...this.#blocks, this.#finalNorm];
    return all.filter((layer) => layer !== undefined);
  }

  /** Embeddings [B, T, D] and, if it reads them, an encoder's states [B, S, D] → [B, T, D], or [B, D] at `targets_B`. */
  override call(inputs: LayerInputs, pass: StackPass = {}): Tensor {
    const [embeddings_BTD, states_BSD] = this.#readsEncoder ? pair(inputs) : [single(inputs)];
    const { stack } = this.options;
    const T = embeddings_BTD.shape[1] ?? 0;
    const biases = this.#relative.map((table) => table.bias(T, T + (pass.cache?.length ?? 0)));
    const x0 = this.#position(embeddings_BTD, pass);
    const x = throughBlocks<Block>(x0, this.#blocks, pass.sites, (block, x, layer) =>
      block.call(states_BSD === undefined ? x : [x, states_BSD], { ...pass, bias: biases[layer] ?? biases[0] }),
    );
    const states = statesToRead(x, pass.targets_B);
    const last: Site = { name: "stackOutput", stack, attention: "self", layer: this.#blocks.length - 1 };
    return visit(pass.sites, last, this.#finalNorm?.call(states) ?? states);
  }

  /** The normalisation at the end, if there is one. */
  get finalNorm(): Norm | undefined {
    return this.#finalNorm;
  }

  /** What enters the first block. */
  #position(embeddings_BTD: Tensor, { mask_BS, positions_BT, cache }: StackPass): Tensor {
    const { positions } = this.options;
    if (this.#positions === undefined || positions.kind === "relative") return embeddings_BTD;
    const ids_BT = positionIds({ embeddings_BTD, mask_BS, positions_BT, cache }, positions.positions);
    const x_BTD = add(embeddings_BTD, this.#positions.call(ids_BT));
    return this.#embeddingNorm?.call(x_BTD) ?? x_BTD;
  }

  override computeOutputShape(shape: LayerShape | LayerShape[]): LayerShape | LayerShape[] {
    return this.#readsEncoder ? (shape as LayerShape[]).slice(0, 1) : shape;
  }
}
registerLayer(Stack);
