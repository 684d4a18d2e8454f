/** The form of the rules by which tangents go through operations (`tangent.ts` has them). */

import { UnsupportedError } from "../errors.ts";
import type { Tensor } from "../tensor.ts";
import type { Entry } from "./tape.ts";

/** Tangents of an operation's inputs by their names, where they have any. */
export type Tangents = Readonly<Record<string, Tensor>>;

/**
 * Tangents of an operation's outputs. Of the entry's tensors it may use those that are saved; of its inputs and outputs only
 * shapes are left.
 */
export type TangentRule = (entry: Entry, tangents: Tangents) => readonly Tensor[];

/**
 * The tangents of inputs that a rule knows of.
 * @throws UnsupportedError when another input has one
 */
export function only<Name extends string>(
  names: readonly Name[],
  { kernelName }: Entry,
  tangents: Tangents,
): { readonly [N in Name]?: Tensor } {
  const other = Object.keys(tangents).find((name) => !(names as readonly string[]).includes(name));
  if (other === undefined) return tangents as { readonly [N in Name]?: Tensor };
  throw new UnsupportedError(
    `jvp: expected ${other} of ${kernelName} to be constant, but it depends on what is attributed; take input_x_gradient, ` +
      "which needs gradients only",
  );
}
