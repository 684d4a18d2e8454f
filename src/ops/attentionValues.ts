/**
 * attentionValues: O = P V, what attention does with its probabilities.
 *
 * P [B, H, T, S], V [B, G, S, K] with H a multiple of G (head h reads group h ÷ (H/G)) → O [B, H, T, K].
 */

import { dims } from "../dims.ts";
import { matMul, reshape, type Tensor } from "../tensor.ts";
import { checkGroups } from "./attentionScores.ts";
import { defineKernel, defineOp } from "./op.ts";

export const attentionValuesForward = defineKernel<"probabilities" | "value">(
  "AttentionValues",
  ({ probabilities, value }) => {
    const { B, H, T, S } = dims("attention: probabilities", probabilities, "B H T S");
    const { G, K } = dims("attention: value", value, "B G S K", { B, S });
    const grouped = reshape(probabilities, [B * G, (H / G) * T, S]);
    return reshape(matMul(grouped, reshape(value, [B * G, S, K])), [B, H, T, K]);
  },
);

/** From O = P V: dP = dO Vᵀ, dV = Pᵀ dO */
export const attentionValuesBackward = defineKernel<"dy" | "probabilities" | "value">(
  "AttentionValuesBackward",
  ({ dy, probabilities, value }) => {
    const { B, H, T, S } = dims("attention: probabilities", probabilities, "B H T S");
    const { G, K } = dims("attention: value", value, "B G S K");
    const dO = reshape(dy, [B * G, (H / G) * T, K]);
    const dP = matMul(dO, reshape(value, [B * G, S, K]), false, true);
    const dValue = matMul(reshape(probabilities, [B * G, (H / G) * T, S]), dO, true, false);
    return [reshape(dP, [B, H, T, S]), reshape(dValue, [B, G, S, K])];
  },
);

const op = defineOp<"probabilities" | "value", "probabilities" | "value", Record<string, never>>(
  attentionValuesForward,
  {
    saves: ["probabilities", "value"],
    gradient: (dy, saved) => {
      const [dP, dValue] = attentionValuesBackward({ dy, ...saved }, {}) as [Tensor, Tensor];
      return { probabilities: () => dP, value: () => dValue };
    },
  },
);

/**
 * P V, [B, H, T, K].
 * @throws ShapeError when sizes do not fit
 */
export function attentionValues(probabilities_BHTS: Tensor, value_BGSK: Tensor): Tensor {
  const { B, H, S } = dims("attention: probabilities", probabilities_BHTS, "B H T S");
  const { G } = dims("attention: value", value_BGSK, "B G S K", { B, S });
  checkGroups(H, G);
  return op({ probabilities: probabilities_BHTS, value: value_BGSK }, {});
}
