/** Makes a backend of ours known to TensorFlow.js, with a kernel for everything that its `cpu` backend can do. */

import { BackendError } from "../../errors.ts";
import { tensorflow } from "../../tensor.ts";
import type { Kernel } from "./kernel.ts";
import type { Info, KernelBackend } from "./kernelBackend.ts";

export type KernelConfig = Parameters<typeof tensorflow.registerKernel>[0];
type KernelFunction = KernelConfig["kernelFunc"];
type TfjsBackend = ReturnType<Parameters<typeof tensorflow.registerBackend>[1]>;

/**
 * The backend under its name, with its kernels: ours, and those of `cpu` for everything else.
 * @param inherit makes a kernel of `cpu` one of this backend
 */
export function register(
  backend: KernelBackend & TfjsBackend,
  kernels: Readonly<Record<string, Kernel>>,
  inherit: (config: KernelConfig) => KernelFunction = ({ kernelFunc }) => kernelFunc,
): void {
  const backendName = backend.name;
  const inherited = new Map(tensorflow.getKernelsForBackend("cpu").map((config) => [config.kernelName, config]));
  for (const kernelName of new Set([...inherited.keys(), ...Object.keys(kernels)])) {
    const config = inherited.get(kernelName);
    const other = config && inherit(config);
    const kernelFunc = kernelOf(kernels[kernelName], kernelName, other, backend) ?? other;
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
  inherited: KernelFunction | undefined,
  backend: KernelBackend,
): KernelFunction | undefined {
  if (kernel === undefined) return undefined;
  return (call) =>
    kernel({
      inputs: call.inputs as Record<string, Info>,
      attrs: call.attrs ?? {},
      backend,
      inherited: () => {
        if (inherited === undefined) throw new BackendError(`${backend.name}: ${name} has no kernel for these inputs`);
        return inherited(call);
      },
    });
}
