/** Who the players of a perturbation method are, and what becomes of those that are removed. */

import { OptionError } from "../../errors.ts";
import { knownName } from "../../names.ts";
import type { Span } from "../../text/span.ts";

/**
 * What a removed player leaves behind: a baseline (`replace`; which one, says `baseline`), nothing (`delete`: what follows
 * moves up), or tokens drawn uniformly from the vocabulary, new ones for every coalition (`resample`). Special tokens are
 * never deleted or redrawn. Where deletion would leave nothing at all, one baseline token stands.
 */
const removals = ["replace", "delete", "resample"] as const;
export type Removal = (typeof removals)[number];

/**
 * Which tokens take the place of removed ones with `resample`: any of the vocabulary, or those of the same part of speech
 * that begin a word as the removed one does (English; needs the packages `wink-nlp` and `wink-eng-lite-web-model`).
 */
const samplers = ["uniform", "postag"] as const;

/** What a player is, if not given by spans. */
export const playerKinds = ["token", "word", "sentence", "paragraph", "document", "turn"] as const;

/**
 * Tokens, words, sentences, paragraphs, documents (`text/segments.ts` says where they begin), turns of a conversation, or spans
 * of characters [start, end) of an input text (the source; the whole text of a decoder-only model), ascending and without
 * overlaps; what is outside of all spans is never removed.
 */
export type Players = (typeof playerKinds)[number] | readonly Span[];

export interface PerturbationOptions {
  /** `token` by default. A player's score is shared evenly by its tokens, so that their sum is the player's. */
  readonly players?: Players;
  /** How players are removed. */
  readonly removal?: Removal;
  /** Of what tokens `resample` draws; `uniform` by default. */
  readonly sampler?: (typeof samplers)[number];
  /** At most so many perturbed inputs in one pass, beside what `memoryBudget` allows. */
  readonly perturbationsPerEval?: number;
}

export const perturbationOptions = [
  "players",
  "removal",
  "sampler",
  "perturbationsPerEval",
] as const satisfies readonly (keyof PerturbationOptions)[];

/** @throws OptionError when an option is none of what it may be */
export function checkPerturbation(
  { players, removal, sampler }: PerturbationOptions,
  ofMethod: { readonly removal: Removal; readonly removals?: readonly Removal[] },
): void {
  if (removal !== undefined) knownName("removal", removal, removals);
  if (removal !== undefined && ofMethod.removals && !ofMethod.removals.includes(removal)) {
    throw new OptionError(`removal: expected ${ofMethod.removals.join(" or ")} for this method, received "${removal}"`);
  }
  if (sampler !== undefined) {
    knownName("sampler", sampler, samplers);
    const used = removal ?? ofMethod.removal;
    if (used !== "resample") {
      throw new OptionError(
        `sampler: expected removal: "resample" beside it, received "${used}"; leave the sampler out`,
      );
    }
  }
  if (typeof players === "string") knownName("players", players, playerKinds);
}
