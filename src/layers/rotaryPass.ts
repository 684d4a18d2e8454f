/** The angles of rotary positions, which all layers of a model share, on their way through it. */

import { positionIds } from "../model/positions.ts";
import { type RotaryConfig, type Rotation, rotation } from "../ops/rotaryFrequencies.ts";
import type { Tensor } from "../tensor.ts";
import type { Pass } from "./pass.ts";

export interface RotaryPass extends Pass {
  /** Angles of the present positions; by default they are counted from 0. */
  readonly rotation?: Rotation | undefined;
}

/** The angles of a pass, made here when a layer is used outside a model. */
export function presentRotation(
  config: RotaryConfig,
  x_BTD: Tensor,
  { rotation: given, mask_BS }: RotaryPass,
): Rotation {
  return given ?? rotation(config, positionIds({ embeddings_BTD: x_BTD, mask_BS }));
}
