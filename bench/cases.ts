/** Which attributions are measured: shapes of published models (models.json) with random weights. */

import type { MethodId } from "../src/method/registry.ts";
import models from "./models.json" with { type: "json" };

export type ModelName = keyof typeof models;
export { models };

export interface AttributionCase {
  readonly model: ModelName;
  readonly method: MethodId;
  /** Integrated gradients only. */
  readonly steps?: number;
  /** Explains the difference to another continuation. */
  readonly contrast?: boolean;
  /** Tokens before the first attributed one; of an encoder-decoder model, tokens of the source. */
  readonly prompt: number;
  readonly generated: number;
}

/** Those of the reach, and one of every kind: a few minutes. */
export const shortCases: readonly AttributionCase[] = [
  { model: "gpt2-small", method: "saliency", prompt: 17, generated: 33 },
  { model: "gpt2-small", method: "saliency", prompt: 17, generated: 102 },
  { model: "gpt2-small", method: "integrated_gradients", steps: 20, prompt: 4, generated: 17 },
  { model: "gpt2-small", method: "saliency", contrast: true, prompt: 17, generated: 33 },
  { model: "gpt2-small", method: "attention", prompt: 17, generated: 102 },
  { model: "llama-160m", method: "saliency", prompt: 16, generated: 32 },
  { model: "marian-base", method: "saliency", prompt: 16, generated: 32 },
  { model: "marian-base", method: "integrated_gradients", steps: 20, prompt: 16, generated: 32 },
];

const kinds: readonly Pick<AttributionCase, "method" | "steps" | "contrast">[] = [
  { method: "saliency" },
  { method: "integrated_gradients", steps: 20 },
  { method: "integrated_gradients", steps: 50 },
  { method: "saliency", contrast: true },
  { method: "attention" },
];

/** The whole grid: hours on two cores. */
export const allCases: readonly AttributionCase[] = (Object.keys(models) as ModelName[]).flatMap((model) =>
  [16, 128].flatMap((prompt) =>
    [32, 100, 400].flatMap((generated) => kinds.map((kind) => ({ model, ...kind, prompt, generated }))),
  ),
);

export function describeCase({ model, method, steps, contrast, prompt, generated }: AttributionCase): string {
  const what = steps === undefined ? method : `${method}, ${steps} steps`;
  return `${model}: ${what}${contrast ? ", contrastive" : ""}, ${prompt} + ${generated} tokens`;
}
