/**
 * Turns: what computes waits for what began before it.
 *
 * TensorFlow.js has one backend in use, which multiplies in one precision, and one count of bytes, for the whole program. A
 * call that lets others work while it waits for numbers could go on where they have chosen to compute, and would report their
 * memory and time as its own. JavaScript computes one thing at a time, so calls one after another lose nothing.
 */

import { tensorflow } from "../tensor.ts";

/** By engine, when all that has asked for a turn will be done. */
const lasts = new WeakMap<object, Promise<unknown>>();

/** Does the work when all that came before is done. Work that waits for a turn of its own would wait for ever. */
export async function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
  const engine = tensorflow.engine();
  const done = (lasts.get(engine) ?? Promise.resolve()).then(work);
  const whatever = () => {};
  lasts.set(engine, done.then(whatever, whatever));
  return await done;
}
