/**
 * JavaScript's part of one forward and backward pass of GPT-2 small, on a library whose functions do nothing:
 *
 *   npx tsx bench/seam.ts
 *
 * What is timed is all that TensorFlow.js, our kernels' TypeScript and the bookkeeping of memory do; not the kernels, and not
 * koffi, which takes about 0.1 µs a call. One row is a pass over a prompt of 17 tokens for one step; 33 rows one over 49 tokens
 * for 33 steps, for which `native` also makes the arrays of results.
 */

import { randomModel } from "../models/load.ts";
import { CudaBackend } from "../src/backend/cuda/backend.ts";
import { throughHost } from "../src/backend/cuda/hostKernels.ts";
import { register } from "../src/backend/kernels/register.ts";
import { kernels } from "../src/backend/kernels/table.ts";
import { NativeBackend } from "../src/backend/native/backend.ts";
import type { Model } from "../src/model/model.ts";
import { valueAndGrads } from "../src/ops/gradients.ts";
import { repeat } from "../src/ops/repeat.ts";
import { select } from "../src/ops/select.ts";
import type { KernelLibrary } from "../src/platform/kernelLibrary.ts";
import { dispose, int32, logSoftmax, setBackend, sum, tidy } from "../src/tensor.ts";
import { median } from "./median.ts";

const RUNS = 40;
const WARM_UP = 15;
const counted = { calls: 0 };

/** Handles and addresses are any number but 0. */
const nullLibrary: KernelLibrary = {
  instructionSet: "none",
  read: () => 0,
  text: () => "none",
  statistic: () => {
    counted.calls++;
    return 4096;
  },
  call: (_name, ...args) => {
    counted.calls++;
    const handle = args.at(-1);
    if (Array.isArray(handle)) handle[0] = 4096;
  },
};

function pass(model: Extract<Model, { kind: "decoder-only" }>, tokens: number, steps: number): void {
  tidy(() => {
    const ids = int32(
      Array.from({ length: tokens }, (_, i) => i),
      [1, tokens],
    );
    const positions = Array.from({ length: steps }, (_, i) => tokens - steps + i);
    const score = (...[x]: Parameters<typeof repeat>[0][]): ReturnType<typeof sum> => {
      if (x === undefined) throw new Error("expected an input");
      const logits_RV = model.forward({ embeddings_BTD: x, targets_B: int32(positions) });
      return sum(select(logSoftmax(logits_RV), int32(positions)));
    };
    const { value, grads } = valueAndGrads(score, [repeat(model.embed(ids), steps)], () => {});
    dispose([value, ...grads]);
  });
}

async function measure(name: string, tokens: number, steps: number): Promise<void> {
  await setBackend(name);
  const model = randomModel(
    { model_type: "gpt2", vocab_size: 50257, n_embd: 768, n_layer: 12, n_head: 12, n_positions: 1024 },
    1,
  );
  if (model.kind !== "decoder-only") throw new Error("expected a decoder");
  for (let i = 0; i < WARM_UP; i++) pass(model, tokens, steps);
  const before = process.cpuUsage();
  const times = Array.from({ length: RUNS }, () => {
    counted.calls = 0;
    const start = performance.now();
    pass(model, tokens, steps);
    return performance.now() - start;
  });
  const { user, system } = process.cpuUsage(before);
  const text = (milliseconds: number): string => milliseconds.toFixed(1);
  console.log(
    `${name}, ${steps} rows of ${tokens} tokens: median ${text(median(times))} ms, ` +
      `least ${text(Math.min(...times))} ms, ` +
      `${text((user + system) / 1000 / RUNS)} ms of CPU time with garbage collection, ${counted.calls} calls of C`,
  );
  model.dispose();
}

register(new NativeBackend(nullLibrary), kernels);
const cuda = new CudaBackend(nullLibrary);
const scoped = Object.entries(kernels).map(([name, kernel]) => [name, cuda.scoped(kernel)] as const);
register(cuda, Object.fromEntries(scoped), (config) => throughHost(config, cuda));
for (const name of ["cuda", "native"]) {
  await measure(name, 17, 1);
  await measure(name, 49, 33);
}
