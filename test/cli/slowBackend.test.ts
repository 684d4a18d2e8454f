import { expect, test } from "vitest";
import type { BackendInUse } from "../../src/backend/backend.ts";
import { slowBackendNotice } from "../../src/cli/slowBackend.ts";

const absent = { name: "native", available: false, reason: "its kernels are not compiled" } as const;
const noGpu = { name: "cuda", available: false, reason: "no driver" } as const;

function inUse(name: BackendInUse["name"], passedOver: BackendInUse["passedOver"]): BackendInUse {
  return { name, description: name, precision: "float32", passes: undefined, passedOver };
}

test("says why native is not used where something much slower is", () => {
  const notice = "computing on wasm, which is many times slower than native: its kernels are not compiled";
  expect(slowBackendNotice(inUse("wasm", [noGpu, absent]))).toBe(notice);
});

test.each([inUse("native", [noGpu]), inUse("tensorflow", [noGpu, absent]), inUse("wasm", [])])(
  "says nothing where a library multiplies, or where the backend was asked for",
  (backend) => {
    expect(slowBackendNotice(backend)).toBeUndefined();
  },
);
