/**
 * Kernels beside what bounds them, measured on the same device: bytes a second of a copy, and multiplications and additions
 * a second of a large matrix product.
 */

import { CudaBackend } from "../../src/backend/cuda/backend.ts";
import { tensorflow } from "../../src/tensor.ts";
import { median } from "../median.ts";

interface Measured {
  readonly milliseconds: number;
  /** GB/s that have to be read and written at least, or GFLOP/s. */
  readonly rate: number;
  readonly limit: "copy" | "matmul";
  readonly shareOfLimit: number;
}

const BATCH = 20;
const REPEATS = 5;

export function measureKernels(tiny: boolean): Record<string, unknown> {
  const backend = tensorflow.backend();
  if (!(backend instanceof CudaBackend)) throw new Error("expected the cuda backend to be in use");
  const { library } = backend;
  const blocks: number[] = [];
  /** Room for so many numbers, filled with small ones. */
  const numbers = (count: number): number => {
    const address = library.statistic("allocate", 4 * count);
    library.call("fill", address, count, 0.01);
    blocks.push(address);
    return address;
  };
  /** Milliseconds of one call: the median of several batches, each waited for once. */
  const time = (work: () => void): number => {
    const [batch, repeats] = tiny ? [1, 1] : [BATCH, REPEATS];
    work();
    library.call("synchronize");
    const times = Array.from({ length: repeats }, () => {
      const start = performance.now();
      for (let i = 0; i < batch; i++) work();
      library.call("synchronize");
      return (performance.now() - start) / batch;
    });
    return median(times);
  };

  const large = tiny ? 2 ** 10 : 2 ** 26;
  const N = tiny ? 16 : 4096;
  const [x, y] = [numbers(large), numbers(large)];
  const copyRate = (8 * large) / time(() => library.call("copy", x, y, 4 * large)) / 1e6;
  const product = (): void => library.call("matmul", x, y, 1, N, N, N, 0, 0, 0, 0, z);
  const z = numbers(N * N);
  const productRate = (2 * N ** 3) / time(product) / 1e6;
  library.call("set_precision", 1);
  const fastProductRate = (2 * N ** 3) / time(product) / 1e6;
  library.call("set_precision", 0);

  const measured = (milliseconds: number, work: number, limit: Measured["limit"]): Measured => {
    const rate = work / milliseconds / 1e6;
    return { milliseconds, rate, limit, shareOfLimit: rate / (limit === "copy" ? copyRate : productRate) };
  };

  const [R, D] = tiny ? [16, 32] : [16384, 768];
  const [rows, more] = [numbers(R * D), numbers(R * D)];
  const [scale, bias] = [numbers(D), numbers(D)];
  const out = numbers(R * D);
  const [B, H, S, K] = tiny ? [1, 2, 16, 8] : [16, 12, 1024, 64];
  const heads = Array.from({ length: 8 }, () => numbers(B * H * S * K)) as number[];
  const [q = 0, k = 0, v = 0, o = 0, dO = 0, dQ = 0, dK = 0, dV = 0] = heads;
  const logSumExp = numbers(B * H * S);
  const sizes = [B, H, H, S, S, K, 0, 0, 0] as const;
  // Causal: every position before, none after.
  const options = [1 / Math.sqrt(K), 0, 2 * S, 0] as const;
  // Two products forward, five backward, half of each above the diagonal.
  const products = (count: number): number => (count * 2 * B * H * S * S * K) / 2;
  const results = {
    copyGBs: copyRate,
    matmulGFLOPs: productRate,
    matmulHighGFLOPs: fastProductRate,
    layerNorm: measured(
      time(() => library.call("layer_norm", rows, scale, bias, R, D, 1e-5, out)),
      8 * R * D,
      "copy",
    ),
    layerNormBackward: measured(
      time(() => library.call("layer_norm_backward", more, rows, scale, R, D, 1e-5, 1, R * D, out)),
      12 * R * D,
      "copy",
    ),
    attention: measured(
      time(() => library.call("attention", q, k, v, 0, 0, ...sizes, ...options, o, logSumExp)),
      products(2),
      "matmul",
    ),
    attentionBackward: measured(
      time(() =>
        library.call("attention_backward", dO, q, k, v, 0, 0, logSumExp, ...sizes, ...options, 1, dQ, dK, dV, 0),
      ),
      products(5),
      "matmul",
    ),
  };
  for (const address of blocks) library.call("free", address);
  return results;
}
