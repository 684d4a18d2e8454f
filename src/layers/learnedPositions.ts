/**
 * A trained vector for each position. Weight `table` [offset + positions, D].
 *
 * Fairseq's models count positions from the padding token's id + 1, which left the first rows of their tables unused:
 * position t is row offset + t.
 */

import { embedding } from "../ops/embedding.ts";
import {
  add,
  cast,
  type LayerInputs,
  type LayerShape,
  type LayerVariable,
  registerLayer,
  scalar,
  type Tensor,
} from "../tensor.ts";
import { type LayerOptions, single, TransformerLayer } from "./layer.ts";

export interface LearnedPositionsOptions extends LayerOptions {
  readonly positions: number;
  readonly offset: number;
  /** D */
  readonly width: number;
}

export class LearnedPositions extends TransformerLayer<LearnedPositionsOptions> {
  static readonly className = "LearnedPositions";
  readonly #table: LayerVariable;

  constructor(options: LearnedPositionsOptions) {
    super(options);
    this.#table = this.parameter("table", [options.offset + options.positions, options.width]);
  }

  /** int32 positions [...] → [..., D] */
  override call(inputs: LayerInputs): Tensor {
    return embedding(this.#table.read(), add(single(inputs), cast(scalar(this.options.offset), "int32")));
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return [...shape, this.options.width];
  }
}
registerLayer(LearnedPositions);
