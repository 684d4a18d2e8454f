/**
 * Whether a graph can be differentiated. Every operation of our own architectures can; a graph that somebody converted may have
 * others, which passes over one token find before anything is generated or attributed.
 */

import type { Model } from "../../model/model.ts";
import { valueAndGrads } from "../../ops/gradients.ts";
import { jvp } from "../../ops/jvp.ts";
import { dispose, int32, keep, onesLike, sum, type Tensor, tidy } from "../../tensor.ts";

/** What a method asks for: the gradient of a score, or how all scores move along a direction. */
export type Derivative = "gradient" | "tangent";

const known = new WeakMap<Model, Set<Derivative>>();

/** @throws UnsupportedError for a graph with an operation that has none of this kind, naming it and what to take instead */
export function checkGraphDerivative(model: Model, derivative: Derivative): void {
  if (model.facts.type !== "graph" || model.kind !== "decoder-only") return;
  const had = known.get(model) ?? new Set();
  if (had.has(derivative)) return;
  const logits = (embeddings_BTD: Tensor): Tensor => model.forward({ embeddings_BTD, targets_B: int32([0]) });
  const x_11D = tidy(() => keep(model.embed(int32([0], [1, 1]))));
  try {
    tidy(() => {
      if (derivative === "gradient") valueAndGrads((x) => sum(logits(x)), [x_11D]);
      else jvp(logits, [x_11D], [onesLike(x_11D)]);
    });
  } finally {
    dispose(x_11D);
  }
  known.set(model, had.add(derivative));
}
