/**
 * cuda: our CUDA kernels (kernels/cuda) on one NVIDIA GPU, in Node.
 *
 * Everything is float32, sums included, and no sum is left to chance: the same GPU gives the same bits from run to run.
 * With `precision: "high"` matrix products are multiplied in TF32 (10 bits of mantissa), with `bfloat16` (7 bits) the weights of
 * linear layers are also kept in it, in half the memory; sums and all other operations are float32.
 */

import { BackendError } from "../errors.ts";
import { INTERFACE_VERSION } from "../platform/kernelLibrary.ts";
import { openDeviceKernels } from "../platform/nodeKernels.ts";
import { tensorflow } from "../tensor.ts";
import { CudaBackend } from "./cuda/backend.ts";
import { throughHost } from "./cuda/hostKernels.ts";
import { type BackendOptions, instantiate, type Startable } from "./definition.ts";
import { register } from "./kernels/register.ts";
import { kernels } from "./kernels/table.ts";

/** Positions that fill a large GPU: matrix products of so many rows reach the speed of larger ones. */
const POSITIONS_FOR_FULL_SPEED = 16384;

const productsIn = { float32: "", high: ", TF32 products", bfloat16: ", bfloat16 products" } as const;

export const cuda: Startable = {
  precisions: ["float32", "high", "bfloat16"],
  start: async ({ precision, device = 0 }: BackendOptions) => {
    if (tensorflow.findBackendFactory("cuda") === null) {
      const library = await openDeviceKernels(INTERFACE_VERSION, device);
      const backend = new CudaBackend(library);
      const scoped = Object.entries(kernels).map(([name, kernel]) => [name, backend.scoped(kernel)] as const);
      register(backend, Object.fromEntries(scoped), (config) => throughHost(config, backend));
    }
    await instantiate("cuda", "use native");
    const backend = running();
    const { library } = backend;
    if (precision !== undefined) backend.setPrecision(precision);
    const capability = library.read("compute_capability");
    const products = `${library.text("matmul_library")}${precision === undefined ? "" : productsIn[precision]}`;
    const emulated = library.instructionSet === "cuda" ? "" : " (emulated)";
    return (
      `our CUDA kernels${emulated} on ${library.text("device_name")} ` +
      `(compute capability ${Math.floor(capability / 10)}.${capability % 10}), ${products}`
    );
  },
  precisionInUse: () => running().precision,
  passes: () => {
    const backend = running();
    // The other half is for what the estimate leaves out, and for the allocator's gaps.
    return { memoryBudget: backend.freeBytes() / 2, positions: POSITIONS_FOR_FULL_SPEED };
  },
};

function running(): CudaBackend {
  const backend = tensorflow.findBackend("cuda");
  if (!(backend instanceof CudaBackend)) throw new BackendError("expected our cuda backend, found another one");
  return backend;
}
