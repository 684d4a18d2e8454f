/** What is special to the cuda backend: nothing goes through the host, memory of the device, faults of device and library. */

import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, inject, it } from "vitest";
import { findCompiler } from "../../kernels/build.mjs";
import { attributeSequence } from "../../src/attribution/engine.ts";
import { throughHost, useBackend } from "../../src/backend/backend.ts";
import { CudaBackend } from "../../src/backend/cuda/backend.ts";
import { BackendError, MemoryError } from "../../src/errors.ts";
import { loadModel } from "../../src/loadModel.ts";
import { listFeatureAttributionMethods, methods } from "../../src/method/registry.ts";
import { INTERFACE_VERSION } from "../../src/platform/kernelLibrary.ts";
import { openDeviceKernels } from "../../src/platform/nodeKernels.ts";
import { scores } from "../../src/score/registry.ts";
import { add, dispose, memory, readFloats, tensor, tensorflow, tidy } from "../../src/tensor.ts";
import { attributionCases } from "../support/attributionCases.ts";
import { describeOnBackends } from "../support/backends.ts";
import { goldenPath, goldenRaw, referenceArchitectures } from "../support/goldenResults.ts";
import { request, tinyDecoderOnly, tinyEncoderDecoder, tinyModel, tinySequence } from "../support/tinyModels.ts";

/** These are attributed by every method; others, which are made of the same operations, by one. */
const reference: readonly string[] = [...tinyDecoderOnly, "t5"];

/** Few points of the methods that have many. */
const few = { nSteps: 3, nSamples: 9, nNeighbors: 4, maxProbeSteps: 2, numProbes: 2 };

