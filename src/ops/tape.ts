/**
 * The tape of a computation: its operations in order, each with what went in and came out, and its gradient.
 *
 * TensorFlow.js records one for every gradient. Here it is kept for those who go over it in other ways: by rules other than
 * the chain rule (`multipliers.ts`), or forwards (`jvp.ts`).
 */

import { dispose, type Tensor, tensorflow } from "../tensor.ts";

export interface Entry {
  /** Name of the kernel; of operations with a gradient of their own the name of the operation. */
  readonly kernelName: string;
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly outputs: readonly Tensor[];
  /** What its gradient needs, in the order in which the operation names it. */
  readonly saved: readonly Tensor[];
  /** The attributes of its kernel. */
  readonly attributes: object;
  /** Gradients at the inputs, contracted with cotangents of the outputs (null where there is none), made when called. */
  readonly gradient: ((dys: readonly (Tensor | null)[]) => Readonly<Record<string, () => Tensor>>) | undefined;
}

/** What is used of TensorFlow.js's engine: its own `gradients` does the same. */
interface Recorder {
  startTape(): void;
  endTape(): void;
  addTapeNode: AddTapeNode;
  saveTensorsForBackwardMode(tensors: readonly Tensor[]): Tensor[];
  /** It records while somebody differentiates and no kernel runs. */
  readonly state: { activeTape: RecordedEntry[] | null; gradientDepth: number; kernelDepth: number };
}

/** Puts an entry on the tape. Its attributes, the sixth argument, are known to its gradient only. */
type AddTapeNode = (...entry: unknown[]) => void;
const ATTRIBUTES = 5;

interface RecordedEntry {
  readonly kernelName: string;
  readonly inputs: Record<string, Tensor>;
  readonly outputs: Tensor[];
  readonly saved?: Tensor[];
  readonly gradient?: Entry["gradient"];
}

/** Whether somebody goes over what is computed now once more: for its gradient, its multipliers or its tangents. */
export const isRecording = (): boolean => recorderInUse().state.gradientDepth > 0;

/**
 * Runs a kernel that does what several operations of the tape do, without an entry of its own: whoever calls it notes each of
 * them (`noteEntry`), so that gradients, multipliers and tangents go through them one by one.
 */
export function withoutEntries<Result>(run: () => Result): Result {
  const { state } = recorderInUse();
  state.kernelDepth++;
  try {
    return run();
  } finally {
    state.kernelDepth--;
  }
}

/** Puts an operation on the tape that has been computed already, if there is one. Its gradient is the registered one. */
export function noteEntry(
  kernelName: string,
  inputs: Readonly<Record<string, Tensor>>,
  outputs: readonly Tensor[],
  saved: readonly Tensor[],
  attributes: object,
): void {
  const recorder = recorderInUse();
  const { gradientDepth, kernelDepth } = recorder.state;
  if (gradientDepth === 0 || kernelDepth > 0) return;
  const registered = null;
  recorder.addTapeNode(kernelName, inputs, outputs, registered, recorder.saveTensorsForBackwardMode(saved), attributes);
}

function recorderInUse(): Recorder {
  const recorder: object = tensorflow.engine();
  return recorder as Recorder;
}

/**
 * Runs a function and says what it did. Tensors that it makes live as long as the caller's `tidy`.
 * @returns the result, the entries, and how to let go of what they saved
 */
export function record(f: () => Tensor): { y: Tensor; entries: readonly Entry[]; release: () => void } {
  const recorder = recorderInUse();
  const { state } = recorder;
  const before = state.gradientDepth > 0 ? (state.activeTape?.length ?? 0) : 0;
  const taken = (): RecordedEntry[] => {
    const tape = (state.activeTape ?? []).slice(before);
    if (state.gradientDepth === 0) state.activeTape = null;
    return tape;
  };
  const release = (tape: readonly RecordedEntry[]) => dispose(tape.flatMap(({ saved }) => saved ?? []));
  const { attributes, stop } = start(recorder);
  let y: Tensor;
  try {
    y = f();
  } catch (error) {
    stop();
    release(taken());
    throw error;
  }
  stop();
  const tape = taken();
  const entries = tape.map((entry): Entry => {
    const { kernelName, inputs, outputs, saved = [], gradient } = entry;
    return { kernelName, inputs, outputs, saved, gradient, attributes: attributes.get(entry) ?? {} };
  });
  return { y, entries, release: () => release(tape) };
}

/** Starts the tape, beside which the attributes of its entries are noted until it stops. */
function start(recorder: Recorder): { attributes: ReadonlyMap<RecordedEntry, object>; stop: () => void } {
  const attributes = new Map<RecordedEntry, object>();
  const { addTapeNode } = recorder;
  recorder.addTapeNode = (...entry) => {
    addTapeNode.apply(recorder, entry);
    const added = recorder.state.activeTape?.at(-1);
    const given = entry[ATTRIBUTES];
    if (added !== undefined && typeof given === "object" && given !== null) attributes.set(added, given);
  };
  recorder.startTape();
  const stop = (): void => {
    recorder.endTape();
    recorder.addTapeNode = addTapeNode;
  };
  return { attributes, stop };
}
