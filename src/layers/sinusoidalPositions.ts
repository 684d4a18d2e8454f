/**
 * Sinusoidal positions (Vaswani et al. 2017, arXiv 1706.03762, section 3.5), sines in the first half of the width and
 * cosines in the second, as Marian lays them out:
 *
 *   p[t, i] = sin(t / 10000^(2i/D)), p[t, ⌈D/2⌉ + i] = cos(t / 10000^(2i/D))
 *
 * The table [positions, D] follows from its size: it is not trained, and not read from a checkpoint.
 */

import { embedding } from "../ops/embedding.ts";
import {
  initializer,
  type LayerInputs,
  type LayerShape,
  type LayerVariable,
  registerLayer,
  type Tensor,
  tensor,
} from "../tensor.ts";
import { type LayerOptions, single, TransformerLayer } from "./layer.ts";

export interface SinusoidalOptions extends LayerOptions {
  readonly positions: number;
  /** D */
  readonly width: number;
}

export class SinusoidalPositions extends TransformerLayer<SinusoidalOptions> {
  static readonly className = "SinusoidalPositions";
  readonly #table: LayerVariable;

  constructor(options: SinusoidalOptions) {
    super(options);
    const { name, positions, width } = options;
    const table = tensor(sinusoids(positions, width), [positions, width]);
    const fixed = initializer(() => table);
    this.#table = this.addWeight(`${name}.table`, [positions, width], "float32", fixed, undefined, false);
    table.dispose();
  }

  /** int32 positions [...] → [..., D] */
  override call(inputs: LayerInputs): Tensor {
    return embedding(this.#table.read(), single(inputs));
  }

  override computeOutputShape(shape: LayerShape): LayerShape {
    return [...shape, this.options.width];
  }
}
registerLayer(SinusoidalPositions);

function sinusoids(positions: number, D: number): Float32Array {
  const sines = Math.ceil(D / 2);
  const table = new Float32Array(positions * D);
  for (let t = 0; t < positions; t++) {
    for (let j = 0; j < D; j++) {
      const angle = t / 10000 ** ((2 * (j < sines ? j : j - sines)) / D);
      table[t * D + j] = j < sines ? Math.sin(angle) : Math.cos(angle);
    }
  }
  return table;
}
