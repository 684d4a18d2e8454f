import { afterEach, describe, expect, test, vi } from "vitest";
import { placeOf, takePlace } from "../../src/cli/device.ts";
import { attributionOptions } from "../../src/cli/keywordArguments.ts";

describe("--device", () => {
  test.each([
    [undefined, undefined, undefined, { backend: "auto", visibleGpus: null }],
    [undefined, "wasm", undefined, { backend: "wasm", visibleGpus: null }],
    ["cpu", undefined, undefined, { backend: "auto", visibleGpus: "-1" }],
    ["cpu", "wasm", "0", { backend: "wasm", visibleGpus: "-1" }],
    ["cuda", undefined, undefined, { backend: "cuda", visibleGpus: null }],
    ["cuda", "auto", undefined, { backend: "cuda", visibleGpus: null }],
    ["cuda:1", "cuda", undefined, { backend: "cuda", visibleGpus: "1" }],
    ["cuda:1", undefined, "4,7", { backend: "cuda", visibleGpus: "7" }],
  ])("%s with backend %s and GPUs %s", (device, backend, gpus, place) => {
    expect(placeOf(device, backend, gpus)).toEqual(place);
  });

  test.each([
    ["cuda", "native", undefined, /contradict/],
    ["cpu", "cuda", undefined, /contradict/],
    ["mps", undefined, undefined, /expected cpu, cuda or cuda:n, received "mps"/],
    ["cpu:1", undefined, undefined, /received "cpu:1"/],
    ["cuda:2", undefined, "4,7", /expected one of the GPUs in CUDA_VISIBLE_DEVICES \(4,7\)/],
    [undefined, "wasn", undefined, /did you mean "wasm"/],
  ])("%s with backend %s and GPUs %s is refused", (device, backend, gpus, message) => {
    expect(() => placeOf(device, backend, gpus)).toThrow(message);
  });
});

afterEach(() => {
  vi.unstubAllEnvs();
});

test("the GPU that is asked for is the one that the process sees, and others are left as they are", () => {
  vi.stubEnv("CUDA_VISIBLE_DEVICES", "4,7");
  expect(takePlace({ device: undefined, backend: "wasm" })).toBe("wasm");
  expect(process.env.CUDA_VISIBLE_DEVICES).toBe("4,7");
  expect(takePlace({ device: "cuda:1", backend: undefined })).toBe("cuda");
  expect(process.env.CUDA_VISIBLE_DEVICES).toBe("7");
});

describe("keyword arguments", () => {
  test("in Python's names become options, those of inner records too, and what they hold stays as it is", () => {
    const record = {
      n_steps: 20,
      contrast_targets: ["a_b"],
      attribution_args: { method: "trapezoid", n_steps: 3 },
      top_p: 0.9,
    };
    expect(attributionOptions(record)).toEqual({
      nSteps: 20,
      contrastTargets: ["a_b"],
      attributionArgs: { method: "trapezoid", nSteps: 3 },
      topP: 0.9,
    });
  });

  test("with an option of their own are sent there", () => {
    expect(() => attributionOptions({ attr_pos_start: 2 })).toThrow(/has an option of its own: use --start_pos/);
    expect(() => attributionOptions({ generation_args: {} })).toThrow(/use --generation_kwargs/);
  });
});
