/** Attributing players: the method asks for values of coalitions, and its scores are written to the players' tokens. */

import { NumericError, OptionError } from "../../errors.ts";
import type { GameMethod } from "../../method/method.ts";
import { everyone, nobody, type PlayerScores, type Tree } from "../../method/perturbation/game.ts";
import type { Players } from "../../method/perturbation/perturbation.ts";
import type { MethodOptions } from "../../method/registry.ts";
import type { Model } from "../../model/model.ts";
import { sharesRepeats } from "../../ops/repeat.ts";
import type { Scores } from "../../result/attribution.ts";
import { memory } from "../../tensor.ts";
import type { Encoding } from "../../text/tokenizer.ts";
import { attributedContexts, attributesTarget, checkContext, checkDifferentiable } from "../attributedContext.ts";
import { perturbationsPerPass, tangentsPerPass } from "../budget.ts";
import type { AttributionRequest, SequenceScores, StepData } from "../engine.ts";
import { nextTask } from "../nextTask.ts";
import { createRunner } from "../runner/runner.ts";
import type { Sequence } from "../sequence.ts";
import { sharesInputs } from "../sharedContrast.ts";
import { type OutputSpans, singleSteps, stepsOf, targetRows, tokensSeen } from "../steps.ts";
import { createTarget } from "../target.ts";
import { uniformSampler } from "../texts/sampler.ts";
import { createGame } from "./coalitions.ts";
import type { Perturbation } from "./perturbedRows.ts";
import { createPlayers, createTree, largerLevels, type PlayedInput, type Player } from "./players.ts";
import { spanGame } from "./spanGame.ts";

type GameRequest = AttributionRequest & { readonly method: GameMethod<MethodOptions> };

/**
 * @throws OptionError when the attributed function, the players or their removal cannot be had as asked
 * @throws NumericError when a score is not finite
 */
export async function attributePlayers(
  model: Model,
  sequence: Sequence,
  request: GameRequest,
  { inputs, players, tree, evaluations }: Plan,
  { tokens, contrast_FGV, stepScores }: StepData,
): Promise<SequenceScores> {
  const { method, methodOptions } = request;
  const { removal = method.removal, perturbationsPerEval } = methodOptions;
  const { start, end, source } = sequence;
  const { output } = request;
  const steps = stepsOf(sequence, output);
  // Without a baseline in play they are all the same.
  const references = removal === "replace" ? sequence.baselines.length : 1;
  const total = references * evaluations;
  const usage = { peakBytes: 0, rows: 0 };
  const notes: string[] = [];
  const ends = { value: new Float32Array(steps.length), baseline: new Float32Array(steps.length) };
  // Everyone and nobody, which most methods have asked for anyway, are no part of the work that was announced.
  let counts = true;
  request.onPass?.({ rows: 0, done: 0, total });
  const attributed = { ...request.attributed, contexts: attributedContexts(model, sequence, request, contrast_FGV) };
  const positions = end - 1 + (source?.ids.length ?? 0);
  const limits = { ...request.limits, rows: perturbationsPerEval ?? request.limits.rows };
  const passSize = method.differentiates ? tangentsPerPass : perturbationsPerPass;
  const runner = createRunner(model, sequence, request.attributeTarget);
  const isSpecial = (input: number, token: number): boolean =>
    sequence.special.has(inputs[input]?.encoding.ids[token] ?? -1) || (source !== null && input === 1 && token === 0);
  const sampler = request.sampler ?? uniformSampler(model.facts, sequence.special);
  const totals: Float64Array[] = steps.map(() => new Float64Array(players.length));
  try {
    for (let reference = 0; reference < references; reference++) {
      const perturbation: Perturbation = {
        removal,
        runner,
        reference,
        hasSource: source !== null,
        sampler,
        ids: inputs.map(({ encoding }) => encoding.ids),
      };
      const game = createGame(perturbation, players, {
        ...passSize(model.facts, positions, end - start, { ...limits, sharesRepeats: sharesRepeats() }),
        seed: request.seed,
        start,
        end,
        lengths: inputs.map(({ length }) => length),
        fixed: removal === "replace" ? equalsBaseline(sequence, inputs, reference) : isSpecial,
        tree,
        targets: tokens.targets,
        target: (from, to) => createTarget(attributed, tokens, singleSteps(from, to)),
        onNote: (text) => notes.push(text),
        onEntry() {
          usage.peakBytes = Math.max(usage.peakBytes, memory().storedBytes);
        },
        async onPass(rows) {
          if (!counts) return;
          usage.rows += rows;
          request.onPass?.({ rows, done: usage.rows, total });
          await nextTask();
          request.signal?.throwIfAborted();
        },
      });
      const asked = output === null ? game : spanGame(game, steps, output.reduction);
      const scores = await method.run(asked, methodOptions);
      counts = false;
      const [value, baseline] = await asked.value([everyone(game), nobody(game)]);
      counts = true;
      for (let n = 0; n < steps.length; n++) {
        ends.value[n] = value?.[n] ?? Number.NaN;
        ends.baseline[n] = (ends.baseline[n] ?? 0) + (baseline?.[n] ?? Number.NaN) / references;
      }
      for (const [n, row] of totals.entries()) {
        for (let p = 0; p < row.length; p++) row[p] = (row[p] ?? 0) + (scores[n]?.[p] ?? Number.NaN) / references;
      }
    }
  } finally {
    runner.dispose();
  }
  const grids = inputs.map((input, i) =>
    tokenScores(sequence, output, input, i, players, totals, source !== null && i === 0),
  );
  return {
    sourceAttributions: source === null ? null : (grids[0] ?? null),
    targetAttributions: grids[source === null ? 0 : 1] ?? null,
    stepScores,
    sequenceScores: {},
    ends,
    notes,
    ...usage,
  };
}

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
  const { removal = request.method.removal } = request.methodOptions;
  const { contrasts, contrastForceInputs, attributeTarget, attributed } = request;
  if (removal !== "delete" || !contrastForceInputs || attributed.score.contrast === "none") return plan;
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

