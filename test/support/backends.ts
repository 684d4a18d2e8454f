/**
 * One suite, all backends: a suite runs once on each backend that is present; the others are skipped with a reason.
 *
 * Suites of small tensors run on `cuda` also where there is no GPU: the same kernels, compiled for an emulated device
 * (kernels/test/cudaShim). Their titles say "cuda (emulated)".
 */

import { beforeAll, describe, inject, it } from "vitest";
import { type BackendName, listBackends, useBackend } from "../../src/backend/backend.ts";

const statuses = await listBackends();

export const presentBackends: readonly BackendName[] = statuses.filter((s) => s.available).map((s) => s.name);

export interface SuiteOptions {
  /** Whether the suite runs on the emulated device where there is no real one. */
  readonly emulated?: boolean;
  /** The backends that it is for; all by default. */
  readonly only?: readonly BackendName[];
}

export function describeOnBackends(
  title: string,
  suite: (backend: BackendName) => void,
  { emulated = false, only }: SuiteOptions = {},
): void {
  for (const status of statuses.filter(({ name }) => only?.includes(name) ?? true)) {
    if (status.available) describeOn(`${title}, on ${status.name}`, status.name, suite);
    else if (emulated && status.name === "cuda") describeEmulated(title, suite);
    else it.skip(`${title}, on ${status.name}: ${status.reason}`, () => {});
  }
}

function describeOn(title: string, backend: BackendName, suite: (backend: BackendName) => void): void {
  describe(title, () => {
    beforeAll(async () => {
      await useBackend(backend);
    });
    suite(backend);
  });
}

function describeEmulated(title: string, suite: (backend: BackendName) => void): void {
  if (inject("emulatedCuda") === null) {
    it.skip(`${title}, on cuda (emulated): no C++ compiler to build the emulated device with`, () => {});
    return;
  }
  describe(`${title}, on cuda (emulated)`, () => {
    beforeAll(useEmulatedCuda);
    suite("cuda");
  });
}

/** Makes the emulated device the one of this process. The library is named for as long as that takes, and to nobody else. */
export async function useEmulatedCuda(): Promise<void> {
  if (!inject("alone"))
    throw new Error(
      "expected a file of `alone` in vitest.config.ts: the next files would find a device, too; add this one",
    );
  process.env.INSEQ_CUDA_LIBRARY = inject("emulatedCuda") ?? "";
  try {
    await useBackend("cuda");
  } finally {
    delete process.env.INSEQ_CUDA_LIBRARY;
  }
}
