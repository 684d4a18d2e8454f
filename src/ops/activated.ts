/**
 * activated: y = φ(z) for an operation z whose kernel can end with an activation φ (linear, compactLinear).
 *
 * The kernel computes both at once, and gives z only where the pass is recorded, for the gradient: φ'(z). On the tape they are
 * two operations, so that whatever has a rule of its own for activations (DeepLIFT, tangents) finds them.
 */

import type { Tensor } from "../tensor.ts";
import { type Activation, activationForward, activationOp } from "./activation.ts";
import { first, type Kernel, type Op } from "./op.ts";
import { isRecording, withoutEntries } from "./tape.ts";

/** How such a kernel ends. */
export interface Ending {
  readonly activation?: Activation;
  /** Whether it also gives, as a second output, what the activation is applied to. */
  readonly givesBoth?: boolean;
}

/** The outputs of such a kernel by its definition, from z. */
export function ended(z: Tensor, { activation, givesBoth = false }: Ending): Tensor[] {
  if (activation === undefined) return [z];
  const y = first(activationForward.reference({ x: z }, { activation }));
  return givesBoth ? [y, z] : [y];
}

/** φ(z), z = op(inputs). */
export function activated<In extends string, Attrs extends object>(
  kernel: Kernel<In, Attrs & Ending>,
  op: Op<In, Attrs>,
  inputs: { readonly [I in In]: Tensor },
  attrs: Attrs,
  activation: Activation,
): Tensor {
  if (!isRecording()) return first(kernel(inputs, { ...attrs, activation }));
  const both = withoutEntries(() => kernel(inputs, { ...attrs, activation, givesBoth: true }));
  const [y, z] = both as [Tensor, Tensor];
  op.note(inputs, attrs, [z]);
  activationOp.note({ x: z }, { activation }, [y]);
  return y;
}
