/** Inseq's `--device` in terms of backends. */

import { type BackendName, backendNames } from "../backend/registry.ts";
import { OptionError } from "../errors.ts";
import { knownName } from "../names.ts";

export interface Place {
  readonly backend: BackendName | "auto";
  /** What CUDA_VISIBLE_DEVICES has to be for that; null leaves it as it is. */
  readonly visibleGpus: string | null;
}

/**
 * Where to compute. `cuda` and `cuda:n` mean the backend of that name, on the n-th GPU; `cpu` means the fastest backend
 * when no GPU is visible.
 * @param visibleGpus CUDA_VISIBLE_DEVICES, which `cuda:n` counts in, as PyTorch does
 * @throws OptionError for an unknown device or backend, and for two that contradict each other
 */
export function placeOf(
  device: string | undefined,
  backend: string | undefined,
  visibleGpus: string | undefined,
): Place {
  const asked = backend === undefined ? undefined : knownName("backend", backend, ["auto", ...backendNames]);
  if (device === undefined) return { backend: asked ?? "auto", visibleGpus: null };
  const [, kind, index] = /^(cpu|cuda)(?::(\d+))?$/.exec(device) ?? [];
  if (kind === undefined || (kind === "cpu" && index !== undefined)) {
    throw new OptionError(
      `--device: expected cpu, cuda or cuda:n, received "${device}"; --backend names the other places`,
    );
  }
  const contradicts = kind === "cuda" ? asked !== undefined && asked !== "auto" && asked !== "cuda" : asked === "cuda";
  if (contradicts) {
    throw new OptionError(`--device ${device} and --backend ${asked} contradict each other; leave one of them out`);
  }
  if (kind === "cpu") return { backend: asked ?? "auto", visibleGpus: "-1" };
  if (index === undefined) return { backend: "cuda", visibleGpus: null };
  const gpu = visibleGpus === undefined ? index : visibleGpus.split(",")[Number(index)];
  if (gpu !== undefined) return { backend: "cuda", visibleGpus: gpu };
  throw new OptionError(
    `--device ${device}: expected one of the GPUs in CUDA_VISIBLE_DEVICES (${visibleGpus}), counted from 0`,
  );
}

/**
 * The backend that is asked for, once the GPU that is asked for is the only one that this process sees: for a command to call once,
 * because `cuda:n` counts those that are visible.
 * @throws OptionError as `placeOf`
 */
export function takePlace(asked: {
  readonly device: string | undefined;
  readonly backend: string | undefined;
}): Place["backend"] {
  const { backend, visibleGpus } = placeOf(asked.device, asked.backend, process.env.CUDA_VISIBLE_DEVICES);
  if (visibleGpus !== null) process.env.CUDA_VISIBLE_DEVICES = visibleGpus;
  return backend;
}
