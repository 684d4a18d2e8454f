/**
 * Aggregation functions: many scores to one. They follow PyTorch: NaN ("does not apply") propagates, except through
 * `absmax`, which searches as if NaN were 0. Sums run in float64; results are stored as float32 by the callers.
 */

import { ShapeError } from "../errors.ts";
import { knownName } from "../names.ts";

export interface FunctionOptions {
  /** Order of the norm for `vnorm`: 2 is Euclidean, 1 the sum of magnitudes, Infinity the largest magnitude, 0 a count. */
  readonly vnormOrd: number;
}

/** One number for the scores in `values`. The array is only valid during the call. */
export type AggregationFunction = (values: Float32Array, options: FunctionOptions) => number;

/** The sum over the number of values. */
function mean(values: Float32Array): number {
  return sum(values) / values.length;
}

function max(values: Float32Array): number {
  return extreme("max", values, (candidate, best) => candidate > best);
}

function min(values: Float32Array): number {
  return extreme("min", values, (candidate, best) => candidate < best);
}

function sum(values: Float32Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

function prod(values: Float32Array): number {
  let product = 1;
  for (const value of values) product *= value;
  return product;
}

/** The first value of the largest magnitude, with its sign: absmax(0.3, -0.7, 0.1) = -0.7. NaN only when all are NaN or 0. */
function absmax(values: Float32Array): number {
  let best = values[0];
  if (best === undefined) throw emptyAxis("absmax");
  let magnitude = Number.isNaN(best) ? 0 : Math.abs(best);
  for (const value of values) {
    if (Math.abs(value) > magnitude) {
      best = value;
      magnitude = Math.abs(value);
    }
  }
  return best;
}

/** The norm of order `vnormOrd`: (sum |x|^p)^(1/p). */
function vnorm(values: Float32Array, { vnormOrd }: FunctionOptions): number {
  let total = 0;
  if (vnormOrd === 2) {
    for (const value of values) total += value * value;
    return Math.sqrt(total);
  }
  if (vnormOrd === Infinity) return max(values.map(Math.abs));
  if (vnormOrd === -Infinity) return min(values.map(Math.abs));
  if (vnormOrd === 0) {
    for (const value of values) total += value !== 0 ? 1 : 0;
    return total;
  }
  for (const value of values) total += Math.abs(value) ** vnormOrd;
  return total ** (1 / vnormOrd);
}

/** All aggregation functions by Inseq's ids. */
export const aggregationFunctions = { mean, max, min, sum, prod, absmax, vnorm } as const satisfies Record<
  string,
  AggregationFunction
>;

/** What each of them makes of the values, and where it misleads: for `inseq explain`. */
export const aggregationFunctionHelp: { readonly [Id in keyof typeof aggregationFunctions]: FunctionHelp } = {
  mean: {
    formula: "Σ x / n",
    goodFor: "heads and layers, which are alike",
    badFor: "signed scores of a word's pieces: their sum is the word's",
  },
  max: { formula: "max x", goodFor: "whether anything is large", badFor: "negative scores, which are lost" },
  min: { formula: "min x", goodFor: "what speaks most against", badFor: "positive scores, which are lost" },
  sum: {
    formula: "Σ x",
    goodFor: "signed scores: sums of complete methods stay complete (with normalize: false)",
    badFor: "gradients without a factor, whose signs cancel by chance",
  },
  prod: {
    formula: "Π x",
    goodFor: "probabilities of the tokens of a word or text",
    badFor: "scores that may be 0 or negative",
  },
  absmax: {
    formula: "the x with the largest |x|, signed",
    goodFor: "one number for a span, as Inseq merges",
    badFor: "long spans: all but one score are lost",
  },
  vnorm: {
    formula: "(Σ |x|^p)^(1/p), p = vnormOrd",
    goodFor: "how much an embedding matters, whichever way",
    badFor: "signs and sums: both are lost",
  },
};

interface FunctionHelp {
  readonly formula: string;
  readonly goodFor: string;
  readonly badFor: string;
}

export type AggregationFunctionId = keyof typeof aggregationFunctions;

/** An aggregation function by id, or one's own. */
export type AggregateFn = AggregationFunctionId | AggregationFunction;

/** The ids of the aggregation functions. */
export function listAggregationFunctions(): AggregationFunctionId[] {
  return Object.keys(aggregationFunctions) as AggregationFunctionId[];
}

/**
 * The function of an id; a function is returned as it is.
 * @throws OptionError for an unknown id, with the nearest known one.
 */
export function aggregationFunction(fn: AggregateFn | string): AggregationFunction {
  if (typeof fn === "function") return fn;
  return aggregationFunctions[knownName("aggregation function", fn, listAggregationFunctions())];
}

function extreme(name: string, values: Float32Array, better: (candidate: number, best: number) => boolean): number {
  let best = values[0];
  if (best === undefined) throw emptyAxis(name);
  for (const value of values) {
    if (Number.isNaN(value)) return NaN;
    if (better(value, best)) best = value;
  }
  return best;
}

function emptyAxis(name: string): ShapeError {
  return new ShapeError(`${name}: expected at least one value, received an empty axis`);
}
