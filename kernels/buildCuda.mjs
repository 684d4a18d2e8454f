/** Compiles the CUDA kernels: with nvcc for GPUs, and with an ordinary compiler for the tests' emulated device. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { compileObjects, findCommand, link, outputPath, root, sourcesIn } from "./compile.mjs";
import { compileTests } from "./compileTests.mjs";

/** A100; L4, RTX 40; H100, H200; and PTX, which the driver compiles for later ones. */
const ARCHITECTURES = [
  "-gencode=arch=compute_80,code=sm_80",
  "-gencode=arch=compute_89,code=sm_89",
  "-gencode=arch=compute_90,code=sm_90",
  "-gencode=arch=compute_90,code=compute_90",
];
const LANGUAGE = ["-std=c++17", `-I${join(root, "library")}`];
const HOST = ["-fPIC", "-fvisibility=hidden"];
/** Calls between our own functions stay in the library, whatever else the process has loaded. */
const LINK = ["-shared", "-ldl"];

const sources = () => ["include", "library", "cuda"].flatMap(sourcesIn);

/** nvcc with its version, or undefined: $NVCC, the one on the path, the toolkit's. */
export function findNvcc() {
  const { NVCC, CUDA_HOME } = process.env;
  const places = NVCC ? [NVCC] : ["nvcc", ...[CUDA_HOME ?? "/usr/local/cuda"].map((home) => join(home, "bin/nvcc"))];
  return findCommand(places, (lines) => lines.find((line) => line.includes("release")) ?? lines[0]);
}

/** Whether NVIDIA's driver runs here: on Linux, in a container, under Windows. */
export const hasDriver = () =>
  ["/proc/driver/nvidia/version", "/dev/nvidiactl", "/usr/lib/wsl/lib/libcuda.so.1"].some((file) => existsSync(file));

export const cudaLibrary = outputPath("libinseq_cuda.so");

/** The library for GPUs; returns what had to be compiled. The CUDA runtime is linked in, cuBLAS is found when it runs. */
export async function buildCuda(nvcc) {
  const flags = [...LANGUAGE, "-O3", "--threads=2", `-Xcompiler=${HOST.join(",")}`, ...ARCHITECTURES];
  const linkFlags = [...LINK, "-cudart=static", "-Xlinker=-Bsymbolic"];
  const objects = await compileObjects(nvcc, sources(), flags, "cuda");
  return (await link(nvcc, objects, linkFlags, cudaLibrary)) ? ["sm_80, sm_89, sm_90 and PTX"] : [];
}

const SHIM = "test/cudaShim";
const CUBLAS_SHIM = "libinseq_cublas_shim.so";
const EMULATION = [
  ...LANGUAGE,
  ...HOST,
  `-I${join(root, SHIM)}`,
  `-DCUBLAS_NAMES="${CUBLAS_SHIM}"`,
  "-Wall",
  "-Wextra",
  "-Werror",
  ..."-Wno-unknown-pragmas -Wno-unknown-warning-option -Wno-attributes -Wno-psabi".split(" "),
];
const EMULATION_LINK = ["-pthread", "-ldl", "-Wl,-Bsymbolic", "-Wl,-rpath,$ORIGIN"];

/** The shim's own units, with or without the check of memory accesses, and without its cuBLAS. */
const shimSources = (checked) =>
  sourcesIn(SHIM).filter(
    (file) => !file.endsWith("cublas.cc") && !file.endsWith(checked ? "accessesOff.cc" : "accesses.cc"),
  );

/** A stand-in for cuBLAS, opened like the real one. */
async function buildCublasShim(compiler) {
  const objects = await compileObjects(compiler, [join(root, SHIM, "cublas.cc")], [...EMULATION, "-O3"], "cublas_shim");
  await link(compiler, objects, ["-shared"], outputPath(CUBLAS_SHIM));
}

/** g++ takes CUDA's sources for C++ when told so; the linker must not take objects for sources. */
const asCpp = (file) => [file, file.endsWith(".cu") ? ["-xc++"] : []];

export const cudaShimLibrary = outputPath("libinseq_cuda_shim.so");

/** The CUDA library for an emulated device: the same C interface, on any machine. Returns its path. */
export async function buildCudaShim(compiler) {
  await buildCublasShim(compiler);
  const units = [...sources(), ...shimSources(false)].map(asCpp);
  const objects = await compileObjects(compiler, units, [...EMULATION, "-O2"], "cuda_shim");
  await link(compiler, objects, ["-shared", ...EMULATION_LINK], cudaShimLibrary);
  return cudaShimLibrary;
}

/**
 * A program on the emulated device, with the kernels' memory accesses checked: the thread sanitizer's calls go to the shim
 * (accesses.cc), not to its own library. Returns its path.
 */
async function buildChecked(compiler, name, ownObjects) {
  await buildCublasShim(compiler);
  const kernels = await compileObjects(compiler, sources().map(checked), CHECKED, "cuda_checked");
  // What is called for every access is worth more time of the compiler.
  const shim = await compileObjects(compiler, shimSources(true), [...EMULATION, "-O3"], "cuda_checked_shim");
  await link(compiler, [...kernels, ...shim, ...ownObjects], EMULATION_LINK, outputPath(name));
  return outputPath(name);
}

const CHECKED = [...EMULATION, "-O1"];
const checked = (file) => [file, file.endsWith(".cu") ? ["-xc++", "-fsanitize=thread"] : []];

/** The suite of kernels/test, as for the CPU. */
export const buildCudaTestProgram = async (compiler) =>
  await buildChecked(compiler, "test_cuda", await compileTests(compiler));

/** Kernels that are wrong on purpose. */
export async function buildCudaFaultProgram(compiler) {
  const headers = ["include", "library", "cuda", SHIM].flatMap(sourcesIn).filter((file) => file.endsWith(".h"));
  const units = [...headers, ...sourcesIn("test/cudaFaults")].map(checked);
  return await buildChecked(
    compiler,
    "test_cuda_faults",
    await compileObjects(compiler, units, CHECKED, "cuda_faults"),
  );
}
