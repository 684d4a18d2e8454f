/** All backends by name, the fastest first. A backend to come is an entry whose reason shrinks to nothing. */

import { cpu } from "./cpu.ts";
import type { Missing, Startable } from "./definition.ts";
import { native } from "./native.ts";
import { tensorflow } from "./tensorflow.ts";
import { wasm } from "./wasm.ts";

export const backends = {
  cuda: { missing: "its kernels are not part of this build; use tensorflow with @tensorflow/tfjs-node-gpu, or wasm" },
  native,
  tensorflow,
  wasm,
  cpu,
} as const satisfies Record<string, Startable | Missing>;

export type BackendName = keyof typeof backends;

export const backendNames = Object.keys(backends) as BackendName[];
