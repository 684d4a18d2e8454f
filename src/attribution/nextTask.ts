/** Letting others have their turn between passes. */

/** Lets timers, signals and a page's events have theirs. */
export const nextTask = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