/** Whether a token is its own baseline, so that replacing it changes nothing. */
function equalsBaseline(
  { source, baselines }: Sequence,
  inputs: readonly PlayedInput[],
  reference: number,
): (input: number, token: number) => boolean {
  const baseline = baselines[reference];
  return (input, token) => {
    const entries = source !== null && input === 0 ? baseline?.source : baseline?.target;
    return entries?.[token] === inputs[input]?.encoding.ids[token];
  };
}

/**
 * Scores [S, G] of an input's tokens: each has its share of its player's score. Source tokens are seen by all steps, target
 * tokens by later ones only: the others have none, NaN.
 */
function tokenScores(
  sequence: Sequence,
  output: OutputSpans | null,
  { encoding }: PlayedInput,
  input: number,
  players: readonly Player[],
  scores: PlayerScores,
  isSource: boolean,
): Scores {
  const steps = stepsOf(sequence, output);
  const G = steps.length;
  const S = isSource ? encoding.ids.length : targetRows(sequence, output);
  const values = new Float32Array(S * G);
  const visible = (token: number, g: number): boolean => isSource || token < tokensSeen(sequence, steps[g] ?? []);
  for (let g = 0; g < G; g++) {
    for (let token = 0; token < S; token++) values[token * G + g] = visible(token, g) ? 0 : Number.NaN;
    for (const [p, player] of players.entries()) {
      if (player.input !== input) continue;
      const seen = player.tokens.filter((token) => visible(token, g));
      const score = scores[g]?.[p] ?? Number.NaN;
      if (seen.length > 0 && !Number.isFinite(score)) {
        throw new NumericError(
          `expected finite scores, received ${score} first for token ${seen[0]} at generation step ${g}; check the ` +
            "model's weights for overflow",
        );
      }
      for (const token of seen) values[token * G + g] = score / seen.length;
    }
  }
  return { shape: [S, G], values };
}
