/**
 * Sinusoidal positions (Vaswani et al. 2017, arXiv 1706.03762, section 3.5), all sines before all cosines. With D wide
 * vectors, position t counted from `first`, and h = D/2:
 *
 *   paper          p[i] = sin(t / 10000^(2i/D)),     p[⌈h⌉ + i] = cos(t / 10000^(2i/D))                  (Marian, Pegasus)
 *   tensor2tensor  p[i] = sin(t / 10000^(i/(⌊h⌋−1))), p[⌊h⌋ + i] = cos(the same), a last odd column is 0   (fairseq)
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
  readonly formula: "paper" | "tensor2tensor";
  /** What the first position counts as; fairseq counts from the padding token's id + 1. */
  readonly first: number;
}

export class SinusoidalPositions extends TransformerLayer<SinusoidalOptions> {
  static readonly className = "SinusoidalPositions";
  readonly #table: LayerVariable;

  constructor(options: SinusoidalOptions) {
    super(options);
    const { name, positions, width } = options;
    const table = tensor(sinusoids(options), [positions, width]);
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

function sinusoids({ positions, width: D, formula, first }: SinusoidalOptions): Float32Array {
  const pairs = formula === "paper" ? Math.ceil(D / 2) : Math.floor(D / 2);
  const angle = { paper: paperAngle, tensor2tensor: tensor2tensorAngle }[formula];
  const table = new Float32Array(positions * D);
  for (let t = 0; t < positions; t++) {
    for (let i = 0; i < pairs; i++) {
      const radians = angle(first + t, i, D);
      table[t * D + i] = Math.sin(radians);
      if (pairs + i < D) table[t * D + pairs + i] = Math.cos(radians);
    }
  }
  return table;
}

const paperAngle = (t: number, i: number, D: number): number => t / 10000 ** ((2 * i) / D);

/** Rounded to single precision at every step, as the reference computes it: at t = 1000 that moves the angle by 1e-4. */
function tensor2tensorAngle(t: number, i: number, D: number): number {
  const f32 = Math.fround;
  const exponent = f32(i * f32(-Math.log(10000) / (Math.floor(D / 2) - 1)));
  return f32(t * f32(Math.exp(exponent)));
}
