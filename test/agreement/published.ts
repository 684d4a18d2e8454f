/** The agreement as it was last measured (agreement.json), which docs/models.md shows and the test holds every change to. */

import { readFileSync } from "node:fs";
import type { Agreement, Errors } from "./measure.ts";

export interface Published {
  /** Where it was measured: backend and its description. */
  readonly backend: string;
  readonly architectures: { readonly [architecture: string]: Agreement };
}

export const publishedPath: URL = new URL("./agreement.json", import.meta.url);

export const readPublished = (): Published => JSON.parse(readFileSync(publishedPath, "utf8"));

/** No error may exceed these, whatever was published (design: logits within 1e-5 of their range, scores within 1e-4). */
const bars: { readonly [Quantity in keyof Agreement]: number } = {
  logits: 1e-5,
  gradient: 1e-4,
  integratedGradients: 1e-4,
};

/**
 * What an error may grow to: other processors sum in another order, which moves the worst of some thousand numbers by a
 * factor of a few; four times what was published, but never less than rounding alone explains (2e-6 of the largest, and
 * a quarter of that on average), nor more than the bar.
 */
export function allowed(quantity: keyof Agreement, published: Errors): Errors {
  const bar = bars[quantity];
  return {
    max: Math.min(bar, Math.max(2e-6, 4 * published.max)),
    mean: Math.min(bar, Math.max(5e-7, 4 * published.mean)),
  };
}

const two = (errors: Errors | null): string[] =>
  errors === null ? ["—", "—"] : [errors.max, errors.mean].map((error) => error.toExponential(1));

export const agreementHead: readonly string[] = [
  "Architecture",
  "Logits, max",
  "mean",
  "Gradient, max",
  "mean",
  "Integrated gradients, max",
  "mean",
];

/** Cells of the published table, a row for each architecture. */
export function agreementRows({ architectures }: Published): string[][] {
  return Object.entries(architectures).map(([name, { logits, gradient, integratedGradients }]) => [
    `\`${name}\``,
    ...two(logits),
    ...two(gradient),
    ...two(integratedGradients),
  ]);
}
