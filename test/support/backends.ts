/** One suite, all backends: a suite runs once on each backend that is present; the others are skipped with a reason. */

import { beforeAll, describe, it } from "vitest";
import { type BackendName, listBackends, useBackend } from "../../src/backend/backend.ts";

const statuses = await listBackends();

export const presentBackends: readonly BackendName[] = statuses.filter((s) => s.available).map((s) => s.name);

export function describeOnBackends(title: string, suite: (backend: BackendName) => void): void {
  for (const status of statuses) {
    if (!status.available) {
      it.skip(`${title}, on ${status.name}: ${status.reason}`, () => {});
      continue;
    }
    describe(`${title}, on ${status.name}`, () => {
      beforeAll(async () => {
        await useBackend(status.name);
      });
      suite(status.name);
    });
  }
}
