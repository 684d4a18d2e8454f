/** Embeddings that are moved a little: the neighbourhood of a text, in which explanations should stay what they are. */

import { OptionError } from "../../errors.ts";
import { Random } from "../../random.ts";
import { add, dispose, type Tensor, tensor, tidy } from "../../tensor.ts";

/** Noise on the inputs while they are attributed. */
export interface InputNoise {
  /** Every element of an embedding is moved by a number drawn uniformly from ± radius. */
  readonly radius: number;
  /** 0 by default. */
  readonly seed?: number;
}

/** Streams of random numbers that nothing else draws from, one for each input. */
const STREAM = 2 ** 27;

/** @throws OptionError unless the radius is a finite number ≥ 0 */
export function checkInputNoise(noise: InputNoise | undefined): void {
  if (noise === undefined || (noise.radius >= 0 && Number.isFinite(noise.radius))) return;
  throw new OptionError(`inputNoise: expected { radius } with a number ≥ 0, received ${JSON.stringify(noise)}`);
}

/** x + δ, which takes the place of x [S, D]; x itself without noise. */
export function moved(x_SD: Tensor, noise: InputNoise | undefined, input: number): Tensor {
  if (noise === undefined) return x_SD;
  const random = new Random(noise.seed ?? 0, STREAM + input);
  const values = Float32Array.from({ length: x_SD.size }, () => noise.radius * (2 * random.uniform() - 1));
  const moved_SD = tidy(() => add(x_SD, tensor(values, x_SD.shape)));
  dispose(x_SD);
  return moved_SD;
}
