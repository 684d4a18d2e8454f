/** Progress bars on the error stream, when that is a terminal. */

import { type Options, SingleBar } from "cli-progress";
import type { Progress } from "../attribution/options.ts";
import type { EvaluationProgress } from "../evaluate/evaluate.ts";
import type { DownloadProgress } from "../model/hub/repository.ts";

export interface ProgressBar<Told> {
  readonly update: (progress: Told) => void;
  /** Removes the bar. It may be called again. */
  readonly stop: () => void;
}

/** Every text is as long as every other: how many rows a later one takes is not known before. */
const UNITS = 1000;

const MEGABYTE = 1e6;

/** A bar for attributing; one that does nothing when nobody would see it. It appears with the first update. */
export function createProgressBar(visible: boolean): ProgressBar<Progress> {
  if (!isSeen(visible)) return unseen;
  const bar = new SingleBar({
    ...barOptions,
    format: "attributing {sequence}{bar} {percentage}% {eta_formatted}",
    // The computation keeps the event loop busy: no timer of the bar would ever run.
    synchronousUpdate: true,
  });
  return {
    update: ({ sequence, sequences, done, total }) => {
      const payload = { sequence: sequences > 1 ? `text ${sequence + 1} of ${sequences} ` : "" };
      if (!bar.isActive) bar.start(sequences * UNITS, 0, payload);
      bar.update(Math.round((sequence + done / total) * UNITS), payload);
    },
    stop: () => {
      if (bar.isActive) bar.stop();
    },
  };
}

/** How far the search for contextual cues is: of how many tokens they were found, with a fraction for the one in work. */
export interface CuesProgress {
  readonly done: number;
  readonly total: number;
}

/** A bar for attributing the tokens that depend on a context. */
export function createCuesBar(visible: boolean): ProgressBar<CuesProgress> {
  if (!isSeen(visible)) return unseen;
  const format = "attributing {token}{bar} {percentage}% {eta_formatted}";
  const bar = new SingleBar({ ...barOptions, format, synchronousUpdate: true });
  return {
    update: ({ done, total }) => {
      const payload = { token: total > 1 ? `token ${Math.min(total, Math.floor(done) + 1)} of ${total} ` : "" };
      if (!bar.isActive) bar.start(total * UNITS, 0, payload);
      bar.update(Math.round(done * UNITS), payload);
    },
    stop: () => {
      if (bar.isActive) bar.stop();
    },
  };
}

/** A bar for downloads, one file after another. */
export function createDownloadBar(visible: boolean): ProgressBar<DownloadProgress> {
  if (!isSeen(visible)) return unseen;
  const bar = new SingleBar({ ...barOptions, format: "{file} {bar} {value} of {total} MB {eta_formatted}" });
  const inMegabytes = (bytes: number) => Math.round(bytes / MEGABYTE);
  return {
    update: ({ file, received, total }) => {
      if (!bar.isActive) bar.start(inMegabytes(total), inMegabytes(received), { file });
      bar.update(inMegabytes(received), { file });
      if (received === total) bar.stop();
    },
    stop: () => {
      if (bar.isActive) bar.stop();
    },
  };
}

/** What a benchmark does: a method on an item of a task. */
export interface BenchmarkProgress extends EvaluationProgress {
  readonly task: string;
}

/** A bar for a benchmark. */
export function createBenchmarkBar(visible: boolean): ProgressBar<BenchmarkProgress> {
  if (!isSeen(visible)) return unseen;
  const bar = new SingleBar({
    ...barOptions,
    format: "{task} {bar} {value} of {total}, {eta_formatted} {method}",
    synchronousUpdate: true,
  });
  return {
    update: ({ task, done, total, method }) => {
      const payload = { task, method: method ?? "" };
      if (!bar.isActive) bar.start(total, done, payload);
      bar.update(done, payload);
    },
    stop: () => {
      if (bar.isActive) bar.stop();
    },
  };
}

/** How far the rows of a data set are. */
export interface RowsProgress {
  readonly done: number;
  readonly total: number;
  /** `12.3 rows/s` */
  readonly rate: string;
  /** `2 h 5 min` */
  readonly remaining: string;
  readonly failed: number;
}

/** A bar for the rows of a data set. */
export function createRowsBar(visible: boolean): ProgressBar<RowsProgress> {
  if (!isSeen(visible)) return unseen;
  const format = "{value} of {total} rows {bar} {rate}, {remaining} left{failures}";
  const bar = new SingleBar({ ...barOptions, format, synchronousUpdate: true });
  return {
    update: ({ done, total, rate, remaining, failed }) => {
      const payload = { rate, remaining, failures: failed > 0 ? `, ${failed} failed` : "" };
      if (!bar.isActive) bar.start(total, done, payload);
      bar.update(done, payload);
    },
    stop: () => {
      if (bar.isActive) bar.stop();
    },
  };
}

const unseen = { update: () => {}, stop: () => {} };

function isSeen(visible: boolean): boolean {
  return visible && process.stderr.isTTY;
}

const barOptions: Options = {
  stream: process.stderr,
  barsize: 30,
  barCompleteChar: "█",
  barIncompleteChar: "░",
  clearOnComplete: true,
  // Nothing about the terminal is changed that would stay changed when the process is killed.
  hideCursor: false,
  linewrap: true,
  gracefulExit: false,
  fps: 10,
};
