/** Which attributions are measured: shapes of published models (models.json) with random weights. `methodCases.ts` has each method. */

import type { MethodId, MethodOptions } from "../src/method/registry.ts";
import models from "./models.json" with { type: "json" };

export type ModelName = keyof typeof models;
export { models };

export interface AttributionCase {
  readonly model: ModelName;
  readonly method: MethodId;
  /** Integrated gradients only. */
  readonly steps?: number;
  /** Other options of the method. */
  readonly options?: MethodOptions;
  /** What Inseq is asked besides: options of `load_model` and of `attribute`. */
  readonly peer?: PeerOptions;
  /** Explains the difference to another continuation. */
  readonly contrast?: boolean;
  /** Tokens before the first attributed one; of an encoder-decoder model, tokens of the source. */
  readonly prompt: number;
  readonly generated: number;
}

export interface PeerOptions {
  readonly load?: Readonly<Record<string, unknown>>;
  readonly attribute?: Readonly<Record<string, unknown>>;
}

/** Those that bench/README.md says a reach of, and one of every kind: a few minutes. */
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
const published: readonly ModelName[] = ["gpt2-small", "llama-160m", "marian-base"];
export const allCases: readonly AttributionCase[] = published.flatMap((model) =>
  [16, 128].flatMap((prompt) =>
    [32, 100, 400].flatMap((generated) => kinds.map((kind) => ({ model, ...kind, prompt, generated }))),
  ),
);

/** The method with its options: "integrated_gradients, 20 steps". */
export function describeMethod({ method, steps, options = {}, contrast }: AttributionCase): string {
  const told = Object.entries(options).map(([name, value]) => `${name} ${value}`);
  const what = [
    method,
    ...(steps === undefined ? [] : [`${steps} steps`]),
    ...told,
    ...(contrast ? ["contrastive"] : []),
  ];
  return what.join(", ");
}

export function describeCase(one: AttributionCase): string {
  return `${one.model}: ${describeMethod(one)}, ${one.prompt} + ${one.generated} tokens`;
}
