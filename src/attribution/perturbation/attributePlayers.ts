/** Attributing players: the method asks for values of coalitions, and its scores are written to the players' tokens. */

import { everyone, type Game, nobody } from "../../method/perturbation/game.ts";
import type { Model } from "../../model/model.ts";
import { sharesRepeats } from "../../ops/repeat.ts";
import { memory, type Tensor } from "../../tensor.ts";
import { attributedContexts } from "../attributedContext.ts";
import { perturbationsPerPass, tangentsPerPass } from "../budget.ts";
import type { SequenceScores, StepData } from "../engine.ts";
import { nextTask } from "../nextTask.ts";
import { createRunner, type Runner } from "../runner/runner.ts";
import type { Sequence } from "../sequence.ts";
import { singleSteps, stepsOf } from "../steps.ts";
import { createTarget, type StepTokens } from "../target.ts";
import { uniformSampler } from "../texts/sampler.ts";
import { createGame } from "./coalitions.ts";
import type { Perturbation } from "./perturbedRows.ts";
import { type GameRequest, type Plan, removalOf } from "./plan.ts";
import type { PlayedInput } from "./players.ts";
import { spanGame } from "./spanGame.ts";
import { tokenScores } from "./tokenScores.ts";

/**
 * @throws OptionError when the attributed function, the players or their removal cannot be had as asked
 * @throws NumericError when a score is not finite
 */
export async function attributePlayers(
  model: Model,
  sequence: Sequence,
  request: GameRequest,
  plan: Plan,
  { tokens, contrast_FGV, stepScores }: StepData,
): Promise<SequenceScores> {
  const { method, methodOptions, output } = request;
  const { inputs, players } = plan;
  const steps = stepsOf(sequence, output);
  // Without a baseline in play they are all the same.
  const references = removalOf(request) === "replace" ? sequence.baselines.length : 1;
  const work = createWork(request, references * plan.evaluations);
  const runner = createRunner(model, sequence, request.attributeTarget);
  const ends = { value: new Float32Array(steps.length), baseline: new Float32Array(steps.length) };
  const means: Float64Array[] = steps.map(() => new Float64Array(players.length));
  try {
    for (let reference = 0; reference < references; reference++) {
      const ofTokens = gameOf(model, sequence, request, { plan, tokens, contrast_FGV, runner, reference, work });
      const game = output === null ? ofTokens : spanGame(ofTokens, steps, output.reduction);
      const scores = await method.run(game, methodOptions);
      const [value, baseline] = await work.unannounced(() => game.value([everyone(game), nobody(game)]));
      for (const [n, row] of means.entries()) {
        ends.value[n] = value?.[n] ?? Number.NaN;
        ends.baseline[n] = (ends.baseline[n] ?? 0) + (baseline?.[n] ?? Number.NaN) / references;
        for (let p = 0; p < row.length; p++) row[p] = (row[p] ?? 0) + (scores[n]?.[p] ?? Number.NaN) / references;
      }
    }
  } finally {
    runner.dispose();
  }
  const { source } = sequence;
  const ofInput = inputs.map((input, i) =>
    tokenScores(sequence, output, input, i, players, means, source !== null && i === 0),
  );
  const [first = null, second = null] = ofInput;
  return {
    sourceAttributions: source === null ? null : first,
    targetAttributions: source === null ? first : second,
    stepScores,
    sequenceScores: {},
    ends,
    ...work.done(),
  };
}

/** What has been done, and telling the caller of it. */
interface Work {
  readonly onEntry: () => void;
  readonly onPass: (rows: number) => Promise<void>;
  readonly onNote: (text: string) => void;
  /** Does what is no part of the work that was announced: most methods have asked for it anyway. */
  unannounced<Result>(ask: () => Promise<Result>): Promise<Result>;
  done(): Pick<SequenceScores, "rows" | "peakBytes" | "notes">;
}

function createWork({ onPass, signal }: GameRequest, total: number): Work {
  const usage = { peakBytes: 0, rows: 0 };
  const notes: string[] = [];
  let announced = true;
  onPass?.({ rows: 0, done: 0, total });
  return {
    onEntry() {
      usage.peakBytes = Math.max(usage.peakBytes, memory().storedBytes);
    },
    async onPass(rows) {
      if (!announced) return;
      usage.rows += rows;
      onPass?.({ rows, done: usage.rows, total });
      await nextTask();
      signal?.throwIfAborted();
    },
    onNote: (text) => notes.push(text),
    async unannounced(ask) {
      announced = false;
      const answer = await ask();
      announced = true;
      return answer;
    },
    done: () => ({ ...usage, notes }),
  };
}

/** What a game is made of, beside the model, the sequence and the request. */
interface GameParts {
  readonly plan: Plan;
  readonly tokens: StepTokens;
  readonly contrast_FGV: readonly (Tensor | undefined)[];
  readonly runner: Runner;
  /** Which of the baselines comes instead of what is removed. */
  readonly reference: number;
  readonly work: Work;
}

/** The game of the attributed tokens, each a step of its own. */
function gameOf(
  model: Model,
  sequence: Sequence,
  request: GameRequest,
  { plan, tokens, contrast_FGV, runner, reference, work }: GameParts,
): Game {
  const { method, methodOptions, seed } = request;
  const { start, end, source, special } = sequence;
  const { inputs, players, tree } = plan;
  const removal = removalOf(request);
  const perturbation: Perturbation = {
    removal,
    runner,
    reference,
    hasSource: source !== null,
    sampler: request.sampler ?? uniformSampler(model.facts, special),
    ids: inputs.map(({ encoding }) => encoding.ids),
  };
  const isSpecial = (input: number, token: number): boolean =>
    special.has(inputs[input]?.encoding.ids[token] ?? -1) || (source !== null && input === 1 && token === 0);
  const attributed = { ...request.attributed, contexts: attributedContexts(model, sequence, request, contrast_FGV) };
  const passSize = method.differentiates ? tangentsPerPass : perturbationsPerPass;
  const positions = end - 1 + (source?.ids.length ?? 0);
  const rows = methodOptions.perturbationsPerEval ?? request.limits.rows;
  const limits = { ...request.limits, rows, sharesRepeats: sharesRepeats() };
  return createGame(perturbation, players, {
    ...passSize(model.facts, positions, end - start, limits),
    seed,
    start,
    end,
    lengths: inputs.map(({ length }) => length),
    fixed: removal === "replace" ? equalsBaseline(sequence, inputs, reference) : isSpecial,
    tree,
    targets: tokens.targets,
    target: (from, to) => createTarget(attributed, tokens, singleSteps(from, to)),
    onNote: work.onNote,
    onEntry: work.onEntry,
    onPass: work.onPass,
  });
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
