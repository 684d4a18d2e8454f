/** An item on a model: its players, and values of functions of its target when players are removed. */

import { perturbationsPerPass, type RowLimits } from "../attribution/budget.ts";
import { nextTask } from "../attribution/nextTask.ts";
import { createGame } from "../attribution/perturbation/coalitions.ts";
import type { Perturbation } from "../attribution/perturbation/perturbedRows.ts";
import { createPlayers, type PlayedInput, type Player } from "../attribution/perturbation/players.ts";
import type { InputNoise } from "../attribution/runner/inputNoise.ts";
import { createRunner } from "../attribution/runner/runner.ts";
import type { Sequence } from "../attribution/sequence.ts";
import { singleSteps } from "../attribution/steps.ts";
import { createTarget } from "../attribution/target.ts";
import type { BaselineChoice } from "../attribution/texts/baseline.ts";
import { type Contrast, createContrast } from "../attribution/texts/contrast.ts";
import { forcedJob, type Job } from "../attribution/texts/jobs.ts";
import type { LanguageModel } from "../attribution/texts/languageModel.ts";
import { uniformSampler } from "../attribution/texts/sampler.ts";
import type { AttributionModel } from "../attributionModel.ts";
import { OptionError } from "../errors.ts";
import type { Coalition, Game } from "../method/perturbation/game.ts";
import type { Players } from "../method/perturbation/perturbation.ts";
import { Random } from "../random.ts";
import type { Span } from "../text/span.ts";
import { type FunctionChoice, targetFunctions } from "./functions.ts";
import { checkItem, type EvaluationItem } from "./item.ts";
import type { FunctionName, Question } from "./metric.ts";
import { type RemovalOperator, removalOperators } from "./removal.ts";
import { thinnedDistances } from "./thinning.ts";

