/** All backends by name, the fastest first. */

import { cpu } from "./cpu.ts";
import { cuda } from "./cuda.ts";
import type { Startable } from "./definition.ts";
import { native } from "./native.ts";
import { tensorflow } from "./tensorflow.ts";
import { wasm } from "./wasm.ts";

export const backends = {
  cuda,
  native,
  tensorflow,
  wasm,
  cpu,
} as const satisfies Record<string, Startable>;

/** The name of a backend. */
export type BackendName = keyof typeof backends;

export const backendNames = Object.keys(backends) as BackendName[];
