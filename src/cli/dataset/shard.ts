/**
 * Which part of a data set a process does. Batches go round, so that all shards have about the same work, and a row is
 * generated beside the same rows whatever the number of shards is: the results are the same to the last bit.
 */

import { OptionError } from "../../errors.ts";

export interface Shard {
  /** From 0. */
  readonly index: number;
  readonly count: number;
}

/** Rows `[start, end)` of a data set, in batches. */
export interface Rows {
  readonly start: number;
  readonly end: number;
  readonly batchSize: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * `2/8` is the third of eight shards. `auto` asks the scheduler: a Slurm array has the index and the number of its tasks;
 * a Kubernetes Indexed Job has the index alone, so `auto/8` says how many there are.
 * @throws OptionError for anything else, and when no scheduler is there
 */
export function shardOf(written: string | undefined, environment: Environment): Shard {
  if (written === undefined) return { index: 0, count: 1 };
  const [, index, automatic, count] = /^(?:(\d+)\/|(auto)(?:\/(?=\d))?)(\d+)?$/.exec(written) ?? [];
  if (index === undefined && automatic === undefined) throw wrongShard(written);
  if (index !== undefined && count === undefined) throw wrongShard(written);
  const found = index === undefined ? scheduled(environment, count) : { index: Number(index), count: Number(count) };
  if (found.index < found.count) return found;
  throw new OptionError(
    `--shard: expected an index below ${found.count}, counted from 0, received ${found.index} of ${found.count}`,
  );
}

function wrongShard(written: string): OptionError {
  return new OptionError(
    `--shard: expected index/count from 0/8 to 7/8, auto in a Slurm array, or auto/8 in a Kubernetes Indexed Job, received "${written}"`,
  );
}

function scheduled(environment: Environment, count: string | undefined): Shard {
  const { SLURM_ARRAY_TASK_ID: task, JOB_COMPLETION_INDEX: completion } = environment;
  const number = (name: string, byDefault?: string) => {
    const value = environment[name] ?? byDefault;
    if (value !== undefined && /^\d+$/.test(value)) return Number(value);
    throw new OptionError(`--shard auto: expected a number in ${name}, received ${value ?? "none"}`);
  };
  if (task !== undefined) {
    const step = number("SLURM_ARRAY_TASK_STEP", "1");
    const index = (number("SLURM_ARRAY_TASK_ID") - number("SLURM_ARRAY_TASK_MIN", "0")) / step;
    if (!Number.isInteger(index) || index < 0) {
      throw new OptionError(
        `--shard auto: expected an array of evenly spaced tasks, received task ${task}; give --shard i/n`,
      );
    }
    return { index, count: count === undefined ? number("SLURM_ARRAY_TASK_COUNT") : Number(count) };
  }
  if (completion !== undefined) {
    if (count !== undefined) return { index: number("JOB_COMPLETION_INDEX"), count: Number(count) };
    throw new OptionError("--shard auto: Kubernetes does not tell the number of completions; give it as auto/8");
  }
  throw new OptionError(
    "--shard auto: expected SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX in the environment, found neither; give --shard i/n",
  );
}

/** Whether a row of the data set is the shard's. */
export function isInShard(row: number, { start, end, batchSize }: Rows, { index, count }: Shard): boolean {
  return row >= start && row < end && Math.floor((row - start) / batchSize) % count === index;
}

/** Whether a batch ends with this row. */
export function endsBatch(row: number, { start, end, batchSize }: Rows): boolean {
  return row === end - 1 || (row - start) % batchSize === batchSize - 1;
}

/** The rows of a shard, in order. */
export function* rowsOfShard(rows: Rows, shard: Shard): Generator<number> {
  const stride = rows.batchSize * shard.count;
  for (let first = rows.start + shard.index * rows.batchSize; first < rows.end; first += stride) {
    for (let row = first; row < Math.min(first + rows.batchSize, rows.end); row++) yield row;
  }
}

/** How many rows a shard has. */
export function sizeOfShard({ start, end, batchSize }: Rows, { index, count }: Shard): number {
  const total = end - start;
  const stride = batchSize * count;
  const rest = total % stride;
  return Math.floor(total / stride) * batchSize + Math.min(batchSize, Math.max(0, rest - index * batchSize));
}

/** `results.jsonl` of one process; `results-00002-of-00008.jsonl` of several. */
export function shardPath(path: string, { index, count }: Shard): string {
  if (count === 1) return path;
  const digits = (n: number) => String(n).padStart(5, "0");
  const part = `-${digits(index)}-of-${digits(count)}`;
  return /\.jsonl?$/.test(path) ? path.replace(/\.jsonl?$/, (ending) => `${part}${ending}`) : `${path}${part}`;
}
