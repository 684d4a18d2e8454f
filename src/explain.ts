/**
 * What a method, a score, an aggregator or an aggregation function is, in words: from the registries, which hold one line for
 * each fact. The command `inseq explain` and the pages of the documentation are made of it.
 */

import { aggregationFunctionHelp, listAggregationFunctions } from "./aggregate/functions.ts";
import { aggregationOptionHelp, aggregators, listAggregators, type PipelineOptions } from "./aggregate/registry.ts";
import { methodOptionNames } from "./attribution/options.ts";
import { optionHelp } from "./method/optionHelp.ts";
import { listFeatureAttributionMethods, type Method, type MethodId, methods } from "./method/registry.ts";
import { knownName } from "./names.ts";
import { type ScoreId, scores } from "./score/registry.ts";
import { scoreOptionHelp } from "./score/score.ts";

/** One option: its name in programs, what it does, and its value when it is left out, if it has one of its own. */
export interface ExplainedOption {
  readonly name: string;
  readonly help: string;
  readonly default?: string;
}

/** What a name stands for, fact by fact. */
export interface Explanation {
  readonly id: string;
  readonly kind: "method" | "score" | "aggregator" | "aggregation function";
  /** Facts in order, each under its name: formula, paper, cost, unit, … */
  readonly facts: readonly (readonly [name: string, text: string])[];
  readonly options: readonly ExplainedOption[];
}

/** The names that can be explained, by what they are names of. */
export function listExplained(): Readonly<Record<Explanation["kind"], readonly string[]>> {
  return {
    method: listFeatureAttributionMethods(),
    score: Object.keys(scores),
    aggregator: listAggregators(),
    "aggregation function": listAggregationFunctions(),
  };
}

/**
 * What a name stands for.
 * @throws OptionError for a name of nothing, with the nearest one
 */
export function explain(id: string): Explanation {
  const names = listExplained();
  knownName("method, score or aggregator", id, Object.values(names).flat());
  if (names.method.includes(id)) return explainedMethod(id as MethodId);
  if (names.score.includes(id)) return explainedScore(id as ScoreId);
  if (names.aggregator.includes(id)) return explainedAggregator(id as keyof typeof aggregators);
  const { formula, goodFor, badFor } = aggregationFunctionHelp[id as keyof typeof aggregationFunctionHelp];
  const facts = [["Formula", formula] as const, ...verdict({ goodFor, badFor })];
  return {
    id,
    kind: "aggregation function",
    facts,
    options: id === "vnorm" ? optionsOf(["vnormOrd"], aggregationOptionHelp) : [],
  };
}

const worksOn: Readonly<Record<Method["on"], string>> = {
  embeddings: "the input embeddings: one score for each token, generated token and entry of the embedding",
  sites: "activations inside the model: one score for each token, generated token, layer and unit",
  players: "perturbed inputs: one score for each token (or word, sentence, span) and generated token",
  internals: "what happens inside the model, whatever the attributed function",
  nothing: "nothing",
};

const SEGMENTS =
  "directions of the inputs: one score for each segment (a word, sentence, document …) and generated token";

function explainedMethod(id: MethodId): Explanation {
  const method: Method = methods[id];
  const { formula, paper, cost, unit, usesBaseline, draws } = method;
  const baseline = { each: "one, or several of which the mean is taken", all: "one or several, from which it draws" };
  const facts: [string, string][] = [
    ["Formula", formula],
    ["Paper", paper],
    ["Cost", `${cost}, for all generated tokens together`],
    ["Unit", unit],
    ["Works on", method.on === "players" && method.differentiates ? SEGMENTS : worksOn[method.on]],
    ...(usesBaseline === false
      ? []
      : [["Baseline", `${baseline[usesBaseline]} (option baseline)`] as [string, string]]),
    ...(draws
      ? [["Random", "drawn from the option seed, the same numbers for the same seed"] as [string, string]]
      : []),
    ...verdict(method),
  ];
  const ofPlayers = method.on === "players" && !method.differentiates ? { removal: method.removal } : {};
  return {
    id,
    kind: "method",
    facts,
    options: optionsOf(methodOptionNames(method), optionHelp, { ...method.defaults, ...ofPlayers }),
  };
}

function explainedScore(id: ScoreId): Explanation {
  const { formula, paper, unit, contrast, differentiable, options, ...about } = scores[id];
  const compares = {
    none: "nothing: it is a function of the next token's distribution",
    token: "another token, or another context (contrastTargets, contrastSources)",
    context: "another context (contrastTargets, contrastSources)",
  };
  const facts: [string, string][] = [
    ["Formula", formula],
    ["Paper", paper],
    [
      "Cost",
      contrast === "none" ? "none beside the model's own pass" : "one more forward where another context is compared",
    ],
    ["Unit", unit],
    ["Compares with", compares[contrast]],
    ["Gradient", differentiable ? "yes: any method can attribute it" : "no: perturbation methods can attribute it"],
    ...verdict(about),
  ];
  return { id, kind: "score", facts, options: optionsOf(options, scoreOptionHelp) };
}

function explainedAggregator(id: keyof typeof aggregators): Explanation {
  const { formula, options, ...about } = aggregators[id];
  const facts = [
    ["Makes", formula] as const,
    ["Cost", "none: it works on the result"] as const,
    ["Unit", "that of what it merges; shares where it normalises"] as const,
    ...verdict(about),
  ];
  const names: readonly (keyof PipelineOptions)[] = options;
  return { id, kind: "aggregator", facts, options: optionsOf(names, aggregationOptionHelp) };
}

function verdict({ goodFor, badFor }: { readonly goodFor: string; readonly badFor: string }): [string, string][] {
  return [
    ["Good for", goodFor],
    ["Bad for", badFor],
  ];
}

function optionsOf<Name extends string>(
  names: readonly Name[],
  help: Readonly<Record<Name, string>>,
  defaults: Readonly<Partial<Record<string, unknown>>> = {},
): ExplainedOption[] {
  return names.map((name) => {
    const value = defaults[name];
    if (value === undefined) return { name, help: help[name] };
    return { name, help: help[name], default: typeof value === "string" ? value : JSON.stringify(value) };
  });
}
