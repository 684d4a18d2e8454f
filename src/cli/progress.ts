/** A progress bar on the error stream, when that is a terminal. */

import { SingleBar } from "cli-progress";
import type { Progress } from "../attribution/options.ts";

export interface ProgressBar {
  readonly update: (progress: Progress) => void;
  /** Removes the bar. It may be called again. */
  readonly stop: () => void;
}

/** Every text is as long as every other: how many rows a later one takes is not known before. */
const UNITS = 1000;

/** The bar; one that does nothing when nobody would see it. It appears with the first update. */
export function createProgressBar(visible: boolean): ProgressBar {
  if (!visible || !process.stderr.isTTY) return { update: () => {}, stop: () => {} };
  const bar = new SingleBar({
    stream: process.stderr,
    format: "attributing {sequence}{bar} {percentage}% {eta_formatted}",
    barsize: 30,
    barCompleteChar: "█",
    barIncompleteChar: "░",
    clearOnComplete: true,
    // Nothing about the terminal is changed that would stay changed when the process is killed.
    hideCursor: false,
    linewrap: true,
    // The computation keeps the event loop busy: no timer of the bar would ever run.
    synchronousUpdate: true,
    gracefulExit: false,
    fps: 10,
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
