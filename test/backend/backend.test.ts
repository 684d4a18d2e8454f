import { describe, expect, it, vi } from "vitest";
import { listBackends, useBackend } from "../../src/backend/backend.ts";
import { backendNames } from "../../src/backend/registry.ts";
import { BackendError, OptionError } from "../../src/errors.ts";
import { backendName, dispose, matMul, memory, readFloats, tensor } from "../../src/tensor.ts";

describe("useBackend", () => {
  it("computes on the backend that was asked for and says what it is", async () => {
    for (const name of ["cpu", "wasm"] as const) {
      const inUse = await useBackend(name);
      expect(inUse).toMatchObject({ name, passedOver: [] });
      expect(inUse.description).toMatch(name === "cpu" ? /JavaScript/ : /^WebAssembly with(out)? SIMD, one thread$/);
      expect(backendName()).toBe(name);
    }
  });

  it("takes the fastest backend present for auto, and says why not a faster one", async () => {
    const statuses = await listBackends();
    const fastest = statuses.findIndex(({ available }) => available);
    const inUse = await useBackend("auto");
    expect(inUse.name).toBe(statuses[fastest]?.name);
    expect(inUse.passedOver).toEqual(statuses.slice(0, fastest));
  });

  it("says how to get the cuda backend where it is absent", async () => {
    const status = (await listBackends()).find(({ name }) => name === "cuda");
    if (status?.available) {
      expect(status.description).toMatch(/^our CUDA kernels( \(emulated\))? on .+ \(compute capability \d+\.\d\), /);
    } else {
      await useBackend("cpu");
      await expect(useBackend("cuda")).rejects.toThrow(BackendError);
      await expect(useBackend("cuda")).rejects.toThrow(/cuda/);
      expect(backendName()).toBe("cpu");
    }
  });

  it("refuses a precision or a device that a backend does not have", async () => {
    await expect(useBackend("wasm", { precision: "high" })).rejects.toThrow(
      "the wasm backend computes in float32, not in high precision",
    );
    await expect(useBackend("cpu", { device: 1 })).rejects.toThrow("the cpu backend has no device to choose");
    // @ts-expect-error: what a program without types may pass
    await expect(useBackend("cpu", { precision: "hihg" })).rejects.toThrow('did you mean "high"?');
  });

  it("says how to get the tensorflow backend where it is absent", async () => {
    const status = (await listBackends()).find(({ name }) => name === "tensorflow");
    if (status?.available) {
      expect(status.description).toMatch(/^TensorFlow through @tensorflow\/tfjs-node(-gpu)?, on (a GPU|the CPU)$/);
    } else {
      await expect(useBackend("tensorflow")).rejects.toThrow(/tfjs-node-gpu, then npm run setup:tensorflow/);
    }
  });

  it("refuses unknown names and options with the nearest known one", async () => {
    // @ts-expect-error: what a program without types may pass
    await expect(useBackend("wsam")).rejects.toThrow(
      new OptionError(
        'unknown backend "wsam"; did you mean "wasm"? (known: auto, cuda, native, tensorflow, wasm, cpu)',
      ),
    );
    // @ts-expect-error: what a program without types may pass
    await expect(useBackend("wasm", { wasmPath: "/" })).rejects.toThrow('did you mean "wasmPaths"?');
  });

  it("may be asked several times at once", async () => {
    const asked = await Promise.all([useBackend("wasm"), useBackend("wasm"), useBackend("wasm")]);
    expect(new Set(asked.map(({ description }) => description)).size).toBe(1);
    expect(backendName()).toBe("wasm");
  });

  it("moves tensors between backends without printing anything or leaving a tensor behind", async () => {
    const printed = (["log", "warn", "error", "info"] as const).map((level) => vi.spyOn(console, level));
    await useBackend("cpu");
    const before = memory().numTensors;
    const a = tensor([1, 2, 3, 4], [2, 2]);
    await useBackend("wasm");
    const b = matMul(a, a);
    await useBackend("cpu");
    const c = matMul(b, a);
    expect([...(await readFloats(c))]).toEqual([37, 54, 81, 118]);
    dispose([a, b, c]);
    await listBackends();
    expect(memory().numTensors).toBe(before);
    for (const spy of printed) expect(spy).not.toHaveBeenCalled();
    vi.restoreAllMocks();
  });
});

describe("listBackends", () => {
  it("names every backend, the fastest first, with a description or a reason, and leaves the one in use alone", async () => {
    await useBackend("cpu");
    const statuses = await listBackends();
    expect(statuses.map(({ name }) => name)).toEqual(["cuda", "native", "tensorflow", "wasm", "cpu"]);
    expect(statuses.map(({ name }) => name)).toEqual(backendNames);
    for (const status of statuses) {
      expect(status.available ? status.description : status.reason).toMatch(/\w{3}/);
    }
    expect(statuses.filter(({ available }) => available).map(({ name }) => name)).toEqual(
      expect.arrayContaining(["wasm", "cpu"]),
    );
    expect(backendName()).toBe("cpu");
  });
});
