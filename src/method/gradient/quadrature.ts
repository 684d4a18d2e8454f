/**
 * Quadrature on [0, 1]: nodes α_k and weights w_k with ∫ g ≈ Σ_k w_k g(α_k), by the names that Captum gives them.
 *
 * `riemann_trapezoid` follows Captum: its weights sum to (n − 1)/n, not 1 (the textbook rule has 1/(n − 1) inside), so
 * that attributions agree with Inseq's.
 */

import { OptionError } from "../../errors.ts";
import { knownName } from "../../names.ts";

export interface Quadrature {
  readonly nodes: readonly number[];
  readonly weights: readonly number[];
}

const rules = {
  gausslegendre: gaussLegendre,
  riemann_left: (n) => uniform(n, (k) => k / n),
  riemann_right: (n) => uniform(n, (k) => (k + 1) / n),
  riemann_middle: (n) => uniform(n, (k) => (k + 0.5) / n),
  riemann_trapezoid: (n) => {
    const { nodes } = uniform(n, (k) => (n === 1 ? 0 : k / (n - 1)));
    return { nodes, weights: nodes.map((_, k) => (k === 0 || k === n - 1 ? 0.5 / n : 1 / n)) };
  },
} as const satisfies Record<string, (n: number) => Quadrature>;

export type QuadratureRule = keyof typeof rules;

/**
 * The rule's n nodes and weights.
 * @throws OptionError for an unknown rule, and when n is not a positive integer (`riemann_trapezoid` needs two)
 */
export function quadrature(rule: QuadratureRule, n: number): Quadrature {
  knownName("quadrature", rule, Object.keys(rules) as QuadratureRule[]);
  const least = rule === "riemann_trapezoid" ? 2 : 1;
  if (!Number.isInteger(n) || n < least) {
    throw new OptionError(`nSteps: expected an integer ≥ ${least} for ${rule}, received ${n}`);
  }
  return rules[rule](n);
}

function uniform(n: number, node: (k: number) => number): Quadrature {
  return { nodes: Array.from({ length: n }, (_, k) => node(k)), weights: new Array<number>(n).fill(1 / n) };
}

/**
 * The n-point Gauss-Legendre rule, mapped from [−1, 1]: exact for polynomials of degree 2n − 1.
 *
 * Nodes are the roots of the Legendre polynomial P_n, by Newton's method from Chebyshev-like starting points (Abramowitz
 * and Stegun 22.16.6); weights are 2 / ((1 − ξ²) P_n'(ξ)²) (25.4.29).
 */
function gaussLegendre(n: number): Quadrature {
  const nodes: number[] = [];
  const weights: number[] = [];
  for (let k = n; k >= 1; k--) {
    let x = Math.cos((Math.PI * (k - 0.25)) / (n + 0.5));
    let derivative = legendre(n, x).derivative;
    for (let iteration = 0; iteration < 100; iteration++) {
      const { value, derivative: slope } = legendre(n, x);
      const step = value / slope;
      x -= step;
      derivative = slope;
      if (Math.abs(step) < 1e-15) break;
    }
    nodes.push((1 + x) / 2);
    weights.push(1 / ((1 - x * x) * derivative * derivative));
  }
  return { nodes, weights };
}

/** P_n(x) and P_n'(x), by (m + 1) P_{m+1} = (2m + 1) x P_m − m P_{m−1}. */
function legendre(n: number, x: number): { value: number; derivative: number } {
  let [previous, value] = [1, x];
  for (let m = 1; m < n; m++) {
    [previous, value] = [value, ((2 * m + 1) * x * value - m * previous) / (m + 1)];
  }
  return { value, derivative: (n * (x * value - previous)) / (x * x - 1) };
}
