/** What a method says about itself, in the same file that holds its algorithm. The registry lists them. */

import type { ScoreId } from "../score/registry.ts";
import type { Internals, InternalsAnswer } from "./internals/internals.ts";
import type { Game, GameSize, PlayerScores } from "./perturbation/game.ts";
import type { Players, Removal } from "./perturbation/perturbation.ts";
import type { Answer, Problem, SiteProblem } from "./problem.ts";

interface Description<Options> {
  readonly paper: string;
  readonly formula: string;
  /** In forward and backward passes over the sequence. */
  readonly cost: string;
  /** Of a score, said so that it can follow "in units of": "that of the score" where it is the attributed function's. */
  readonly unit: string;
  readonly options: readonly (keyof Options & string)[];
  /** What those options are that have a value of their own when they are left out; words where it depends. */
  readonly defaults: { readonly [Name in keyof Options]?: Options[Name] | string };
  /** What the method is good for, and what it should not be used for: one line each, for `inseq explain` and the tables. */
  readonly goodFor: string;
  readonly badFor: string;
  /** It scores steps, and no tokens. */
  readonly scoresStepsOnly?: true;
}

/** Works on the input embeddings: scores of shape [S, G, D]. */
export interface EmbeddingMethod<Options> extends Description<Options> {
  readonly on: "embeddings";
  /** Of several baselines the method is averaged over each, or it draws from all of them. */
  readonly usesBaseline: false | "each" | "all";
  /** The baselines when the caller names none: Inseq's rule unless the method says otherwise. */
  readonly defaultBaselines?: readonly ("random" | "origin")[];
  /** Whether it draws random numbers. */
  readonly draws: boolean;
  /** Whether its answer may be averaged over noise: not if it starts from tokens instead of embeddings. */
  readonly smoothable: boolean;
  /** Points at which each step is differentiated, by options and attributed positions: the work is steps × points rows. */
  readonly points: (options: Options, positions: number) => number;
  readonly run: (problem: Problem, options: Options) => Promise<Answer>;
}

/** Works on activations inside the model: scores of shape [S, G, D], or of several sites [S, G, L, D]. */
export interface SiteMethod<Options> extends Description<Options> {
  readonly on: "sites";
  readonly usesBaseline: false | "each";
  readonly draws: false;
  /** Points at which each step is differentiated, by options and number of sites. */
  readonly points: (options: Options, sites: number) => number;
  readonly run: (problem: SiteProblem, options: Options) => Promise<Answer>;
}

/** Works on values of coalitions of players, or on derivatives along them: a score for each player and step. */
export interface GameMethod<Options> extends Description<Options> {
  readonly on: "players";
  /** Of several baselines the method is averaged over each. */
  readonly usesBaseline: "each";
  readonly draws: boolean;
  /** How players are removed when the caller does not say. */
  readonly removal: Removal;
  /** Who the players are when the caller does not say: `token` if the method does not, either. */
  readonly players?: Players;
  /** Players are of the source or the prompt only: what comes from the first explained token on is never removed. */
  readonly contextOnly?: true;
  /** The baselines when the caller names none: Inseq's rule unless the method says otherwise. */
  readonly defaultBaselines?: readonly ("random" | "origin")[];
  /** It asks for derivatives, so that functions which have none are refused. */
  readonly differentiates?: true;
  /** The only ways to remove them, where not all will do. */
  readonly removals?: readonly Removal[];
  /** The only function of the logits that the method explains, where not all will do; it is also the default. */
  readonly explains?: ScoreId;
  /**
   * The most coalitions that are tried, which is the work.
   * @throws OptionError when there are too many
   */
  readonly evaluations: (options: Options, size: GameSize) => number;
  readonly run: (game: Game, options: Options) => Promise<PlayerScores>;
}

/** What taking the inside of a model apart may need of it. */
export type ModelTrait =
  /** The attention's output is an affine function of its heads: nothing normalises it. */
  | "affineAttention"
  /** What leaves a block is what entered it plus the outputs of its parts. */
  | "residualStream"
  /** Logits are an affine function of the last normalised states. */
  | "affineHead";

/** Reads the inside of the model. */
export interface InternalsMethod<Options> extends Description<Options> {
  readonly on: "internals";
  /** Models that lack one of these are refused before any work. */
  readonly needs: readonly ModelTrait[];
  /**
   * Which attributed functions it explains: none, whatever is asked; those that are linear in the logits; those that can be
   * differentiated; or all.
   */
  readonly explains: "nothing" | "logits" | "differentiable" | "any";
  readonly usesBaseline: false;
  readonly draws: false;
  readonly dimensionNames: readonly string[];
  readonly run: (internals: Internals, options: Options) => Promise<InternalsAnswer>;
}

/** Attributes nothing: for step scores alone. */
export interface NoMethod extends Description<object> {
  readonly on: "nothing";
  readonly scoresStepsOnly: true;
  readonly usesBaseline: false;
  readonly draws: false;
}

export const dummy: NoMethod = {
  on: "nothing",
  scoresStepsOnly: true,
  usesBaseline: false,
  draws: false,
  options: [],
  paper: "—",
  formula: "no attribution: step scores only",
  cost: "1 forward for step scores",
  unit: "—",
  defaults: {},
  goodFor: "step scores without an attribution",
  badFor: "attribution",
};
