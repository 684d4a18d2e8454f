/**
 * Removing tokens from the inputs: rows of embeddings, and where each step reads them.
 *
 * Letters: K rows, N steps, S positions of an input, D model width.
 */

import type { Removal } from "../../method/perturbation/perturbation.ts";
import { add, concat, gather, int32, mul, scalar, slice, sub, type Tensor, tensor } from "../../tensor.ts";
import type { Runner } from "../runner/runner.ts";
import type { Sampler } from "../texts/sampler.ts";

/** For one row: the random numbers of an input's removed tokens, from its first one. */
export type Draws = (input: number) => () => number;

/** For one row: of each input which tokens are kept, 1 or 0. */
export type Kept = readonly Uint8Array[];

/** Rows ready for `Runner.logitsAtEach`. */
export interface PerturbedRows {
  readonly points: Tensor[];
  readonly positions_KN: readonly (readonly number[])[];
  readonly mask_KS?: Tensor | undefined;
  /** Whether the value of row k at step n is that of the last row. */
  readonly standIn: (k: number, n: number) => boolean;
}

export interface Perturbation {
  readonly removal: Removal;
  readonly runner: Runner;
  /** Which of the runner's references is the baseline. */
  readonly reference: number;
  /** Whether the first input is a source: all steps see it whole. */
  readonly hasSource: boolean;
  /** What `resample` draws. */
  readonly sampler: Sampler;
  readonly ids: readonly (readonly number[])[];
}

/** x and x' up to the last position that is read, for each input [S, D]. */
interface Ends {
  readonly inputs: readonly Tensor[];
  readonly baselines: readonly Tensor[];
}

/** The rows of K perturbed inputs, read after N positions of the whole text; `draws` are of each row. */
export function perturbedRows(
  perturbation: Perturbation,
  rows: readonly Kept[],
  positions_N: readonly number[],
  draws: readonly Draws[],
): PerturbedRows {
  const { removal, runner, reference, hasSource } = perturbation;
  const length = Math.max(...positions_N) + 1;
  const inputs = runner.inputs(length);
  const baselines = inputs.map((x_SD, i) => runner.references(length)[reference]?.embeddings[i] ?? x_SD);
  if (removal === "delete") return deletedRows({ inputs, baselines }, hasSource, rows, positions_N);
  const points = inputs.map((x_SD, i) => {
    const kept = rows.map((row) => row[i] ?? new Uint8Array());
    // A source that no row changes is encoded once for all of them.
    const some = hasSource && i === 0 && kept.every(isWhole) ? kept.slice(0, 1) : kept;
    return removal === "replace"
      ? replaced(x_SD, baselines[i] ?? x_SD, some)
      : resampled(perturbation, i, x_SD.shape[0] ?? 0, some, draws);
  });
  return { points, positions_KN: rows.map(() => positions_N), standIn: () => false };
}

/**
 * How many leading positions of a decoder's text are as they were in all that they see, and are not read by a step that sees a
 * change: where a token was deleted, the one before it is read.
 */
export function unchangedPositions({ hasSource, removal }: Perturbation, kept: Kept): number {
  const text = kept[hasSource ? 1 : 0] ?? new Uint8Array();
  if (hasSource && !isWhole(kept[0] ?? new Uint8Array())) return 0;
  const first = text.indexOf(0);
  return Math.max(0, (first < 0 ? text.length : first) - (removal === "delete" ? 1 : 0));
}

export const isWhole = (kept: Uint8Array): boolean => kept.every((one) => one === 1);

/** x where a token is kept, x' where it is not: [K, S, D]. */
function replaced(x_SD: Tensor, baseline_SD: Tensor, kept: readonly Uint8Array[]): Tensor {
  const S = x_SD.shape[0] ?? 0;
  const numbers = kept.flatMap((row) => [...row.subarray(0, S)]);
  const kept_KS1 = tensor(numbers, [kept.length, S, 1]);
  return add(mul(kept_KS1, x_SD), mul(sub(scalar(1), kept_KS1), baseline_SD));
}

function resampled(
  { ids, sampler, runner, hasSource }: Perturbation,
  input: number,
  S: number,
  kept: readonly Uint8Array[],
  draws: readonly Draws[],
): Tensor {
  const side = hasSource && input === 0 ? "source" : "target";
  const drawn = kept.map((row, k) => {
    const next = draws[k]?.(input) ?? (() => 0);
    return Array.from({ length: S }, (_, s) => {
      const own = ids[input]?.[s] ?? 0;
      return row[s] === 1 ? own : sampler(side, own, next());
    });
  });
  return runner.embed(input, drawn);
}

/**
 * Kept tokens move up, and rows are filled up on the right, which no position before sees. A source without any token becomes
 * its baseline's first one. So does a text before a step of which nothing is left: one more row stands in for those.
 */
function deletedRows(
  { inputs, baselines }: Ends,
  hasSource: boolean,
  rows: readonly Kept[],
  positions_N: readonly number[],
): PerturbedRows {
  const last = inputs.length - 1;
  const needsStandIn =
    !hasSource && rows.some((row) => positions_N.some((position) => keptUpTo(row[0], position) === 0));
  let mask_KS: Tensor | undefined;
  const points = inputs.map((x_SD, i) => {
    const [S = 0, D = 0] = x_SD.shape;
    const places = rows.map((row) => Array.from({ length: S }, (_, s) => s).filter((s) => row[i]?.[s] === 1));
    if (needsStandIn) places.push([]);
    // S names the baseline's first token, put behind the table.
    const whole = places.map((row) => (row.length === 0 ? [S] : row));
    const isSource = hasSource && i === 0;
    const some = isSource && whole.every((row) => row.length === S) ? whole.slice(0, 1) : whole;
    const longest = Math.max(...some.map((row) => row.length));
    const filled = some.flatMap((row) => Array.from({ length: longest }, (_, s) => row[s] ?? 0));
    if (isSource && some.some((row) => row.length < longest)) {
      mask_KS = int32(
        some.flatMap((row) => Array.from({ length: longest }, (_, s) => (s < row.length ? 1 : 0))),
        [some.length, longest],
      );
    }
    const table = concat([x_SD, slice(baselines[i] ?? x_SD, [0, 0], [1, D])], 0);
    return gather(table, int32(filled, [some.length, longest]), 0);
  });
  const causal = (row: Kept): Uint8Array | undefined => (hasSource && last === 0 ? undefined : row[last]);
  const positions_KN = rows.map((row) =>
    positions_N.map((position) => {
      const kept = causal(row);
      return kept === undefined ? position : Math.max(0, keptUpTo(kept, position) - 1);
    }),
  );
  if (needsStandIn) positions_KN.push(positions_N.map(() => 0));
  return {
    points,
    positions_KN,
    mask_KS,
    standIn: (k, n) => !hasSource && keptUpTo(rows[k]?.[0], positions_N[n] ?? 0) === 0,
  };
}

/** How many tokens up to a position are left. */
function keptUpTo(kept: Uint8Array | undefined, position: number): number {
  return kept?.subarray(0, position + 1).reduce((sum, one) => sum + one, 0) ?? 0;
}