describeOnBackends(
  "cuda",
  () => {
    function backend(): CudaBackend {
      const running = tensorflow.backend();
      if (!(running instanceof CudaBackend)) throw new Error("expected the cuda backend to be in use");
      return running;
    }

    const sequences = {
      decoder: tinySequence({ target: [3, 9, 4, 20, 11, 6], start: 3, end: 6 }),
      both: tinySequence({ source: [5, 9, 7], target: [0, 9, 4, 20], start: 1, end: 4 }),
    };

    describe.each([...tinyDecoderOnly, ...tinyEncoderDecoder])("%s", (type) => {
      const model = tinyModel(type, 3);
      afterAll(() => model.dispose());

      it.each(reference.includes(type) ? listFeatureAttributionMethods() : ["saliency" as const])(
        "attributes by %s without going through the host",
        async (method) => {
          const options: readonly string[] = methods[method].options;
          const chosen = Object.fromEntries(Object.entries(few).filter(([name]) => options.includes(name)));
          const encoderDecoder = model.kind === "encoder-decoder";
          // Step scores are the same whatever the method: "dummy" computes them all.
          const stepScores = Object.entries(scores)
            .filter(([, { contrast }]) => method === "dummy" && contrast === "none")
            .map(([id, score]) => ({ id, score, options: { topK: 5, topP: 0.9, mcdRate: 0.1 } }));
          const before = throughHost();
          await attributeSequence(
            model,
            sequences[encoderDecoder ? "both" : "decoder"],
            request(method, chosen, { attributeTarget: encoderDecoder, stepScores }),
          );
          expect(throughHost()).toEqual(before);
        },
      );
    });

    it.each(referenceArchitectures)("gives the scores of the real Inseq: %s", async (architecture) => {
      const golden = attributionCases(architecture, ["saliency"]).find(({ id }) => id === "saliency");
      if (golden === undefined) throw new Error(`${architecture} has no case "saliency"`);
      const model = await loadModel(goldenPath(architecture, "model"), "saliency", { backend: "cuda" });
      const { inputTexts, generatedTexts, options } = golden;
      const { sequenceAttributions, info } = await model.attribute(inputTexts, generatedTexts, options);
      model.dispose();
      expect(info.inseq_tfjs).toMatchObject({ through_host: {}, precision: "float32" });
      const expected = (await goldenRaw(architecture, golden.id)).sequences[0];
      for (const part of ["sourceAttributions", "targetAttributions"] as const) {
        const [ours, inseqs] = [sequenceAttributions[0]?.[part]?.values ?? [], expected?.[part]?.values ?? []];
        expect(ours.length).toBe(inseqs.length);
        const largest = Math.max(0, ...Array.from(inseqs, Math.abs).filter(Number.isFinite));
        for (const [i, value] of Array.from(inseqs).entries()) {
          if (Number.isNaN(value)) expect(ours[i]).toBeNaN();
          else expect(Math.abs((ours[i] ?? Number.NaN) - value)).toBeLessThanOrEqual(1e-4 * largest);
        }
      }
    });

    it("counts what goes through the host by the name of the operation", async () => {
      const before = throughHost();
      const x = tensor([1, 2, 3, 4], [4]);
      const y = tensorflow.tan(x);
      expect([...(await readFloats(y))].map((value) => value.toFixed(4))).toEqual(
        [1, 2, 3, 4].map((value) => Math.tan(value).toFixed(4)),
      );
      expect(throughHost()).toEqual({ ...before, Tan: (before.Tan ?? 0) + 1 });
      dispose([x, y]);
    });

    it("ends with the numbers when the device is full, and goes on afterwards", async () => {
      const { library } = backend();
      const before = memory();
      library.call("set_memory_limit", library.statistic("memory", 0) + 2 ** 20);
      try {
        expect(() => tidy(() => add(tensor(new Float32Array(2 ** 18), [2 ** 18]), tensor([1], [1])))).toThrow(
          MemoryError,
        );
        expect(memory()).toEqual(before);
        const sum = add(tensor([1, 2], [2]), tensor([3], [1]));
        expect([...(await readFloats(sum))]).toEqual([4, 5]);
      } finally {
        library.call("set_memory_limit", 0);
      }
    });

    it("attributes in smaller passes when the device is full, with the same scores", async () => {
      const model = tinyModel("gpt2", 3);
      const asked = request("integrated_gradients", { nSteps: 8 });
      const whole = await attributeSequence(model, sequences.decoder, asked);
      const { library } = backend();
      library.call("release_cache");
      // Less than the whole pass needs at its peak, more than a pass of a few rows.
      library.call("set_memory_limit", memory().storedBytes + 80 * 1024);
      try {
        const small = await attributeSequence(model, sequences.decoder, asked);
        const [some, all] = [small, whole].map(({ targetAttributions }) => [...(targetAttributions?.values ?? [])]);
        const largest = Math.max(...(all ?? []).filter(Number.isFinite).map(Math.abs));
        for (const [i, value] of (all ?? []).entries()) {
          if (Number.isNaN(value)) expect(some?.[i]).toBeNaN();
          else expect(Math.abs((some?.[i] ?? Number.NaN) - value)).toBeLessThanOrEqual(1e-5 * largest);
        }
      } finally {
        library.call("set_memory_limit", 0);
      }
      model.dispose();
    });

    it("refuses an address that is no tensor's", () => {
      const { library } = backend();
      expect(() => library.call("unary", 4096, 8, 0, 8192)).toThrow(BackendError);
      const address = library.statistic("allocate", 1024);
      library.call("free", address);
      expect(() => library.call("unary", address, 8, 0, address)).toThrow(/unary/);
    });

    it("works beside another backend of ours in the same process", async () => {
      const golden = attributionCases("gpt2", ["saliency"]).find(({ id }) => id === "saliency");
      if (golden === undefined) throw new Error("gpt2 has no case saliency");
      const loaded = await Promise.all([
        loadModel(goldenPath("gpt2", "model"), "saliency", { backend: "wasm" }),
        loadModel(goldenPath("gpt2", "model"), "saliency", { backend: "wasm" }),
      ]);
      const [wasm] = loaded;
      const cuda = await loadModel(goldenPath("gpt2", "model"), "saliency", { backend: "cuda" });
      for (let turn = 0; turn < 2; turn++) {
        const results = [];
        for (const model of [wasm, cuda]) results.push(await model.attribute(golden.inputTexts, golden.generatedTexts));
        const [one, other] = results.map(
          ({ sequenceAttributions }) => sequenceAttributions[0]?.targetAttributions?.values,
        );
        const largest = Math.max(...Array.from(one ?? [], Math.abs).filter(Number.isFinite));
        for (const [i, value] of Array.from(one ?? []).entries()) {
          if (Number.isFinite(value)) expect(Math.abs((other?.[i] ?? NaN) - value)).toBeLessThanOrEqual(1e-4 * largest);
        }
      }
      for (const model of [...loaded, cuda]) model.dispose();
      await useBackend("cuda");
    });
  },
  { emulated: true, only: ["cuda"] },
);

