/** By whom code was called, across everything that it waits for: what JavaScript's proposed `AsyncContext` is for. */

export interface Callers {
  /** Calls `work`; it, and all that it calls, is marked until it is done. */
  call<Result>(mark: object, work: () => Promise<Result>): Promise<Result>;
  /** The innermost mark of what runs now; undefined where there is none, or nobody can tell. */
  mark(): object | undefined;
}
