/** Embedding table. Weight `table` [V, D]; with tied weights it is the output head, too. */

import { embedding } from "../ops/embedding.ts";
import { linear } from "../ops/linear.ts";
import { type LayerInputs, type LayerShape, type LayerVariable, registerLayer, type Tensor } from "../tensor.ts";
import { type LayerOptions, single, TransformerLayer } from "./layer.ts";

export interface EmbeddingOptions extends LayerOptions {
  /** V */
  readonly vocabSize: number;
  /** D */
  readonly width: number;
}

export class Embedding extends TransformerLayer<EmbeddingOptions> {
  static readonly className = "TokenEmbedding";
  readonly table: LayerVariable;

  constructor(options: EmbeddingOptions) {
    super(options);
    this.table = this.parameter("table", [options.vocabSize, options.width]);
  }

  get vocabSize(): number {
    return this.options.vocabSize;
  }

  get width(): number {
    return this.options.width;
  }

  /** int32 ids [...] → [..., D] */
  override call(inputs: LayerInputs): Tensor {
    return embedding(this.table.read(), single(inputs));
  }

  /** Logits x Wᵀ of a tied output head: [..., D] → [..., V]. */
  logits(x: Tensor): Tensor {
    return linear(x, this.table.read(), undefined, { transposeKernel: true });
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return [...shape, this.options.width];
  }
}
registerLayer(Embedding);
