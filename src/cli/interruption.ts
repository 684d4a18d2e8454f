/** Commands that are told to end: by Ctrl-C, or by a scheduler that wants its machine back. */

import type { Screen } from "./screen.ts";

/** The exit status of a process that a signal has ended, as shells report it. */
export const statusOf = { SIGINT: 130, SIGTERM: 143 } as const;

type EndingSignal = keyof typeof statusOf;

/** A command was told to end, and has. */
export class Interrupted extends Error {
  readonly status: number;

  constructor(signal: EndingSignal, goingOn: string) {
    super(`stopped by ${signal}; ${goingOn}`);
    this.status = statusOf[signal];
  }
}

/** How long work may take to come to a place where it can end; then the process ends wherever it is. */
const GRACE_MILLISECONDS = 2000;

/**
 * Does work that can be told to end at any time, because what it leaves is whole at any time.
 * @param goingOn what remains of the work, and how to go on
 * @throws Interrupted when it was told so; a second Ctrl-C ends the process at once
 */
export async function interruptible<Result>(
  goingOn: string,
  { report }: Pick<Screen, "report">,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const stop = new AbortController();
  let told: Interrupted | undefined;
  let timer: NodeJS.Timeout | undefined;
  const end = (name: EndingSignal) => {
    const leave = (interrupted: Interrupted) => {
      report(`inseq: ${interrupted.message}`);
      process.exit(interrupted.status);
    };
    if (told !== undefined) return leave(told);
    const interrupted = new Interrupted(name, goingOn);
    told = interrupted;
    timer = setTimeout(() => leave(interrupted), GRACE_MILLISECONDS);
    stop.abort(interrupted);
  };
  return await whileListening(end, async () => {
    try {
      return await work(stop.signal);
    } catch (error) {
      throw told ?? error;
    } finally {
      clearTimeout(timer);
    }
  });
}

/**
 * Does work that is to be done to its end; being told to end meanwhile counts after it.
 * @throws Interrupted when it was told so
 */
export async function uninterrupted<Result>(work: () => Promise<Result>): Promise<Result> {
  let told: EndingSignal | undefined;
  const note = (name: EndingSignal) => {
    told ??= name;
  };
  const result = await whileListening(note, work);
  if (told !== undefined) throw new Interrupted(told, "everything had been written");
  return result;
}

async function whileListening<Result>(
  listener: (name: EndingSignal) => void,
  work: () => Promise<Result>,
): Promise<Result> {
  const names = Object.keys(statusOf) as EndingSignal[];
  for (const name of names) process.on(name, listener);
  try {
    return await work();
  } finally {
    for (const name of names) process.off(name, listener);
  }
}
