/** Who plays, before anything is removed: what cannot be had as asked is refused here. */

import { OptionError } from "../../errors.ts";
import type { GameMethod } from "../../method/method.ts";
import type { Tree } from "../../method/perturbation/game.ts";
import type { Players, Removal } from "../../method/perturbation/perturbation.ts";
import type { MethodOptions } from "../../method/registry.ts";
import type { Model } from "../../model/model.ts";
import type { Encoding } from "../../text/tokenizer.ts";
import { attributesTarget, checkContext, checkDifferentiable } from "../attributedContext.ts";
import type { AttributionRequest } from "../engine.ts";
import type { Sequence } from "../sequence.ts";
import { sharesInputs } from "../sharedContrast.ts";
import { createPlayers, createTree, largerLevels, type PlayedInput, type Player } from "./players.ts";

export type GameRequest = AttributionRequest & { readonly method: GameMethod<MethodOptions> };

/** Who plays, in which groups, and how many coalitions are tried at most. */
export interface Plan {
  readonly inputs: readonly PlayedInput[];
  readonly players: readonly Player[];
  readonly tree: readonly Tree[];
  readonly evaluations: number;
}

/** @throws OptionError when the players cannot be had as asked, or are too many for the method */
function planOf(
  { source, start, end }: Pick<Sequence, "source" | "start" | "end">,
  { method, methodOptions }: Pick<GameRequest, "method" | "methodOptions">,
  inputs: readonly PlayedInput[],
): Plan {
  const choice = playersOf({ method, methodOptions });
  const isContext = (input: number): boolean => source !== null && input === 0;
  const removable = inputs.map((input, i) =>
    method.contextOnly && !isContext(i) ? { ...input, length: Math.min(start, input.length) } : input,
  );
  const players = createPlayers(removable, choice);
  const grouped = (method.options as readonly string[]).includes("groups");
  const tree = createTree(inputs, players, grouped ? (methodOptions.groups ?? largerLevels(choice)) : []);
  const evaluations = method.evaluations(methodOptions, {
    steps: end - start,
    tree,
    inputs: inputs.map((_, i) => players.filter(({ input }) => input === i).length),
  });
  return { inputs, players, tree, evaluations };
}

export const removalOf = ({ method, methodOptions }: Pick<GameRequest, "method" | "methodOptions">): Removal =>
  methodOptions.removal ?? method.removal;

const playersOf = ({ method, methodOptions }: Pick<GameRequest, "method" | "methodOptions">): Players =>
  methodOptions.players ?? method.players ?? "token";

/**
 * Checks what is known of the players before anything is generated: those of a source, or the tokens of a prompt, which only
 * become more.
 * @throws OptionError as `checkedPlan`
 */
export function checkPrompt(
  model: Model,
  encoding: Encoding,
  request: Pick<GameRequest, "method" | "methodOptions">,
): void {
  const isSource = model.kind === "encoder-decoder";
  if (!isSource && playersOf(request) !== "token") return;
  const length = encoding.ids.length;
  planOf({ source: isSource ? encoding : null, start: length, end: length + 1 }, request, [{ encoding, length }]);
}

/**
 * Who plays for what is removed.
 * @throws OptionError for players that cannot be had as asked or are too many, for a context that cannot be compared with, and
 *   for what deletion has no meaning for
 */
export function checkedPlan(model: Model, sequence: Sequence, request: GameRequest): Plan {
  const plan = planOf(sequence, request, playedInputs(model, sequence, request));
  checkContext(model, request);
  if (request.method.differentiates) checkDifferentiable(request);
  const { contrasts, contrastForceInputs, attributeTarget, attributed } = request;
  if (removalOf(request) !== "delete" || !contrastForceInputs || attributed.score.contrast === "none") return plan;
  if (!contrasts.some((contrast) => sharesInputs(model, contrast, attributeTarget))) return plan;
  throw new OptionError(
    'removal: "delete" cannot be compared with another context of the same inputs (contrastForceInputs), in which they ' +
      'have other places; use "replace"',
  );
}

/** The source and, if it is attributed, the target prefix; of which the last token is explained only. */
function playedInputs(model: Model, sequence: Sequence, request: AttributionRequest): PlayedInput[] {
  const { source, target, end, promptLength: written, turns } = sequence;
  return [
    ...(source === null ? [] : [{ encoding: source, length: source.ids.length, turns }]),
    ...(attributesTarget(model, request)
      ? [{ encoding: target, length: end - 1, written, ...(source === null && { turns }) }]
      : []),
  ];
}
