/**
 * What a method is asked: which inputs made these N numbers what they are?
 *
 * The numbers are the attributed function at N generation steps of one sequence. The inputs are one or two embedding
 * tensors (source and target prefix; or the one text of a decoder-only model). A method asks for values and gradients at
 * points of its choice; how they are computed, in how many passes and in how much memory, is the engine's business.
 * Between passes the program can do other things, so both are promises. Tensors that a problem hands out are its own and
 * live until it is done; a method tidies up what it makes of them.
 *
 * Letters: N steps, K points, S positions of an input, D model width.
 */

import type { Random } from "../random.ts";
import type { Tensor } from "../tensor.ts";

/** Points in the space of the inputs, handed out in slices so that not all of them need exist at once. */
export interface Path {
  /** K */
  readonly length: number;
  /** Points k with from ≤ k < to, for each input [to − from, S, D]. */
  readonly points: (from: number, to: number) => Tensor[];
  /** w_k; the gradient's sum over points uses these. */
  readonly weights: readonly number[];
  /**
   * c_k, by which the gradient at point k is multiplied element by element before it is summed; 1 when absent. For each
   * input a tensor that broadcasts to [to − from, S, D].
   */
  readonly factors?: ((from: number, to: number) => Tensor[]) | undefined;
}

/** A baseline: x', and the tokens that it is made of. */
export interface Reference {
  /** For each input [S, D]. */
  readonly embeddings: readonly Tensor[];
  /** For each input the ids behind it; null where there are none (zeros, a mean). */
  readonly ids: readonly (readonly number[] | null)[];
}

/** The words of an input's vocabulary, for methods that walk from word to word. */
export interface Words {
  /** The tokens of the input. */
  readonly ids: readonly number[];
  isSpecial(id: number): boolean;
  /** Scaled embeddings of tokens, one for each id. */
  vectors(ids: readonly number[]): Promise<readonly Float32Array[]>;
  /** For each id the k other tokens with the nearest embeddings (Euclidean distance), nearest first. */
  neighbours(ids: readonly number[], k: number): Promise<readonly (readonly number[])[]>;
}

/** How multipliers go through an operation: by the rescale rule, or as Captum and Inseq compute them. */
export const multiplierRules = ["rescale", "inseq"] as const;

export interface Problem {
  /** N */
  readonly steps: number;
  /** x, for each input [S, D]. */
  readonly inputs: readonly Tensor[];
  /** The baseline to use: the first of the references. */
  readonly baseline: Reference;
  /** All baselines that the caller has named, for methods that draw from them. */
  readonly references: readonly Reference[];
  /** For each input. */
  readonly words: readonly Words[];
  /**
   * A new generator of random numbers from the caller's seed: the same numbers for every problem of a call. Streams with
   * different numbers are independent.
   */
  random(stream?: number): Random;
  /** How many of an input's positions step n sees: all of a source, what is before it of a text. */
  sees(step: number, input: number): number;
  /**
   * f_n at each of K points given for each input as [K, S, D]: [K, N]. `counted` reports the passes as work of the method,
   * whose `points` they are; without it they are a check beside the gradients.
   */
  value(points: readonly Tensor[], options?: { readonly counted?: boolean }): Promise<Tensor>;
  /** Σ_k w_k c_k ∂f_n/∂x at point k, for each input [N, S, D]. */
  gradient(path: Path): Promise<Tensor[]>;
  /** Multipliers of f_n between two points given for each input as [S, D] (`ops/multipliers.ts`), [N, S, D]. */
  multipliers(
    here: readonly Tensor[],
    there: readonly Tensor[],
    rule: (typeof multiplierRules)[number],
  ): Promise<Tensor[]>;
}

/** The same question asked inside the model: of the activations a of some sites, each [S, D], a vector for each token. */
export interface SiteProblem {
  /** The question asked of the embeddings, for the same steps. */
  readonly embeddings: Problem;
  /** Number of sites. */
  readonly sites: number;
  /** Activations at K points given for each embedding input as [K, S, D]: for each site [K, S, D]. */
  activations(points: readonly Tensor[]): Promise<Tensor[]>;
  /** Σ_k w_k c_k ∂f_n/∂a at the points of a path through the embeddings, for all sites in the same passes [N, S, D]. */
  gradient(path: Path): Promise<Tensor[]>;
  /** Multipliers of f_n at the sites, between two points given for each embedding input as [S, D]: [N, S, D]. */
  multipliers: Problem["multipliers"];
  /** The problem whose only input is the activation of one site, all else as it is for the input. */
  at(index: number): Problem;
}

/** What a method returns. */
export interface Answer {
  /** For each input, or each site, [N, S, D]. */
  readonly attributions: readonly Tensor[];
  /** Σ of all attributions of a step minus f(x) − f(x'), [N]: how far the method is from complete. */
  readonly deltas?: Tensor | undefined;
}