export interface SubjectOptions {
  /** How the item is called in messages. */
  readonly where: string;
  readonly removal: RemovalOperator;
  readonly players: Players;
  readonly attributeTarget: boolean;
  /** What methods explain and metrics measure; by default as `defaultFunctions` says. */
  readonly explained?: FunctionChoice | undefined;
  readonly measured?: FunctionChoice | undefined;
  readonly seed: number;
  /** Of the input's embeddings: a text nearby. */
  readonly noise?: InputNoise | undefined;
  readonly memoryBudget?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A player as results tell of it. */
export interface PlayerDescription {
  /** Which input: 0 is the source, or the one text of a decoder-only model. */
  readonly input: number;
  /** Positions of its tokens. */
  readonly tokens: readonly number[];
  readonly text: string;
  /** Where it stands in its text; null where that is not known. */
  readonly span: Span | null;
}

export interface Subject extends Pick<Question, "players" | "evidence" | "value" | "thinned"> {
  readonly descriptions: readonly PlayerDescription[];
  /** Explained target positions, [start, end). */
  readonly positions: readonly [start: number, end: number];
  /** What the methods explain. */
  readonly explained: FunctionChoice;
  readonly measured: FunctionChoice;
  /** What stands for a removed player, and so for "no information" to methods that start from a baseline. */
  readonly baseline: BaselineChoice;
  /** Perturbed inputs that went through the model so far. */
  rows(): number;
  dispose(): void;
}

/** A difference of probabilities is explained where there is a foil, else the probability; which is what is measured. */
export function defaultFunctions(item: EvaluationItem): { explained: FunctionChoice; measured: FunctionChoice } {
  const measured = { attributedFn: "probability" };
  return { explained: item.foil === undefined ? measured : { attributedFn: "contrast_prob_diff" }, measured };
}

/**
 * Opens an item; the subject has to be disposed of.
 * @throws OptionError when the item does not fit the model, its evidence is no player, or no player can be removed
 */
export async function openSubject(
  model: AttributionModel,
  item: EvaluationItem,
  options: SubjectOptions,
): Promise<Subject> {
  checkItem(item, options.where);
  try {
    return await model.inTurn(async (limits) => subjectOf(model, item, options, limits), options);
  } catch (error) {
    throw error instanceof OptionError
      ? new OptionError(`${options.where}: ${error.message}`, { cause: error })
      : error;
  }
}

function subjectOf(model: AttributionModel, item: EvaluationItem, options: SubjectOptions, limits: RowLimits): Subject {
  const { languageModel } = model;
  const { job, contrast } = createJob(languageModel, item, options);
  const sequence = { ...job.sequence, noise: options.noise };
  const inputs = seenInputs(sequence, options.attributeTarget);
  const players = removablePlayers(sequence, inputs, options);
  const defaults = defaultFunctions(item);
  const { explained = defaults.explained, measured = defaults.measured } = options;
  const functions = targetFunctions(explained, measured, item.foil !== undefined);
  const runner = createRunner(languageModel.model, sequence, options.attributeTarget);
  const { removal } = removalOperators[options.removal];
  const { start, end, source } = sequence;
  const lengths = inputs.map(({ encoding }, i) => (source !== null && i === 0 ? encoding.ids.length : end - 1));
  const perturbation: Perturbation = {
    removal,
    runner,
    reference: 0,
    hasSource: source !== null,
    sampler: uniformSampler(languageModel.model.facts, sequence.special),
    ids: inputs.map(({ encoding }) => encoding.ids),
  };
  const positions = end - 1 + (source?.ids.length ?? 0);
  const passes = perturbationsPerPass(languageModel.model.facts, positions, end - start, limits);
  const tokens = {
    targets: sequence.target.ids.slice(start, end),
    foils: [contrast?.ids ?? sequence.target.ids.slice(start, end)],
  };
  const games = new Map<string, Game>();
  let rows = 0;
  const onPass = async (some: number): Promise<void> => {
    rows += some;
    await nextTask();
    options.signal?.throwIfAborted();
  };

  function gameOf(name: FunctionName): Game {
    const { key, ...attributed } = functions[name];
    const known = games.get(key);
    if (known !== undefined) return known;
    const game = createGame(perturbation, players, {
      ...passes,
      seed: options.seed,
      start,
      end,
      lengths,
      fixed: () => false,
      targets: tokens.targets,
      tree: players.map((_, p) => p),
      target: (from, to) => createTarget(attributed, tokens, singleSteps(from, to)),
      onEntry: () => {},
      onPass,
    });
    games.set(key, game);
    return game;
  }

  return {
    players: players.length,
    descriptions: players.map((player) => describe(player, inputs, job)),
    evidence: item.evidence ? evidenceOf(item.evidence, players, inputs) : null,
    positions: [start, end],
    explained,
    measured,
    baseline: removalOperators[options.removal].baseline,
    async value(coalitions: readonly Coalition[], of: FunctionName = "measured") {
      const values = await model.inTurn(() => gameOf(of).value(coalitions), options);
      return Float64Array.from(values, functions[of].combine);
    },
    async thinned(kept, stream) {
      const shares = kept.map((some) => lengths.map((length, input) => tokenShares(players, some, input, length)));
      const passesOver = {
        positions_N: Array.from({ length: end - start }, (_, n) => start + n - 1),
        rows: passes.rows,
        random: (row: number, input: number) => new Random(options.seed, stream + inputs.length * row + input),
        onPass,
      };
      return await model.inTurn(() => thinnedDistances(runner, shares, passesOver), options);
    },
    rows: () => rows,
    dispose: () => runner.dispose(),
  };
}

/** The item as a sequence with the removal's baseline, and what it is contrasted with. */
function createJob(
  language: LanguageModel,
  item: EvaluationItem,
  { removal, seed }: SubjectOptions,
): { job: Job; contrast: Contrast | null } {
  const given = { text: item.input, chat: null };
  const textOptions = {
    specialTokens: "added",
    includeEosBaseline: false,
    baselines: [removalOperators[removal].baseline],
    seed,
  } as const;
  const read = (text: string, positions?: EvaluationItem["positions"]): Job =>
    forcedJob(language, given, text, { ...textOptions, attrPosStart: positions?.[0], attrPosEnd: positions?.[1] });
  if (item.foil === undefined) return { job: read(item.target, item.positions), contrast: null };
  const foil = read(item.foil).sequence.target;
  const target = read(item.target).sequence.target;
  const first = target.ids.findIndex((id, i) => id !== foil.ids[i]);
  if (item.positions === undefined && (first < 0 || first >= foil.ids.length)) {
    throw new OptionError(
      `expected a foil with another token where the target has one, received "${item.foil}" beside "${item.target}"`,
    );
  }
  const job = read(item.target, item.positions ?? [first, first + 1]);
  const pairs = item.positions === undefined ? ([[first, first]] as const) : [];
  return { job, contrast: createContrast(job.sequence, null, foil, pairs) };
}

/** The inputs whose tokens may be removed, up to the first explained token: every step sees them all. */
function seenInputs({ source, target, start }: Sequence, attributeTarget: boolean): PlayedInput[] {
  if (source === null) return [{ encoding: target, length: start }];
  const before = attributeTarget ? [{ encoding: target, length: start }] : [];
  return [{ encoding: source, length: source.ids.length }, ...before];
}

/** Players without their special tokens, which are never removed. */
function removablePlayers(
  { source, special }: Sequence,
  inputs: readonly PlayedInput[],
  { players: choice }: SubjectOptions,
): Player[] {
  const isSpecial = (input: number, token: number): boolean =>
    special.has(inputs[input]?.encoding.ids[token] ?? -1) || (source !== null && input === 1 && token === 0);
  const players = createPlayers(inputs, choice).flatMap(({ input, tokens }): Player[] => {
    const ordinary = tokens.filter((token) => !isSpecial(input, token));
    return ordinary.length > 0 ? [{ input, tokens: ordinary }] : [];
  });
  if (players.length > 0) return players;
  throw new OptionError(`expected an input with a token that can be removed, received special tokens only`);
}

/** @throws OptionError when a span of evidence has no player in it */
function evidenceOf(evidence: readonly Span[], players: readonly Player[], inputs: readonly PlayedInput[]): Uint8Array {
  const overlaps = ([start, end]: Span, { input, tokens }: Player): boolean =>
    input === 0 &&
    tokens.some((token) => {
      const span = inputs[0]?.encoding.spans[token];
      return span !== null && span !== undefined && span[0] < end && span[1] > start;
    });
  const lost = evidence.find((span) => !players.some((player) => overlaps(span, player)));
  if (lost !== undefined) {
    throw new OptionError(`expected evidence that some token overlaps, found none in ${JSON.stringify(lost)}`);
  }
  return Uint8Array.from(players, (player) => (evidence.some((span) => overlaps(span, player)) ? 1 : 0));
}

function describe({ input, tokens }: Player, inputs: readonly PlayedInput[], job: Job): PlayerDescription {
  const { encoding } = inputs[input] as PlayedInput;
  const spans = tokens.flatMap((token) => encoding.spans[token] ?? []);
  const text = job.sequence.source !== null && input === 0 ? job.inputText : job.generatedText;
  const span: Span | null = spans.length > 0 ? [Math.min(...spans), Math.max(...spans)] : null;
  const names = tokens.map((token) => encoding.tokens[token] ?? "").join("");
  return { input, tokens, text: span === null ? names : text.slice(...span), span };
}

/** The share of each player at its tokens, and 1 at all others [S]. */
function tokenShares(players: readonly Player[], shares: Float64Array, input: number, length: number): Float64Array {
  const kept = new Float64Array(length).fill(1);
  for (const [p, player] of players.entries()) {
    if (player.input !== input) continue;
    for (const token of player.tokens) kept[token] = shares[p] ?? 1;
  }
  return kept;
}
