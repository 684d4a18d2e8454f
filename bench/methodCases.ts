/**
 * A row for every method of the registry, on small models of random weights, so that all of them take minutes. A method that
 * is added later has its row by itself; the tables here say which options it needs, and what Inseq calls the same.
 */

import { listFeatureAttributionMethods, type MethodId, type MethodOptions } from "../src/method/registry.ts";
import type { AttributionCase, ModelName, PeerOptions } from "./cases.ts";

export interface MethodCase extends AttributionCase {
  /** Why the sums of scores are not compared with Inseq's where it has the method; null where they are. */
  readonly notCompared: string | null;
}

type Asked = Pick<AttributionCase, "steps" | "options"> & {
  readonly sizes?: readonly [prompt: number, generated: number];
};

const STEPS = 20;
const SAMPLES = 50;
const layer: Partial<Record<ModelName, string>> = {
  "gpt2-4x256": "transformer.h[1].mlp",
  "marian-3x256": "model.encoder.layers[1]",
};

/** How a method is asked where its defaults would take long, need a text's words, or are no like for like with Inseq. */
const asked: Readonly<Partial<Record<MethodId, Asked>>> = {
  integrated_gradients: { steps: STEPS },
  sequential_integrated_gradients: { steps: 5 },
  discretized_integrated_gradients: { steps: STEPS },
  gradient_shap: { options: { nSamples: 5 } },
  layer_integrated_gradients: { steps: STEPS },
  layer_conductance: { steps: STEPS },
  internal_influence: { steps: STEPS },
  // A text of random tokens has no sentences.
  segment_input_x_gradient: { options: { players: "token" } },
  occlusion: { options: { abs: true } },
  lime: { options: { nSamples: SAMPLES } },
  reagent: { options: { numProbes: 4, maxProbeSteps: 10 } },
  context_cite: { options: { players: "token" } },
  kernel_shap: { options: { nSamples: 256 } },
  shapley_value_sampling: { options: { nSamples: 5 } },
  // Players and steps are few: the number of coalitions doubles with each.
  shapley_values: { sizes: [6, 4] },
  owen_values: { options: { nSamples: 5, groups: [] } },
};

/** Beside the row with its defaults, because Inseq has another rule. */
const variants: readonly { readonly method: MethodId; readonly options: MethodOptions }[] = [
  { method: "deeplift", options: { rule: "inseq" } },
];

const random = "not compared: random";
const zero = "not compared: Inseq's are zero";

/** Methods that Inseq has, what it is asked, and why the scores are not compared if they are not. */
const inseq: Readonly<Partial<Record<MethodId, PeerOptions & { readonly notCompared?: string }>>> = {
  saliency: {},
  input_x_gradient: {},
  integrated_gradients: {},
  sequential_integrated_gradients: {},
  discretized_integrated_gradients: { load: { n_jobs: 1, save_cache: false, overwrite_cache: true } },
  gradient_shap: { attribute: { n_samples: 5 }, notCompared: random },
  deeplift: {},
  layer_gradient_x_activation: {},
  layer_integrated_gradients: { notCompared: zero },
  layer_deeplift: { notCompared: zero },
  attention: {},
  value_zeroing: {},
  occlusion: {},
  lime: { attribute: { n_samples: SAMPLES }, notCompared: random },
  reagent: { load: { num_probes: 4, max_probe_steps: 10 }, notCompared: random },
};

export const methodCases: readonly MethodCase[] = (["gpt2-4x256", "marian-3x256"] as const).flatMap((model) => [
  ...listFeatureAttributionMethods()
    .filter((method) => method !== "dummy")
    .flatMap((method) => [
      methodCase(model, method, asked[method]),
      ...variants.filter((one) => one.method === method).map(({ options }) => methodCase(model, method, { options })),
    ]),
]);

function methodCase(model: ModelName, method: MethodId, { sizes = [12, 8], steps, options }: Asked = {}): MethodCase {
  const isLayer = method.startsWith("layer_") || method === "internal_influence";
  const target = layer[model];
  const known = { ...(isLayer && target !== undefined && { targetLayer: target }), ...options };
  const { notCompared = null, load, attribute } = inseq[method] ?? {};
  const hasVariant = variants.some((one) => one.method === method) && options === undefined;
  const peer = { load: { ...load, ...(isLayer && { target_layer: target }) }, attribute: attribute ?? {} };
  const [prompt, generated] = sizes;
  return {
    model,
    method,
    ...(steps !== undefined && { steps }),
    ...(Object.keys(known).length > 0 && { options: known }),
    ...(method in inseq && !hasVariant && { peer }),
    notCompared,
    prompt,
    generated,
  };
}
