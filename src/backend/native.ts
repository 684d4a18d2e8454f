/**
 * native: our own C++ kernels (kernels/cpu), in Node, on every core of the CPU.
 *
 * Everything is float32, unless `precision: "high"` asks for linear layers whose factors are rounded to bfloat16 (7 bits of
 * mantissa) where the processor multiplies those (AMX, or AVX512-BF16 on AMD); sums stay float32. Each number is summed by one
 * thread in one order, so results are the same bits for any number of threads and from run to run. They may differ in the last
 * bits between machines with and without AVX2, AVX-512 and AMX, and with AMX between passes of few and of many rows, whose
 * linear layers are multiplied in other steps (kernels/cpu/tiles.h).
 * Tensors that `repeat` makes are computed once for all their copies.
 */

import { BackendError } from "../errors.ts";
import { INTERFACE_VERSION } from "../platform/kernelLibrary.ts";
import { openKernels } from "../platform/nodeKernels.ts";
import { tensorflow } from "../tensor.ts";
import { type BackendOptions, instantiate, type Precision, type Startable } from "./definition.ts";
import { precisionCodes } from "./kernels/precision.ts";
import { register } from "./kernels/register.ts";
import { kernels } from "./kernels/table.ts";
import { NativeBackend } from "./native/backend.ts";

const instructionSets: Readonly<Record<string, string>> = {
  avx512: "AVX-512",
  avx2: "AVX2",
  portable: "any processor",
};

export const native: Startable = {
  precisions: ["float32", "high"],
  start: async ({ precision }: BackendOptions) => {
    if (tensorflow.findBackendFactory("native") === null) {
      const library = await openKernels(INTERFACE_VERSION);
      register(new NativeBackend(library), kernels);
    }
    await instantiate("native", "run npm rebuild inseq-tfjs, in a clone npm run build:kernels");
    const { library } = running();
    if (precision !== undefined) library.call("set_precision", precisionCodes[precision]);
    const { instructionSet } = library;
    const threads = library.read("threads");
    const compiledFor = instructionSets[instructionSet] ?? instructionSet;
    const asked = precision === "high" ? `, ${precisionInUse() === "high" ? "bfloat16" : "float32"} products` : "";
    return `our C++ kernels for ${compiledFor}, ${threads === 1 ? "one thread" : `${threads} threads`}${asked}`;
  },
  precisionInUse,
};

function running(): NativeBackend {
  const backend = tensorflow.findBackend("native");
  if (!(backend instanceof NativeBackend)) throw new BackendError("expected our native backend, found another one");
  return backend;
}

function precisionInUse(): Precision {
  return running().library.read("precision") === precisionCodes.high ? "high" : "float32";
}
