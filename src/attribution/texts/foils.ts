/** What every sequence of a call is contrasted with: nothing, another text, a set of texts, or the model's own alternatives. */

import { OptionError } from "../../errors.ts";
import type { Encoding } from "../../text/tokenizer.ts";
import type { ContrastOptions } from "../options.ts";
import type { Sequence } from "../sequence.ts";
import { alignStates } from "./alignment.ts";
import { alternatives } from "./alternatives.ts";
import { type Alignment, type Contrast, createContrast } from "./contrast.ts";
import type { Input } from "./inputs.ts";
import { type Job, wholeTarget } from "./jobs.ts";
import type { LanguageModel } from "./languageModel.ts";
import { targetStates } from "./textStates.ts";
import { encodeInput, encodeTarget, type SpecialTokensMode } from "./texts.ts";

/** Another target text, or its tokens. */
export type Foil = string | Encoding;

/** The k most likely tokens that are not the text's own, at every position. */
export interface TopFoils {
  readonly top: number;
}

/** Whether the model is to find the foils. */
export const isTopFoils = (targets: ContrastOptions["contrastTargets"]): targets is TopFoils =>
  typeof targets === "object" && !Array.isArray(targets);

/**
 * The foils of every sequence. The contrast of a reply to a conversation is another reply.
 * @throws OptionError when texts or alignments are not as many as sequences
 */
export async function contrastsOf(
  language: LanguageModel,
  jobs: readonly Job[],
  inputs: readonly Input[],
  options: ContrastOptions,
  mode: SpecialTokensMode,
): Promise<Contrast[][]> {
  const { contrastTargets, contrastTargetsAlignments: alignments } = options;
  if (alignments !== undefined && (contrastTargets === undefined || isTopFoils(contrastTargets))) {
    throw new OptionError("contrastTargetsAlignments: expected texts in contrastTargets to align with, received none");
  }
  if (isTopFoils(contrastTargets)) {
    const { model, tokenizer } = language;
    const found: Contrast[][] = [];
    for (const { sequence } of jobs) {
      found.push(await alternatives(model, sequence, contrastTargets.top, (id) => tokenizer.idToToken(id)));
    }
    return found;
  }
  const sources = forEach("contrastSources", options.contrastSources, jobs.length);
  const sets = forEach("contrastTargets", contrastTargets, jobs.length)?.map(setOf);
  if (sources === undefined && sets === undefined) return jobs.map(() => []);
  const texts = jobs.map((_, i) => sets?.[i] ?? [null]);
  const pairs = alignments === "auto" ? [] : pairsOfEach(alignments, texts.flat().length);
  const found: Contrast[][] = [];
  for (const [i, { sequence }] of jobs.entries()) {
    const input = inputs[i] ?? { text: "", chat: null };
    const source = sources ? encodeInput(language, sources[i] ?? "", mode) : null;
    const before = texts.slice(0, i).flat().length;
    const foils: Contrast[] = [];
    for (const [f, text] of (texts[i] ?? []).entries()) {
      const target = typeof text === "string" ? encodeTarget(language, wholeTarget(language, input, text), mode) : text;
      const given = pairs[before + f] ?? [];
      const aligned =
        alignments === "auto" && target !== null
          ? await alignedByStates(language, sequence, { ...sequence, source: source ?? sequence.source, target })
          : given;
      foils.push(createContrast(sequence, source, target, aligned));
    }
    found.push(foils);
  }
  return found;
}

/** Pairs of the attributed positions; what the beginning of a text is aligned with cannot be compared. */
async function alignedByStates({ model }: LanguageModel, sequence: Sequence, other: Sequence): Promise<Alignment> {
  const pairs = alignStates(await targetStates(model, sequence), await targetStates(model, other));
  return pairs.filter(([, c]) => c > 0);
}

function forEach<Item>(
  name: string,
  given: string | readonly Item[] | undefined,
  sequences: number,
): readonly (Item | string)[] | undefined {
  const list = typeof given === "string" ? [given] : given;
  if (list === undefined || list.length === sequences) return list;
  throw new OptionError(`${name}: expected as many as sequences (${sequences}), received ${list.length}`);
}

function setOf(foils: Foil | readonly Foil[]): readonly Foil[] {
  const set: readonly Foil[] = Array.isArray(foils) ? foils : [foils as Foil];
  if (set.length > 0) return set;
  throw new OptionError("contrastTargets: expected at least one text in each set of foils, received none");
}

/** One alignment for every foil: a list of pairs serves all of them, a list of lists one each. */
function pairsOfEach(
  alignments: Exclude<ContrastOptions["contrastTargetsAlignments"], "auto">,
  foils: number,
): Alignment[] {
  if (alignments === undefined || alignments.length === 0) return [];
  const nested = Array.isArray(alignments[0]?.[0]);
  const each = nested
    ? (alignments as readonly Alignment[])
    : Array.from({ length: foils }, () => alignments as Alignment);
  if (each.length === foils) return [...each];
  throw new OptionError(
    `contrastTargetsAlignments: expected one list of pairs for each of ${foils} contrasts, received ${each.length}`,
  );
}
