/**
 * cpu: the plain JavaScript backend of TensorFlow.js, which is always there.
 *
 * Tensors are float32; sums inside a kernel run in double precision and are rounded once, so it is the most exact
 * backend, and by far the slowest.
 */

import { instantiate, type Startable } from "./definition.ts";

export const cpu: Startable = {
  precisions: ["float32"],
  start: async () => {
    const backend = await instantiate("cpu", "import @tensorflow/tfjs in a version that contains it");
    // Its first tensor in Node prints an advertisement for tfjs-node. This is the instance's own switch for that.
    if ("firstUse" in backend) backend.firstUse = false;
    return "plain JavaScript, one thread";
  },
};
