/** The attribution methods by their identifiers (Inseq's): what each works on, what it needs, and its options. */

import { attention } from "./attention.ts";
import { inputXGradient } from "./inputXGradient.ts";
import { DEFAULT_STEPS, type IntegratedGradientsOptions, integratedGradients } from "./integratedGradients.ts";
import type { Internals, InternalsAnswer } from "./internals.ts";
import type { Answer, Problem } from "./problem.ts";
import { type SaliencyOptions, saliency } from "./saliency.ts";

interface Description {
  readonly paper: string;
  readonly formula: string;
  /** In forward and backward passes over the sequence. */
  readonly cost: string;
}

/** Works on the input embeddings: scores of shape [S, G, D]. */
export interface EmbeddingMethod extends Description {
  readonly on: "embeddings";
  /** Of several baselines the method is averaged over each, or it draws from all of them. */
  readonly usesBaseline: false | "each" | "all";
  /** Whether it draws random numbers. */
  readonly draws: boolean;
  /** Points at which each step is differentiated: the work is steps × points rows. */
  readonly points: (options: MethodOptions) => number;
  readonly options: readonly string[];
  readonly run: (problem: Problem, options: MethodOptions) => Promise<Answer>;
}

/** Reads the inside of the model, whatever function is to be attributed. */
export interface InternalsMethod extends Description {
  readonly on: "internals";
  readonly usesBaseline: false;
  readonly draws: false;
  readonly options: readonly string[];
  readonly dimensionNames: readonly string[];
  readonly run: (internals: Internals) => Promise<InternalsAnswer>;
}

/** Attributes nothing: for step scores alone. */
export interface NoMethod extends Description {
  readonly on: "nothing";
  readonly usesBaseline: false;
  readonly draws: false;
  readonly options: readonly string[];
}

export type Method = EmbeddingMethod | InternalsMethod | NoMethod;

/** Every option of every method; `methods[id].options` says which belong to which. */
export interface MethodOptions extends SaliencyOptions, IntegratedGradientsOptions {
  /** At most so many rows (step × path point) in one pass, beside what `memoryBudget` allows. */
  readonly internalBatchSize?: number;
}

export const methods = {
  saliency: {
    on: "embeddings",
    usesBaseline: false,
    draws: false,
    options: ["abs"],
    points: () => 1,
    run: saliency,
    paper: "Simonyan et al. 2014, arXiv 1312.6034",
    formula: "|∂f/∂x|",
    cost: "1 forward, 1 backward",
  },
  input_x_gradient: {
    on: "embeddings",
    usesBaseline: false,
    draws: false,
    options: [],
    points: () => 1,
    run: inputXGradient,
    paper: "Shrikumar et al. 2016, arXiv 1605.01713",
    formula: "x ⊙ ∂f/∂x",
    cost: "1 forward, 1 backward",
  },
  integrated_gradients: {
    on: "embeddings",
    usesBaseline: "each",
    draws: false,
    options: ["nSteps", "quadrature", "multiplyByInputs", "returnConvergenceDelta", "internalBatchSize"],
    points: (options) => options.nSteps ?? DEFAULT_STEPS,
    run: integratedGradients,
    paper: "Sundararajan et al. 2017, arXiv 1703.01365",
    formula: "(x − x′) ⊙ ∫₀¹ ∂f/∂x(x′ + α(x − x′)) dα",
    cost: "n_steps forward, n_steps backward",
  },
  attention: {
    on: "internals",
    usesBaseline: false,
    draws: false,
    options: [],
    dimensionNames: ["Model Layer", "Attention Head"],
    run: attention,
    paper: "Bahdanau et al. 2015, arXiv 1409.0473",
    formula: "softmax(QKᵀ/√K) of the predicting position",
    cost: "1 forward",
  },
  dummy: {
    on: "nothing",
    usesBaseline: false,
    draws: false,
    options: [],
    paper: "—",
    formula: "no attribution: step scores only",
    cost: "1 forward for step scores",
  },
} as const satisfies Record<string, Method>;

export type MethodId = keyof typeof methods;

/** Identifiers of all methods. */
export function listFeatureAttributionMethods(): MethodId[] {
  return Object.keys(methods) as MethodId[];
}
