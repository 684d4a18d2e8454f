/** Foils that the model itself would have written. */

import { OptionError } from "../../errors.ts";
import type { Model } from "../../model/model.ts";
import { dispose, readFloats, tidy, topk } from "../../tensor.ts";
import type { Sequence } from "../sequence.ts";
import { sequenceLogits } from "../target.ts";
import type { Contrast } from "./contrast.ts";

/**
 * The k most likely tokens at every attributed position that are not the text's own, the likeliest first: k foils in the same
 * context. One forward pass.
 * @param nameOf a token's string in the vocabulary
 * @throws OptionError when the vocabulary has no k other tokens
 */
export async function alternatives(
  model: Model,
  sequence: Sequence,
  k: number,
  nameOf: (id: number) => string,
): Promise<Contrast[]> {
  if (k >= model.facts.vocabSize) {
    throw new OptionError(`contrastTargets: expected fewer than ${model.facts.vocabSize} alternatives, received ${k}`);
  }
  const ranked = tidy(() => topk(sequenceLogits(model, sequence), k + 1).indices);
  const ids = await readFloats(ranked);
  dispose(ranked);
  const positions = Array.from({ length: sequence.end - sequence.start }, (_, g) => sequence.start + g);
  const others = positions.map((t, g) =>
    [...ids.subarray(g * (k + 1), (g + 1) * (k + 1))].filter((id) => id !== sequence.target.ids[t]),
  );
  return Array.from({ length: k }, (_, rank) => {
    const foils = others.map((row) => row[rank] ?? 0);
    return { source: null, target: null, positions, ids: foils, tokens: foils.map(nameOf) };
  });
}
