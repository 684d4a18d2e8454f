/**
 * Jacobian-vector products: how a function's outputs move with its inputs, forwards over the tape (forward-mode
 * differentiation: Wengert 1964, "A simple automatic derivative evaluation program"; Griewank and Walther 2008, ch. 3).
 *
 *   ẏ = J v:   every operation turns the tangents of what enters it into those of what leaves it (`tangent.ts`)
 *
 * One pass gives the derivative of all outputs along one direction of the inputs, where a gradient gives that of one output
 * along all directions: cheaper wherever there are fewer directions than outputs. Directions are rows: where the rows of xs
 * are copies of each other (`repeat`), each row of v is another direction at one point.
 *
 * A tangent is disposed of after its last use, as is what the forward pass saved for an operation.
 */

import { UnsupportedError } from "../errors.ts";
import { clone, dispose, type Tensor, tidy, zerosLike } from "../tensor.ts";
import { tangentRule } from "./tangent.ts";
import type { TangentRule } from "./tangentRule.ts";
import { type Entry, record } from "./tape.ts";

/**
 * f at xs, and J v there.
 * @param vs for each of xs a tensor of its shape, or null: it does not move
 * @param onEntry called before each operation, when memory holds what the pass needs at once
 * @returns the value, and the tangent, a tensor of its shape
 * @throws UnsupportedError for an operation without a rule
 */
export function jvp(
  f: (...xs: Tensor[]) => Tensor,
  xs: readonly Tensor[],
  vs: readonly (Tensor | null)[],
  onEntry: () => void = () => {},
): { readonly value: Tensor; readonly tangent: Tensor } {
  return tidy(() => {
    // Copies, so that each of xs has a tangent of its own even if it is given twice.
    const inputs = xs.map(clone);
    const { y, entries, release } = record(() => tidy(() => f(...inputs)));
    try {
      const tangents = new Map<number, Tensor>();
      for (const [i, v] of vs.entries()) if (v !== null) tangents.set((inputs[i] as Tensor).id, clone(v));
      push(tangents, entries, y, onEntry);
      return { value: y, tangent: tangents.get(y.id) ?? zerosLike(y) };
    } finally {
      release();
    }
  });
}

/** Takes tangents through the operations on the way to y, in their order. */
function push(tangents: Map<number, Tensor>, entries: readonly Entry[], y: Tensor, onEntry: () => void): void {
  const { onTheWay, lastUse } = waysTo(y, entries);
  for (const [i, entry] of entries.entries()) {
    const given = Object.entries(entry.inputs).flatMap(([name, { id }]) => {
      const tangent = tangents.get(id);
      return tangent === undefined ? [] : [[name, tangent] as const];
    });
    // What is not a number of its own kind, such as a comparison, does not move.
    const moves = entry.outputs.some(({ dtype }) => dtype === "float32");
    if (given.length > 0 && onTheWay[i] && moves) {
      onEntry();
      const left = through(ruleOf(entry), entry, Object.fromEntries(given));
      for (const [o, { id, dtype }] of entry.outputs.entries()) {
        const tangent = left[o];
        if (tangent !== undefined && dtype === "float32") tangents.set(id, tangent);
      }
    }
    dispose([...entry.saved]);
    for (const { id } of [...Object.values(entry.inputs), ...entry.outputs]) {
      const tangent = tangents.get(id);
      if (tangent === undefined || (lastUse.get(id) ?? -1) > i) continue;
      dispose(tangent);
      tangents.delete(id);
    }
  }
}

/** Tangents of an operation's outputs, each a tensor of its own. */
function through(rule: TangentRule, entry: Entry, given: Readonly<Record<string, Tensor>>): Tensor[] {
  const before = new Set(Object.values(given));
  return tidy(() => rule(entry, given).map((tangent) => (before.has(tangent) ? clone(tangent) : tangent)));
}

function ruleOf({ kernelName, gradient }: Entry): TangentRule {
  const rule = tangentRule(kernelName);
  if (rule !== undefined) return rule;
  const advice =
    gradient === undefined
      ? "a perturbation method (occlusion, leave_one_out, lime, kernel_shap, shapley_values)"
      : "input_x_gradient, which needs gradients only";
  throw new UnsupportedError(
    `jvp: there is no rule for the tangent of the operation ${kernelName}, which this model uses; take ${advice}`,
  );
}

/** Which operations y depends on, and for each tensor the last of them that needs it; of y itself none is the last. */
function waysTo(y: Tensor, entries: readonly Entry[]): { onTheWay: boolean[]; lastUse: ReadonlyMap<number, number> } {
  const lastUse = new Map<number, number>([[y.id, entries.length]]);
  const onTheWay = new Array<boolean>(entries.length).fill(false);
  for (let i = entries.length - 1; i >= 0; i--) {
    const { inputs, outputs } = entries[i] as Entry;
    if (!outputs.some(({ id }) => lastUse.has(id))) continue;
    onTheWay[i] = true;
    for (const { id } of Object.values(inputs)) lastUse.set(id, lastUse.get(id) ?? i);
  }
  return { onTheWay, lastUse };
}
