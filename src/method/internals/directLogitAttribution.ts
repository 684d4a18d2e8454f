/**
 * Direct logit attribution (Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits", transformer-circuits.pub/
 * 2021/framework): how much every attention head, by every token that it reads, and every feed-forward part add to the
 * token's logit, or to its difference from another token's (`contrast_logits_diff`), through the residual stream alone. The
 * last normalisation's statistics are held, so that all parts add up (`logitParts.ts`).
 *
 * Results in logits: `targetAttributions` [T, G, L, H + 1], the heads of self-attention and, last, the feed-forward part, which
 * stands at the predicting position; `sourceAttributions` [S, G, L, H + 1] of cross-attention, with zeros last. Their sum
 * and the step scores `embedding_logit` and `bias_logit` make `logit`. A sum over tokens is a head's part: aggregate
 * with `sum`.
 */

import type { Scores } from "../../result/attribution.ts";
import { dispose, keep, readFloats, type Tensor } from "../../tensor.ts";
import type { InternalsMethod } from "../method.ts";
import type { Internals, InternalsAnswer } from "./internals.ts";
import { asStepScores, takeLogitApart } from "./logitParts.ts";

export const directLogitAttribution: InternalsMethod<object> = {
  on: "internals",
  needs: ["affineAttention", "residualStream", "affineHead"],
  explains: "logits",
  usesBaseline: false,
  draws: false,
  options: [],
  dimensionNames: ["Model Layer", "Attention Head"],
  run: attributeLogits,
  paper: "Elhage et al. 2021, transformer-circuits.pub/2021/framework",
  formula: "u·(α v W_O) of each head, u·mlp, with the logit u·h + c in the last state h",
  cost: "2 forward beside d_model positions, 1 backward of the head",
  unit: "logit",
  defaults: {},
  goodFor: "which heads and feed-forward parts write the token, and from where; parts add up to the logit",
  badFor:
    "what parts do for later layers: only the direct way to the logit counts; models that normalise behind the residual sum are refused",
};

async function attributeLogits(internals: Internals): Promise<InternalsAnswer> {
  const { start, end, attributeTarget, sourceLength, targetLength } = internals;
  const G = end - start;
  const parts: { readonly attention: "self" | "cross"; readonly scores_HGS: Tensor }[] = [];
  const { mlps, stepScores } = await takeLogitApart(internals, ({ attention }, scores_HGS) => {
    if (attention === "cross" || attributeTarget) parts.push({ attention, scores_HGS: keep(scores_HGS) });
  });
  const layOut = async (attention: "self" | "cross", rows: number): Promise<Scores> => {
    const layers = parts.filter((part) => part.attention === attention);
    const [L, H] = [layers.length, layers[0]?.scores_HGS.shape[0] ?? 0];
    const values = new Float32Array(rows * G * L * (H + 1)).fill(attention === "self" ? Number.NaN : 0);
    for (const [layer, { scores_HGS }] of layers.entries()) {
      const [, , S = 0] = scores_HGS.shape;
      const scores = await readFloats(scores_HGS);
      for (let g = 0; g < G; g++) {
        const query = start + g - 1;
        for (let key = 0; key < Math.min(rows, attention === "self" ? query + 1 : S); key++) {
          const at = ((key * G + g) * L + layer) * (H + 1);
          for (let head = 0; head < H; head++) values[at + head] = scores[(head * G + g) * S + key] ?? Number.NaN;
          values[at + H] = attention === "self" && key === query ? (mlps[layer]?.[g] ?? Number.NaN) : 0;
        }
      }
    }
    return { shape: [rows, G, L, H + 1], values };
  };
  const answer = {
    sourceAttributions: sourceLength === null ? null : await layOut("cross", sourceLength),
    targetAttributions: attributeTarget ? await layOut("self", Math.min(targetLength, end)) : null,
    sequenceScores: {},
    stepScores: asStepScores(stepScores),
  };
  dispose(parts.map(({ scores_HGS }) => scores_HGS));
  return answer as InternalsAnswer;
}
