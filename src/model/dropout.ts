/**
 * Dropout (Srivastava et al. 2014, JMLR 15): y = x m / (1 − p), each number of the mask m being 0 with probability p and 1
 * otherwise. Models are trained with it; run with it afterwards they show how sure they are (src/score/monteCarlo.ts).
 *
 * Nothing in a model knows of it: it is done at sites, those where transformers' models in training mode drop something.
 * Where config.json keeps the probabilities says each architecture. Whole layers (`layerdrop`) are never dropped.
 */

import type { Json, JsonObject } from "../json.ts";
import type { Random } from "../random.ts";
import { mul, type Tensor, tensor } from "../tensor.ts";
import type { Site, SiteName, Sites } from "./sites.ts";

/** Where something is dropped. */
export type DropoutPlace =
  /** What enters a stack's first block. */
  | "embedding"
  /** Attention probabilities. */
  | "attention"
  /** What attention adds to the residual stream. */
  | "attentionOutput"
  /** What the feed-forward part adds to it. */
  | "mlpOutput"
  /** What enters the last map of a feed-forward part. */
  | "activation"
  /** What leaves a stack. */
  | "final";

/** The attribute of config.json that holds a place's probability, and its default. A dot leads into a nested record. */
export type DropoutAttributes = { readonly [Place in DropoutPlace]?: readonly [attribute: string, rate: number] };

/** A probability p for each place, 0 ≤ p < 1; places without one drop nothing. */
export type DropoutRates = { readonly [Place in DropoutPlace]?: number };

/** The probabilities that a config states. */
export function readDropoutRates(attributes: DropoutAttributes, raw: JsonObject): DropoutRates {
  return Object.fromEntries(
    Object.entries(attributes).flatMap(([place, [attribute, otherwise]]) => {
      const stated = attribute.split(".").reduce<Json | undefined>((record, name) => field(record, name), raw);
      const rate = typeof stated === "number" ? stated : otherwise;
      return rate > 0 && rate < 1 ? [[place, rate]] : [];
    }),
  );
}

const field = (record: Json | undefined, name: string): Json | undefined =>
  typeof record === "object" && record !== null && !Array.isArray(record) ? (record as JsonObject)[name] : undefined;

/** The same probability at every place that a model has. */
export function everywhere(attributes: DropoutAttributes, rate: number): DropoutRates {
  return Object.fromEntries(Object.keys(attributes).map((place) => [place, rate]));
}

const placeOfSite: { readonly [Name in SiteName]?: DropoutPlace } = {
  blockInput: "embedding",
  attentionProbabilities: "attention",
  attentionOutput: "attentionOutput",
  mlpOutput: "mlpOutput",
  mlpActivation: "activation",
  stackOutput: "final",
};

/** Sites of one pass that drop numbers, drawn in the order in which the model computes. */
export function dropoutSites(rates: DropoutRates, random: Random): Sites {
  const rateAt = ({ name, layer }: Site): number => {
    const place = placeOfSite[name];
    if (place === undefined || (place === "embedding" && layer > 0)) return 0;
    return rates[place] ?? 0;
  };
  return {
    wants: (site) => rateAt(site) > 0,
    visit: (site, x) => mul(x, mask(x, rateAt(site), random)),
  };
}

function mask(x: Tensor, rate: number, random: Random): Tensor {
  const limit = rate * 2 ** 32;
  const kept = 1 / (1 - rate);
  return tensor(
    Float32Array.from({ length: x.size }, () => (random.nextUint32() < limit ? 0 : kept)),
    x.shape,
  );
}
