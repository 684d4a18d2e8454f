/** Makes a backend of ours known to TensorFlow.js, with a kernel for everything that its `cpu` backend can do. */

import { BackendError } from "../../errors.ts";
import { tensorflow } from "../../tensor.ts";
import type { Kernel } from "./kernel.ts";
import type { Info, KernelBackend } from "./kernelBackend.ts";

type Config = Parameters<typeof tensorflow.registerKernel>[0];
type TfjsBackend = ReturnType<Parameters<typeof tensorflow.registerBackend>[1]>;

/** The backend under its name, with its kernels: ours, and those of `cpu` for everything else. */
export function register(backend: KernelBackend & TfjsBackend, kernels: Readonly<Record<string, Kernel>>): void {
  const backendName = backend.name;
  const inherited = new Map(tensorflow.getKernelsForBackend("cpu").map((config) => [config.kernelName, config]));
  for (const kernelName of new Set([...inherited.keys(), ...Object.keys(kernels)])) {
    const config = inherited.get(kernelName);
    const kernelFunc = kernelOf(kernels[kernelName], kernelName, config, backend) ?? config?.kernelFunc;
    if (kernelFunc !== undefined) {
      tensorflow.registerKernel({ ...config, kernelName, backendName, kernelFunc });
    }
  }
  tensorflow.registerBackend(backendName, () => backend);
}

/** Our kernel as TensorFlow.js calls it; undefined where there is none. */
function kernelOf(
  kernel: Kernel | undefined,
  name: string,
  config: Config | undefined,
  backend: KernelBackend,
): Config["kernelFunc"] | undefined {
  if (kernel === undefined) return undefined;
  return (call) =>
    kernel({
      inputs: call.inputs as Record<string, Info>,
      attrs: call.attrs ?? {},
      backend,
      inherited: () => {
        if (config === undefined) throw new BackendError(`${backend.name}: ${name} has no kernel for these inputs`);
        return config.kernelFunc(call);
      },
    });
}
