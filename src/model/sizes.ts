/** Sizes of a config that must divide each other. */

import { ConfigError } from "../errors.ts";

/**
 * `total` divided by `parts`.
 * @throws ConfigError naming both attributes when it does not come out even
 */
export function perHead(totalName: string, total: number, partsName: string, parts: number): number {
  if (total % parts === 0) return total / parts;
  throw new ConfigError(`expected ${totalName} to be a multiple of ${partsName}, received ${total} and ${parts}`);
}

/** What a config says about attention heads; null where it leaves the usual. */
export interface HeadAttributes {
  readonly width: number;
  readonly heads: number;
  readonly keyValueHeads: number | null;
  readonly headWidth?: number | null;
}

export interface HeadSizes {
  readonly heads: number;
  /** G */
  readonly keyValueHeads: number;
  /** K */
  readonly headWidth: number;
}

/**
 * Heads that share keys and values in groups, with Hugging Face's names: as many key/value heads as heads, and heads that
 * divide the width, unless given.
 * @throws ConfigError when they do not come out even
 */
export function headSizes({ width, heads, keyValueHeads, headWidth }: HeadAttributes): HeadSizes {
  const K = headWidth ?? perHead("hidden_size", width, "num_attention_heads", heads);
  const G = keyValueHeads ?? heads;
  perHead("num_attention_heads", heads, "num_key_value_heads", G);
  return { heads, keyValueHeads: G, headWidth: K };
}

/** @throws ConfigError when a token is to be sent to more experts than there are. */
export function checkExperts({ experts, expertsPerToken }: { experts: number; expertsPerToken: number }): void {
  if (expertsPerToken <= experts) return;
  throw new ConfigError(`num_experts_per_tok: expected at most the ${experts} experts, received ${expertsPerToken}`);
}
