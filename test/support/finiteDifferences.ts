/** The few operations that a test needs to move an input a little and look at one logit. */

export { select } from "../../src/ops/select.ts";
export { add, mul, reshape, scalar, tensor, tidy } from "../../src/tensor.ts";
