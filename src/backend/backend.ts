/**
 * Choosing where to compute.
 *
 * TensorFlow.js has one backend in use at a time, for the whole program; `useBackend` makes it the named one, when calls that
 * compute are done. Tensors made on another backend move over when they are next used.
 */

import { BackendError } from "../errors.ts";
import { knownName, rejectUnknownOptions } from "../names.ts";
import { memory, setBackend, tensorflow } from "../tensor.ts";
import { type BackendOptions, type PassSize, type Precision, precisions, type Startable } from "./definition.ts";
import { type BackendName, backendNames, backends } from "./registry.ts";
import { inTurn } from "./turns.ts";

export type { BackendName };

/** The backend that is in use. */
export interface BackendInUse {
  readonly name: BackendName;
  /** What it is, in words: "WebAssembly with SIMD, one thread". */
  readonly description: string;
  /** How it multiplies: `float32` where `high` was asked for and the device has nothing faster. */
  readonly precision: Precision;
  /** How large its passes should be; undefined for those that compute on a CPU. */
  readonly passes: PassSize | undefined;
  /** Where `auto` was asked for: the faster backends, and why each was not taken. Empty otherwise. */
  readonly passedOver: readonly UnavailableBackend[];
}

/** A backend that cannot be used here, and why. */
export interface UnavailableBackend {
  readonly name: BackendName;
  readonly available: false;
  /** Why, and how to get it. */
  readonly reason: string;
}

/** A backend that can be used here. */
export interface AvailableBackend {
  readonly name: BackendName;
  readonly available: true;
  readonly description: string;
}

/**
 * Starts a backend if need be and computes on it from now on.
 * @param name `auto` takes the fastest one present: cuda, native, tensorflow, wasm, cpu.
 * @throws BackendError when it is absent, saying how to get it
 * @throws OptionError when there is no backend of that name
 */
export async function useBackend(
  name: BackendName | "auto" = "auto",
  options: BackendOptions = {},
): Promise<BackendInUse> {
  knownName("precision", options.precision ?? "float32", precisions);
  rejectUnknownOptions("useBackend", options, ["wasmPaths", "precision", "device"]);
  const asked = knownName("backend", name, ["auto", ...backendNames]);
  return await inTurn(() => (asked === "auto" ? useFastest(options) : useNamed(asked, options)));
}

/**
 * Does work that uses a backend that runs, on that backend, while nothing else computes.
 * @throws the signal's reason when it is aborted before its turn
 */
export async function onBackend<Result>(
  { name, precision }: BackendInUse,
  work: (backend: BackendInUse) => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  return await inTurn(async () => {
    signal?.throwIfAborted();
    return await work(await useNamed(name, { precision }));
  });
}

async function useNamed(asked: BackendName, options: BackendOptions): Promise<BackendInUse> {
  const description = await start(asked, options);
  await setBackend(asked);
  return inUse(asked, description, options, []);
}

/** Every backend, the fastest first, with what it is or why it is not there. The backend in use stays the same. */
export async function listBackends(
  options: BackendOptions = {},
): Promise<readonly (AvailableBackend | UnavailableBackend)[]> {
  return await inTurn(async () => {
    const before = tensorflow.engine().backendName;
    const statuses: (AvailableBackend | UnavailableBackend)[] = [];
    for (const name of backendNames) statuses.push(await probe(name, options));
    // Starting a backend makes it the one in use.
    if (before) await setBackend(before);
    return statuses;
  });
}

async function useFastest(options: BackendOptions): Promise<BackendInUse> {
  const passedOver: UnavailableBackend[] = [];
  for (const name of backendNames) {
    const status = await probe(name, options);
    if (status.available) {
      await setBackend(name);
      return inUse(name, status.description, options, passedOver);
    }
    passedOver.push(status);
  }
  const reasons = passedOver.map(({ reason }) => reason).join("; ");
  throw new BackendError(`expected at least one backend to be present (${reasons})`);
}

function inUse(
  name: BackendName,
  description: string,
  { precision = "float32" }: BackendOptions,
  passedOver: readonly UnavailableBackend[],
): BackendInUse {
  const { passes, precisionInUse }: Startable = backends[name];
  return { name, description, precision: precisionInUse?.() ?? precision, passes: passes?.(), passedOver };
}

/** How often which operation has gone through the host, because the device in use lacks it. */
export function throughHost(): Readonly<Record<string, number>> {
  return memory().fallbacks ?? {};
}

async function probe(name: BackendName, options: BackendOptions): Promise<AvailableBackend | UnavailableBackend> {
  try {
    return { name, available: true, description: await start(name, options) };
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    return { name, available: false, reason: error.message };
  }
}

async function start(name: BackendName, options: BackendOptions): Promise<string> {
  const { precisions, start } = backends[name];
  const { precision = "float32", device } = options;
  if (!precisions.includes(precision)) {
    throw new BackendError(`the ${name} backend computes in ${precisions.join(" or ")}, not in ${precision} precision`);
  }
  if (device !== undefined && name !== "cuda") {
    throw new BackendError(`the ${name} backend has no device to choose, but device ${device} was asked for`);
  }
  return await start(options);
}
