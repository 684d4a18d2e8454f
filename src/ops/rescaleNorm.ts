/**
 * Multipliers of the norms, y = c · r · scale (+ bias) with r = (v + ε)^(−1/2), v = mean(c²):
 * layer normalisation with c = x − mean(x), root-mean-square normalisation with c = x.
 *
 *   Δ(c r) = Δc r̄ + c̄ Δr,   Δr = −r² r'² / (r + r') Δv,   Δv = mean(2 c̄ Δc)
 *
 * so with g = dy · scale:  dc = g r̄ − 2 c̄ · r² r'² / (r + r') · Σ(g c̄) / D,  and for layer norm dx = dc − mean(dc).
 */

import { add, div, mean, mul, rsqrt, scalar, square, sub, type Tensor } from "../tensor.ts";
import type { Both, MultiplierRule } from "./multipliers.ts";
import { average } from "./twoPoints.ts";

const centred = (x: Tensor): Tensor => sub(x, mean(x, -1, true));

/** dc, from c and c' . */
function throughNorm({ here, dys }: Both, c: Tensor, other: Tensor): Tensor {
  const { epsilon } = here.attributes as { epsilon: number };
  const scale = here.saved[1] as Tensor;
  const inverse = (at: Tensor): Tensor => rsqrt(add(mean(square(at), -1, true), scalar(epsilon)));
  const [r, s] = [inverse(c), inverse(other)];
  const g = mul(dys[0] as Tensor, scale);
  const middle = average(c, other);
  const change = div(mul(square(r), square(s)), add(r, s));
  return sub(mul(g, average(r, s)), mul(mul(middle, change), mul(scalar(2), mean(mul(g, middle), -1, true))));
}

export const rescaleLayerNorm: MultiplierRule = (both) => ({
  x: () => centred(throughNorm(both, centred(both.here.saved[0] as Tensor), centred(both.there.saved[0] as Tensor))),
});

export const rescaleRmsNorm: MultiplierRule = (both) => ({
  x: () => throughNorm(both, both.here.saved[0] as Tensor, both.there.saved[0] as Tensor),
});
