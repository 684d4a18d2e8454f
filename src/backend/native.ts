/**
 * native: our own C++ kernels (kernels/cpu), in Node, on every core of the CPU.
 *
 * Everything is float32. Each number is summed by one thread in one order, so results are the same bits for any number of
 * threads and from run to run; they may differ in the last bits between machines with and without AVX2 and AVX-512.
 * Tensors that `repeat` makes are computed once for all their copies.
 */

import { BackendError } from "../errors.ts";
import { INTERFACE_VERSION } from "../platform/kernelLibrary.ts";
import { openKernels } from "../platform/nodeKernels.ts";
import { tensorflow } from "../tensor.ts";
import { instantiate, type Startable } from "./definition.ts";
import { nativeKernels } from "./kernels/table.ts";
import { type Info, NativeBackend } from "./native/backend.ts";

const instructionSets: Readonly<Record<string, string>> = {
  avx512: "AVX-512",
  avx2: "AVX2",
  portable: "any processor",
};

export const native: Startable = {
  start: async () => {
    if (tensorflow.findBackendFactory("native") === null) {
      const library = await openKernels(INTERFACE_VERSION);
      register(new NativeBackend(library));
    }
    const backend = await instantiate("native", "run npm run build:kernels");
    if (!(backend instanceof NativeBackend)) throw new BackendError("expected our native backend, found another one");
    const { instructionSet } = backend.library;
    const threads = backend.library.read("threads");
    const compiledFor = instructionSets[instructionSet] ?? instructionSet;
    return `our C++ kernels for ${compiledFor}, ${threads === 1 ? "one thread" : `${threads} threads`}`;
  },
};

type Config = Parameters<typeof tensorflow.registerKernel>[0];

/** The backend under its name, with its kernels: ours, and those of `cpu` for everything else. */
function register(backend: NativeBackend): void {
  const inherited = new Map(tensorflow.getKernelsForBackend("cpu").map((config) => [config.kernelName, config]));
  for (const name of new Set([...inherited.keys(), ...Object.keys(nativeKernels)])) {
    const config = inherited.get(name);
    const kernelFunc = kernelOf(name, config, backend) ?? config?.kernelFunc;
    if (kernelFunc !== undefined) {
      tensorflow.registerKernel({ ...config, kernelName: name, backendName: "native", kernelFunc });
    }
  }
  tensorflow.registerBackend("native", () => backend);
}

/** Our kernel as TensorFlow.js calls it; undefined where there is none. */
function kernelOf(name: string, config: Config | undefined, backend: NativeBackend): Config["kernelFunc"] | undefined {
  const kernel = nativeKernels[name];
  if (kernel === undefined) return undefined;
  return (call) =>
    kernel({
      inputs: call.inputs as Record<string, Info>,
      attrs: call.attrs ?? {},
      backend,
      inherited: (inputs) => {
        if (config === undefined) throw new BackendError(`native: ${name} has no kernel for these inputs`);
        return config.kernelFunc({ ...call, inputs: { ...(inputs ?? call.inputs) } });
      },
    });
}
