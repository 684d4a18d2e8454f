/** Putting results together and taking them apart. */

import { OptionError } from "../errors.ts";
import type { Attribution, AttributionInfo, Json } from "./attribution.ts";

/** What results must agree on to be merged, by the keys of `info`. */
const matchingKeys = [
  "attribute_target",
  "attribution_method",
  "constrained_decoding",
  "include_eos_baseline",
  "model_class",
  "model_name",
  "step_scores",
  "tokenizer_class",
  "tokenizer_name",
] as const;

/** Lists in `info` with an item for each sequence. */
const perSequence = ["input_texts", "generated_texts", "chat_spans"] as const;

/**
 * One result with the sequences (and steps) of all. Texts are put together, `attr_pos_end` is the largest one, and the
 * rest of `info` is the first result's.
 * @throws OptionError when there is nothing to merge, when method, model, tokenizer or step scores differ, or when only
 * some have steps.
 */
export function mergeAttributions(attributions: readonly Attribution[]): Attribution {
  const first = attributions[0];
  if (first === undefined) throw new OptionError("mergeAttributions: expected at least one result, received none");
  for (const [i, { info, steps }] of attributions.entries()) {
    const where = `mergeAttributions: result ${i}`;
    for (const key of matchingKeys) {
      const [expected, received] = [JSON.stringify(first.info[key]), JSON.stringify(info[key])];
      if (expected !== received)
        throw new OptionError(`${where}: expected ${key} ${expected} as in result 0, received ${received}`);
    }
    if ((steps === null) !== (first.steps === null)) {
      throw new OptionError(
        `${where}: expected ${first.steps ? "steps" : "no steps"} as in result 0, received the opposite`,
      );
    }
  }
  return {
    sequences: attributions.flatMap(({ sequences }) => sequences),
    steps: first.steps === null ? null : attributions.flatMap(({ steps }) => steps ?? []),
    info: mergedInfo(first.info, attributions),
  };
}

/** One result for each sequence, with its own texts; steps belong to the batch and are left out. */
export function splitAttribution({ sequences, info }: Attribution): Attribution[] {
  return sequences.map((sequence, i) => ({
    sequences: [sequence],
    steps: null,
    info: Object.assign({ ...info }, ...perSequence.map((key) => ownItem(info, key, i))) as AttributionInfo,
  }));
}

function mergedInfo(first: AttributionInfo, attributions: readonly Attribution[]): AttributionInfo {
  const all = (key: string) => attributions.map(({ info }) => info[key]);
  const merged: { [key: string]: Json } = { ...first };
  for (const key of perSequence) {
    if (!attributions.some(({ info }) => key in info)) continue;
    merged[key] = attributions.flatMap(({ info: { [key]: items }, sequences }) => {
      if (isList(items)) return items;
      // A text beside conversations has no messages.
      return key === "chat_spans" ? sequences.map(() => []) : [];
    });
  }
  const ends = all("attr_pos_end").filter((end) => typeof end === "number");
  if (ends.length > 0) merged.attr_pos_end = Math.max(...ends);
  return merged;
}

function ownItem(info: AttributionInfo, key: string, i: number): AttributionInfo {
  const texts = info[key];
  return isList(texts) ? { [key]: texts.slice(i, i + 1) } : {};
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}
