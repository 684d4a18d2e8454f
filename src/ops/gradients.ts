/**
 * Gradients that let go of each tensor after its last use.
 *
 * TensorFlow.js keeps every cotangent, and every activation that the forward pass saved, until its backward pass is over.
 * A cotangent is used by one entry of the tape only, the one that made the tensor it belongs to, and that entry's saved
 * activations by nobody else. Here both are disposed of when the entry before it has its turn, so that memory holds a few
 * cotangents instead of one for each operation of the model.
 */

import { UnsupportedError } from "../errors.ts";
import { clone, dispose, type Tensor, tensorflow } from "../tensor.ts";

/**
 * The value of a scalar function and its gradients, as `tf.valueAndGrads` gives them. Not to be differentiated again:
 * inside another gradient everything is kept, as TensorFlow.js does.
 * @param onEntry called before each entry of the tape, when memory holds what the backward pass needs at once
 */
export function valueAndGrads(
  f: (...xs: Tensor[]) => Tensor,
  xs: readonly Tensor[],
  onEntry: () => void = () => {},
): { readonly value: Tensor; readonly grads: Tensor[] } {
  const recorded = (...inputs: Tensor[]): Tensor => {
    const y = f(...inputs);
    const { activeTape, gradientDepth } = tensorflow.engine().state;
    if (gradientDepth === 1) disposeEarly(activeTape, onEntry);
    return y;
  };
  try {
    return tensorflow.valueAndGrads(recorded)([...xs]);
  } catch (error) {
    // When f throws, TensorFlow.js forgets what it had saved for the backward pass.
    const { state } = tensorflow.engine();
    dispose((state.activeTape ?? []).flatMap((entry) => entry.saved ?? []));
    state.activeTape = [];
    throw named(error);
  }
}

/** TensorFlow.js has operations without a gradient, which a model that is a graph may contain. */
function named(error: unknown): unknown {
  const [, operation] =
    error instanceof Error ? (/gradient function not found for (\w+)/.exec(error.message) ?? []) : [];
  if (operation === undefined) return error;
  return new UnsupportedError(
    `expected operations that have gradients, but TensorFlow.js has none for ${operation}, which this model uses; take a ` +
      "perturbation method (occlusion, leave_one_out, lime, kernel_shap, shapley_values)",
    { cause: error },
  );
}

type Entry = ReturnType<typeof tensorflow.engine>["state"]["activeTape"][number];

function disposeEarly(tape: readonly Entry[], onEntry: () => void): void {
  /** What the entry before was the last to use. */
  let spent: Tensor[] = [];
  /** Ids of tensors whose cotangent has a summand. TensorFlow.js adds the next ones into new tensors. */
  const started = new Set<number>();
  for (const entry of tape) {
    const { gradient } = entry;
    if (gradient === undefined) continue;
    entry.gradient = (dys) => {
      onEntry();
      dispose(spent);
      spent = [...dys.filter((dy) => dy !== null), ...(entry.saved ?? [])];
      const given = new Set(dys);
      return Object.fromEntries(
        Object.entries(gradient(dys)).map(([name, compute]) => [
          name,
          () => {
            const dx = own(compute(), given);
            const id = entry.inputs[name]?.id;
            if (id !== undefined && started.has(id)) spent.push(dx);
            else if (id !== undefined) started.add(id);
            return dx;
          },
        ]),
      );
    };
  }
}

/** A cotangent that is passed on as it is gets a handle of its own: each handle is disposed of by one entry. */
function own(dx: Tensor, given: Set<Tensor>): Tensor {
  const result = given.has(dx) ? clone(dx) : dx;
  given.add(result);
  return result;
}
