/**
 * tensorflow: the TensorFlow C library through `@tensorflow/tfjs-node-gpu` or `@tensorflow/tfjs-node`, in Node, when one
 * of them is installed.
 *
 * Everything is float32. On recent GPUs TensorFlow would by default round the factors of matrix products to 10 bits of
 * mantissa (TensorFloat-32); `src/platform/nodeBackends.ts` switches that off, since it costs three decimal digits.
 */

import { loadTensorflow } from "../platform/nodeBackends.ts";
import { instantiate, type Startable } from "./definition.ts";

export const tensorflow: Startable = {
  precisions: ["float32"],
  start: async () => {
    const name = await loadTensorflow();
    const backend = await instantiate("tensorflow", `build ${name}'s binding anew: npm run setup:tensorflow -- --pip`);
    const onGpu = "isUsingGpuDevice" in backend && backend.isUsingGpuDevice === true;
    return `TensorFlow through ${name}, on ${onGpu ? "a GPU" : "the CPU"}`;
  },
};
