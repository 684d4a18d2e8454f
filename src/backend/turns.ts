/**
 * Turns: what computes waits for what began before it.
 *
 * TensorFlow.js has one backend in use, which multiplies in one precision, and one count of bytes, for the whole program. A
 * call that lets others work while it waits for numbers could go on where they have chosen to compute, and would report their
 * memory and time as its own. JavaScript computes one thing at a time, so calls one after another lose nothing.
 */

import { BackendError } from "../errors.ts";
import { createCallers } from "../platform/nodeCallers.ts";
import { tensorflow } from "../tensor.ts";

/** Milliseconds without a turn after which nobody is expected to need the same memory again. */
const REST_AFTER = 1000;

/** A backend that keeps memory for the next call. */
interface Resting {
  rest(): void;
}

/** By engine, when all that has asked for a turn will be done. */
const lasts = new WeakMap<object, Promise<unknown>>();

/** Turns that are not over. */
const running = new WeakSet<object>();
const callers = createCallers();

/**
 * Does the work when all that came before is done.
 * @throws BackendError for work inside another turn, which would wait for it as it for this: in Node. In a browser, which cannot
 *   tell by whom a function was called, both wait for ever
 */
export async function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
  const engine = tensorflow.engine();
  const outer = callers.mark();
  if (outer !== undefined && running.has(outer)) {
    throw new BackendError(
      "expected a call of its own, received one from inside another (inTurn, onProgress), whose end it would wait for; " +
        "make it when that one is done",
    );
  }
  const turn = {};
  const marked = async (): Promise<Result> => {
    running.add(turn);
    try {
      return await callers.call(turn, work);
    } finally {
      running.delete(turn);
    }
  };
  const done = (lasts.get(engine) ?? Promise.resolve()).then(marked);
  const over = () => {
    if (lasts.get(engine) === last) restSoon(engine, last);
  };
  const last: Promise<unknown> = done.then(over, over);
  lasts.set(engine, last);
  return await done;
}

/** Lets the backend in use give up memory that it keeps for the next call, if none comes soon. */
function restSoon(engine: ReturnType<typeof tensorflow.engine>, last: Promise<unknown>): void {
  const timer: unknown = setTimeout(() => {
    if (lasts.get(engine) === last && "rest" in engine.backend) (engine.backend as Resting).rest();
  }, REST_AFTER);
  // Node ends without waiting for it; a browser's timers are numbers.
  if (typeof timer === "object") (timer as { unref(): void }).unref();
}
