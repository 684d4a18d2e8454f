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
  return createBar(visible, "attributing {sequence}{bar} {percentage}% {eta_formatted}", (progress) => ({
    from: 0,
    value: Math.round((progress.sequence + progress.done / progress.total) * UNITS),
    total: progress.sequences * UNITS,
    texts: { sequence: progress.sequences > 1 ? `text ${progress.sequence + 1} of ${progress.sequences} ` : "" },
  }));
}

/** How far the search for contextual cues is: of how many tokens they were found, with a fraction for the one in work. */
export interface CuesProgress {
  readonly done: number;
  readonly total: number;
}

/** A bar for attributing the tokens that depend on a context. */
export function createCuesBar(visible: boolean): ProgressBar<CuesProgress> {
  return createBar(visible, "attributing {token}{bar} {percentage}% {eta_formatted}", ({ done, total }) => ({
    from: 0,
    value: Math.round(done * UNITS),
    total: total * UNITS,
    texts: { token: total > 1 ? `token ${Math.min(total, Math.floor(done) + 1)} of ${total} ` : "" },
  }));
}

/** A bar for downloads, one file after another. */
export function createDownloadBar(visible: boolean): ProgressBar<DownloadProgress> {
  const inMegabytes = (bytes: number) => Math.round(bytes / MEGABYTE);
  const shown = ({ file, received, total }: DownloadProgress): Shown => ({
    value: inMegabytes(received),
    total: inMegabytes(total),
    texts: { file },
  });
  // It is drawn by a timer: downloads leave the event loop free.
  const bar = createBar(visible, "{file} {bar} {value} of {total} MB {eta_formatted}", shown, {});
  return {
    update: (progress) => {
      bar.update(progress);
      if (progress.received === progress.total) bar.stop();
    },
    stop: bar.stop,
  };
}

/** What a benchmark does: a method on an item of a task. */
export interface BenchmarkProgress extends EvaluationProgress {
  readonly task: string;
}

/** A bar for a benchmark. */
export function createBenchmarkBar(visible: boolean): ProgressBar<BenchmarkProgress> {
  const format = "{task} {bar} {value} of {total}, {eta_formatted} {method}";
  return createBar(visible, format, ({ task, done, total, method }) => ({
    value: done,
    total,
    texts: { task, method: method ?? "" },
  }));
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
  const format = "{value} of {total} rows {bar} {rate}, {remaining} left{failures}";
  return createBar(visible, format, ({ done, total, rate, remaining, failed }) => ({
    value: done,
    total,
    texts: { rate, remaining, failures: failed > 0 ? `, ${failed} failed` : "" },
  }));
}

/** What a bar shows of something told. */
interface Shown {
  /** Where it begins, which the remaining time is reckoned from. Default: the first value. */
  readonly from?: number;
  readonly value: number;
  readonly total: number;
  /** Of the names in the format. */
  readonly texts: Readonly<Record<string, string>>;
}

/** The computation keeps the event loop busy: no timer of the bar would ever run. */
const whileComputing: Options = { synchronousUpdate: true };

function createBar<Told>(
  visible: boolean,
  format: string,
  shown: (told: Told) => Shown,
  options = whileComputing,
): ProgressBar<Told> {
  if (!visible || !process.stderr.isTTY) return { update: () => {}, stop: () => {} };
  const bar = new SingleBar({ ...barOptions, ...options, format });
  return {
    update: (told) => {
      const { value, from = value, total, texts } = shown(told);
      if (!bar.isActive) bar.start(total, from, texts);
      bar.update(value, texts);
    },
    stop: () => {
      if (bar.isActive) bar.stop();
    },
  };
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
