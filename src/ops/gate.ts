/**
 * gate: y[b, h, t, s] = x[b, h, t, s] · g[b, h, s], a factor for each key of attention probabilities
 *
 * x [B, H, T, S], g [B, H, S] → y [B, H, T, S]. The gradient at a gate of ones is Σ_t x ∂f/∂x, attention times gradient.
 * With `positive` only keys with a positive derivative count, Σ_t x max(0, ∂f/∂x) (Barkan et al. 2021, arXiv 2204.11073): a
 * rule of its own, not the derivative.
 */

import { dims } from "../dims.ts";
import { expandDims, mul, relu, sum, type Tensor } from "../tensor.ts";
import { defineKernel, defineOp } from "./op.ts";

interface Attrs {
  readonly positive: boolean;
}

export const gateForward = defineKernel<"x" | "gate", Attrs>("AttentionGate", ({ x, gate }) =>
  mul(x, expandDims(gate, 2)),
);

/** From y = x · g: dx = dy · g, dg = Σ_t x dy, or Σ_t x max(0, dy) where x ≥ 0. */
export const gateBackward = defineKernel<"dy" | "x" | "gate", Attrs>(
  "AttentionGateBackward",
  ({ dy, x, gate }, { positive }) => [mul(dy, expandDims(gate, 2)), sum(mul(x, positive ? relu(dy) : dy), 2)],
);

const op = defineOp<"x" | "gate", "x" | "gate", Attrs>(gateForward, {
  saves: ["x", "gate"],
  gradient: (dy, { x, gate }, attrs) => {
    const [dx, dGate] = gateBackward({ dy, x, gate }, attrs) as [Tensor, Tensor];
    return { x: () => dx, gate: () => dGate };
  },
});

/**
 * @param positive counts positive derivatives only in the gradient at the gate
 * @throws ShapeError when x is not [B, H, T, S] or the gate not [B, H, S]
 */
export function gate(x_BHTS: Tensor, gate_BHS: Tensor, positive = false): Tensor {
  const { B, H, S } = dims("gate: x", x_BHTS, "B H T S");
  dims("gate: gate", gate_BHS, "B H S", { B, H, S });
  return op({ x: x_BHTS, gate: gate_BHS }, { positive });
}
