/**
 * activation: the element-wise non-linearities of feed-forward layers, y = φ(x), by their Hugging Face names.
 *
 *   relu        max(x, 0)
 *   relu2       max(x, 0)²                                                      (So et al. 2021, arXiv 2109.08668)
 *   silu        x · σ(x)                                                        (also `swish`)
 *   gelu        x · Φ(x), Φ the normal distribution function                    (Hendrycks and Gimpel, arXiv 1606.08415)
 *   gelu_new    ½ x (1 + tanh(√(2/π) (x + 0.044715 x³)))                        (also `gelu_pytorch_tanh`, `gelu_fast`)
 *   quick_gelu  x · σ(1.702 x)
 *   tanh, sigmoid, linear
 */

import { ShapeError } from "../errors.ts";
import {
  add,
  erf,
  exp,
  mul,
  onesLike,
  relu,
  scalar,
  sigmoid,
  square,
  step,
  sub,
  type Tensor,
  tanh,
} from "../tensor.ts";
import { defineKernel, defineOp, first } from "./op.ts";

interface Rule {
  readonly forward: (x: Tensor) => Tensor;
  /** φ'(x) */
  readonly derivative: (x: Tensor) => Tensor;
}

const one = (): Tensor => scalar(1);
const times = (factor: number, x: Tensor): Tensor => mul(scalar(factor), x);

const GELU_TANH_CUBIC = 0.044715;
const SQRT_2_OVER_PI = Math.sqrt(2 / Math.PI);
const QUICK_GELU_SLOPE = 1.702;

/** √(2/π) (x + 0.044715 x³) */
const geluTanhArgument = (x: Tensor): Tensor =>
  times(SQRT_2_OVER_PI, add(x, times(GELU_TANH_CUBIC, mul(x, square(x)))));
/** Φ(x) = ½ (1 + erf(x / √2)) */
const normalCdf = (x: Tensor): Tensor => times(0.5, add(one(), erf(times(Math.SQRT1_2, x))));

const rules = {
  linear: { forward: (x) => mul(x, one()), derivative: (x) => onesLike(x) },
  relu: { forward: relu, derivative: (x) => step(x) },
  relu2: { forward: (x) => square(relu(x)), derivative: (x) => times(2, relu(x)) },
  tanh: { forward: tanh, derivative: (x) => sub(one(), square(tanh(x))) },
  sigmoid: {
    forward: sigmoid,
    derivative: (x) => {
      const s = sigmoid(x);
      return mul(s, sub(one(), s));
    },
  },
  silu: {
    forward: (x) => mul(x, sigmoid(x)),
    // d(x σ) = σ + x σ (1 − σ)
    derivative: (x) => {
      const s = sigmoid(x);
      return mul(s, add(one(), mul(x, sub(one(), s))));
    },
  },
  quick_gelu: {
    forward: (x) => mul(x, sigmoid(times(QUICK_GELU_SLOPE, x))),
    derivative: (x) => {
      const scaled = times(QUICK_GELU_SLOPE, x);
      const s = sigmoid(scaled);
      return mul(s, add(one(), mul(scaled, sub(one(), s))));
    },
  },
  gelu: {
    forward: (x) => mul(x, normalCdf(x)),
    // d(x Φ) = Φ + x φ, φ(x) = exp(−x²/2) / √(2π)
    derivative: (x) => add(normalCdf(x), mul(x, times(1 / Math.sqrt(2 * Math.PI), exp(times(-0.5, square(x)))))),
  },
  gelu_new: {
    forward: (x) => mul(times(0.5, x), add(one(), tanh(geluTanhArgument(x)))),
    // t = tanh(u): d = ½ (1 + t) + ½ x (1 − t²) u', u' = √(2/π) (1 + 3 · 0.044715 x²)
    derivative: (x) => {
      const t = tanh(geluTanhArgument(x));
      const slope = times(SQRT_2_OVER_PI, add(one(), times(3 * GELU_TANH_CUBIC, square(x))));
      const curved = mul(mul(x, sub(one(), square(t))), slope);
      return times(0.5, add(add(one(), t), curved));
    },
  },
} as const satisfies Record<string, Rule>;

export type Activation = keyof typeof rules;

/** Hugging Face's names of the same functions. */
export const activationNames: Readonly<Record<string, Activation>> = {
  ...(Object.fromEntries(Object.keys(rules).map((name) => [name, name])) as Record<Activation, Activation>),
  swish: "silu",
  gelu_pytorch_tanh: "gelu_new",
  gelu_fast: "gelu_new",
};

interface Attrs {
  readonly activation: Activation;
}

export const activationForward = defineKernel<"x", Attrs>("Activation", ({ x }, { activation }) =>
  rules[activation].forward(x),
);

/** dx = dy · φ'(x) */
export const activationBackward = defineKernel<"dy" | "x", Attrs>("ActivationBackward", ({ dy, x }, { activation }) =>
  mul(dy, rules[activation].derivative(x)),
);

export const activationOp = defineOp<"x", "x", Attrs>(activationForward, {
  saves: ["x"],
  gradient: (dy, { x }, attrs) => ({ x: () => first(activationBackward({ dy, x }, attrs)) }),
});

/** φ(x), any shape. */
export function activate(x: Tensor, activation: Activation): Tensor {
  return activationOp({ x }, { activation });
}

export const gatedUnitForward = defineKernel<"gate" | "up", Attrs>("GatedUnit", ({ gate, up }, { activation }) =>
  mul(rules[activation].forward(gate), up),
);

/** dgate = dy · up · φ'(gate), dup = dy · φ(gate) */
export const gatedUnitBackward = defineKernel<"dy" | "gate" | "up", Attrs>(
  "GatedUnitBackward",
  ({ dy, gate, up }, { activation }) => [
    mul(mul(dy, up), rules[activation].derivative(gate)),
    mul(dy, rules[activation].forward(gate)),
  ],
);

const gatedOp = defineOp<"gate" | "up", "gate" | "up", Attrs>(gatedUnitForward, {
  saves: ["gate", "up"],
  gradient: (dy, { gate, up }, attrs) => {
    const [dGate, dUp] = gatedUnitBackward({ dy, gate, up }, attrs) as [Tensor, Tensor];
    return { gate: () => dGate, up: () => dUp };
  },
});

/**
 * The gated linear unit φ(gate) · up (Shazeer 2020, arXiv 2002.05202).
 * @throws ShapeError when gate and up do not have the same shape
 */
export function gatedUnit(gate: Tensor, up: Tensor, activation: Activation): Tensor {
  if (gate.shape.join() !== up.shape.join()) {
    throw new ShapeError(
      `gatedUnit: expected two tensors of one shape, received [${gate.shape.join(", ")}] and [${up.shape.join(", ")}]`,
    );
  }
  return gatedOp({ gate, up }, { activation });
}