describe("a library that cannot be used", () => {
  const folder = mkdtempSync(join(tmpdir(), "inseq-library-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  async function opened(path: string, env: Readonly<Record<string, string>> = {}): Promise<unknown> {
    Object.assign(process.env, env, { INSEQ_CUDA_LIBRARY: path });
    try {
      return await openDeviceKernels(INTERFACE_VERSION, 0);
    } finally {
      for (const name of [...Object.keys(env), "INSEQ_CUDA_LIBRARY"]) delete process.env[name];
    }
  }

  it("is missed by name, with what builds it", async () => {
    await expect(opened(join(folder, "absent.so"))).rejects.toThrow(
      "the cuda backend is absent: its kernels are not compiled; run npm run build:cuda, which needs nvcc",
    );
  });

  it("is refused when it is no library", async () => {
    const path = join(folder, "text.so");
    writeFileSync(path, "not a library");
    await expect(opened(path)).rejects.toThrow(/text\.so could not be loaded \(.+\); run npm run build:cuda/);
  });

  /** A library of this source; undefined without a compiler. */
  async function compiled(name: string, text: string): Promise<string | undefined> {
    const compiler = await findCompiler();
    if (compiler === undefined) return undefined;
    const [source, path] = [join(folder, `${name}.cc`), join(folder, `${name}.so`)];
    writeFileSync(source, text);
    execFileSync(compiler.command, ["-shared", "-fPIC", source, "-o", path]);
    return path;
  }

  it("is refused when it was built for another version of the interface", async ({ skip }) => {
    const path = await compiled("other", 'extern "C" int inseq_interface_version(void) { return 99; }');
    if (path === undefined) return skip("no C++ compiler");
    await expect(opened(path)).rejects.toThrow(
      `cuda: expected kernels of interface ${INTERFACE_VERSION}, found 99; run`,
    );
  });

  it("is refused when it is no library of ours", async ({ skip }) => {
    const path = await compiled("foreign", "int one = 1;");
    if (path === undefined) return skip("no C++ compiler");
    await expect(opened(path)).rejects.toThrow(BackendError);
    await expect(opened(path)).rejects.toThrow(/expected inseq_interface_version in .*foreign\.so \(.+\); run/);
  });

  // The loader would end the process.
  it("is refused when a part of it is missing", async () => {
    const emulated = inject("emulatedCuda");
    if (emulated === null) return;
    const path = join(folder, "damaged.so");
    for (const end of ["", ".hash"]) copyFileSync(`${emulated}${end}`, `${path}${end}`);
    truncateSync(path, 20_000);
    await expect(opened(path)).rejects.toThrow(BackendError);
    await expect(opened(path)).rejects.toThrow(/damaged\.so could not be loaded \(it is not as it was compiled/);
  });

  /** What a program says that computes on cuda by this library. */
  function says(library: string, env: Readonly<Record<string, string>>): string {
    const program = `import { useBackend } from ${JSON.stringify(join(import.meta.dirname, "../../dist/src/index.js"))};
      const said = await useBackend("cuda").then(({ description }) => description, ({ name, message }) => name + ": " + message);
      process.stdout.write(said);`;
    const script = join(folder, "program.mjs");
    writeFileSync(script, program);
    return execFileSync(process.execPath, [script], {
      env: { ...process.env, ...env, INSEQ_CUDA_LIBRARY: library },
    }).toString();
  }

  it.each([
    ["no GPU", { INSEQ_SHIM_DEVICES: "0" }, /device/],
    ["a GPU that is too old", { INSEQ_SHIM_CAPABILITY: "75" }, /7\.5/],
    ["no cuBLAS", { INSEQ_CUBLAS: "/nowhere/libcublas.so" }, /cuBLAS/],
  ])("says so when there is %s", async (_, env, message) => {
    const emulated = inject("emulatedCuda");
    if (emulated === null) return;
    const said = says(emulated, env);
    expect(said).toMatch(/^BackendError: cuda: /);
    expect(said).toMatch(message);
  });

  it("finds cuBLAS among the packages of the python3 on the path", () => {
    const emulated = inject("emulatedCuda");
    if (emulated === null) return;
    const library = join(folder, "alone.so");
    copyFileSync(emulated, library);
    const packages = join(folder, "python/lib/python3.12/site-packages/nvidia/cu13/lib");
    for (const path of [packages, join(folder, "python/bin")]) mkdirSync(path, { recursive: true });
    symlinkSync("/bin/true", join(folder, "python/bin/python3"));
    copyFileSync(join(emulated, "../libinseq_cublas_shim.so"), join(packages, "libinseq_cublas_shim.so"));
    expect(says(library, {})).toMatch(/^BackendError: cuda: open: expected cuBLAS/);
    const path = `${join(folder, "python/bin")}:${process.env.PATH}`;
    expect(says(library, { PATH: path })).toMatch(/cuBLAS 0\.0\.0, .*python3\.12\/site-packages\/nvidia\/cu13\/lib/);
  });
});
