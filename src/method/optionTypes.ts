/**
 * What kind of value each option of a method is, for callers whose compiler does not tell them: command lines, JSON, JavaScript.
 * Ranges and names are checked by the methods, which know them.
 */

import { OptionError } from "../errors.ts";
import type { MethodOptions } from "./registry.ts";

interface OptionType {
  readonly expected: string;
  readonly is: (value: unknown) => boolean;
}

const isNumber = (value: unknown): boolean => typeof value === "number" && !Number.isNaN(value);
const isListOf =
  (is: (value: unknown) => boolean) =>
  (value: unknown): boolean =>
    Array.isArray(value) && value.every(is);
const isName = (value: unknown): boolean => typeof value === "string";
const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isSpan = (value: unknown): boolean => isListOf(isNumber)(value) && (value as readonly unknown[]).length === 2;
const arePlayers = (value: unknown): boolean => isName(value) || isListOf(isSpan)(value);
const areIndices = (value: unknown): boolean =>
  isNumber(value) || isListOf(isNumber)(value) || (isRecord(value) && isNumber(value.start) && isNumber(value.end));
const areIndicesByLayer = (value: unknown): boolean =>
  areIndices(value) ||
  (isRecord(value) && Object.entries(value).every(([layer, indices]) => /^\d+$/.test(layer) && areIndices(indices)));

const flag: OptionType = { expected: "true or false", is: (value) => typeof value === "boolean" };
const number: OptionType = { expected: "a number", is: isNumber };
const count: OptionType = {
  expected: "a positive integer",
  is: (value) => Number.isInteger(value) && (value as number) > 0,
};
const name: OptionType = { expected: "a name", is: isName };
const numbers: OptionType = {
  expected: "a number, or one for each input",
  is: (value) => isNumber(value) || isListOf(isNumber)(value),
};
const sites: OptionType = {
  expected: "the name of a site, or a list of names",
  is: (value) => isName(value) || isListOf(isName)(value),
};
const indices: OptionType = { expected: "an index, a list of indices or { start, end }", is: areIndices };
const indicesByLayer: OptionType = {
  expected: "an index, a list of indices, { start, end }, or one of these by the number of a layer",
  is: areIndicesByLayer,
};
const players: OptionType = { expected: "a name, or spans [start, end) of characters", is: arePlayers };

/** A new option without a type does not compile. */
const types: { readonly [Name in keyof Required<MethodOptions>]: OptionType } = {
  abs: flag,
  nSteps: number,
  quadrature: name,
  multiplyByInputs: flag,
  returnConvergenceDelta: {
    expected: 'true, false or "inseq"',
    is: (value) => typeof value === "boolean" || value === "inseq",
  },
  strategy: name,
  nNeighbors: number,
  nSamples: number,
  stdevs: number,
  rule: name,
  targetLayer: sites,
  attributeToLayerInput: flag,
  similarityMetric: name,
  encoderZeroedUnitsIndices: indicesByLayer,
  decoderZeroedUnitsIndices: indicesByLayer,
  crossZeroedUnitsIndices: indicesByLayer,
  outputDecoderSelfScores: flag,
  outputEncoderSelfScores: flag,
  rolloutHeads: indicesByLayer,
  attentionLayers: indices,
  attentionHeads: indices,
  positiveGradients: flag,
  withResidual: flag,
  routeThreshold: number,
  outputRoutes: flag,
  lensRanks: flag,
  smoothing: name,
  smoothingSamples: number,
  noiseLevel: number,
  slidingWindowShapes: numbers,
  strides: numbers,
  features: name,
  maskProb: number,
  regularization: number,
  kernelWidth: number,
  groups: { expected: "a list of names, or of lists of spans [start, end) of characters", is: isListOf(arePlayers) },
  perToken: flag,
  players,
  removal: name,
  sampler: name,
  keepTopN: number,
  keepRatio: number,
  invertKeep: flag,
  stoppingConditionTopK: number,
  replacingRatio: number,
  maxProbeSteps: number,
  numProbes: number,
  perturbationsPerEval: count,
  internalBatchSize: count,
};

/** @throws OptionError for an option whose value is of another kind; what is undefined is not given */
export function checkOptionTypes(options: MethodOptions): void {
  for (const [option, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const { expected, is } = types[option as keyof MethodOptions];
    if (!is(value)) throw new OptionError(`${option}: expected ${expected}, received ${described(value)}`);
  }
}

/** JSON, which has no word for NaN and the infinities. */
const described = (value: unknown): string =>
  typeof value === "number" ? String(value) : (JSON.stringify(value) ?? String(value));
