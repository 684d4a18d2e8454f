/** Tokens as text, without what is no part of it. */

import type { AttributionModel } from "../attributionModel.ts";
import type { Encoding } from "../text/tokenizer.ts";

/** The text of tokens, without special ones and marks of languages but those that are to be kept. */
export function textOf(
  model: AttributionModel,
  { ids, tokens }: Pick<Encoding, "ids" | "tokens">,
  { specialTokensToKeep }: { readonly specialTokensToKeep: readonly string[] },
): string {
  const { specialIds, languages } = model.tokenizer;
  const marks = new Set([...specialIds, ...(languages?.codes.values() ?? [])]);
  const kept = ids.filter((id, i) => !marks.has(id) || specialTokensToKeep.includes(tokens[i] ?? ""));
  return model.tokenizer.decode(kept, { asTarget: model.model.kind === "encoder-decoder" });
}
