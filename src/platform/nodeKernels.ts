/**
 * Opens the compiled kernels (`kernels/build`) in Node, through koffi.
 *
 * The functions' types are read from the C header itself, so there is no second table to keep in step with it. The portable
 * library, which runs everywhere, says which instruction set this machine can run; that one's library is then opened.
 */

import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { BackendError, MemoryError } from "../errors.ts";
import type { KernelArgument, KernelLibrary } from "./kernelLibrary.ts";

type Koffi = typeof import("koffi");
type NativeFunction = (...args: unknown[]) => unknown;

const CPU_ADVICE = "run npm rebuild inseq-tfjs, in a clone npm run build:kernels; it needs g++ or clang++";
const CUDA_ADVICE =
  "run npm run build:cuda, which needs nvcc of CUDA 12 or later; native and wasm compute without a GPU";

/** Status of the C interface. */
const OUT_OF_MEMORY = 2;

/**
 * The kernels for this machine's processor.
 * @throws BackendError when the library was not built, was built for another interface, or cannot be loaded
 */
export async function openKernels(interfaceVersion: number): Promise<KernelLibrary> {
  const folder = kernelsFolder("inseq_kernels_portable.so");
  if (folder === undefined)
    throw new BackendError(`the native backend is absent: its kernels are not compiled; ${CPU_ADVICE}`);
  const koffi = await loadKoffi();
  const prototypes = readPrototypes(new URL("include/inseq_kernels.h", folder), ON_HOST);
  const file = (instructionSet: string): string =>
    fileURLToPath(new URL(`build/inseq_kernels_${instructionSet}.so`, folder));
  const portable = open(koffi, file("portable"), CPU_ADVICE);
  const instructionSet = String(bind(portable, prototypes, "best_instruction_set")());
  const library = instructionSet === "portable" ? portable : open(koffi, file(instructionSet), CPU_ADVICE);
  return bindLibrary("native", library, prototypes, interfaceVersion);
}

/**
 * The kernels for a GPU, which is then the one of this process. INSEQ_CUDA_LIBRARY names another library of the same
 * interface than the one in kernels/build.
 * @throws BackendError when the library is absent or does not fit, and when there is no driver, no cuBLAS or no such GPU
 */
export async function openDeviceKernels(interfaceVersion: number, device: number): Promise<KernelLibrary> {
  const folder = kernelsFolder("../include/inseq_kernels.h");
  const path = process.env.INSEQ_CUDA_LIBRARY ?? (folder && fileURLToPath(new URL("build/libinseq_cuda.so", folder)));
  if (folder === undefined || path === undefined || !existsSync(path)) {
    throw new BackendError(`the cuda backend is absent: its kernels are not compiled; ${CUDA_ADVICE}`);
  }
  const koffi = await loadKoffi();
  const prototypes = readPrototypes(new URL("include/inseq_kernels.h", folder), ON_DEVICE);
  const library = bindLibrary("cuda", open(koffi, path, CUDA_ADVICE), prototypes, interfaceVersion);
  const devices = library.statistic("device_count");
  if (!Number.isInteger(device) || device < 0 || device >= devices) {
    throw new BackendError(`cuda: expected a device from 0 to ${devices - 1}, received ${device}`);
  }
  library.call("open", device);
  return library;
}

interface Library {
  readonly path: string;
  readonly opened: ReturnType<Koffi["default"]["load"]>;
  readonly advice: string;
}

function bindLibrary(
  backend: string,
  library: Library,
  prototypes: ReadonlyMap<string, string>,
  interfaceVersion: number,
): KernelLibrary {
  const functions = new Map<string, NativeFunction>();
  const bound = (name: string): NativeFunction => {
    const known = functions.get(name);
    if (known !== undefined) return known;
    const made = bind(library, prototypes, name);
    functions.set(name, made);
    return made;
  };
  const built = bound("interface_version")();
  if (built !== interfaceVersion) {
    throw new BackendError(
      `${backend}: expected kernels of interface ${interfaceVersion}, found ${built}; ${library.advice}`,
    );
  }
  const message = bound("message");
  const call = (name: string, ...args: readonly KernelArgument[]): void => {
    const status = bound(name)(...args);
    if (status === 0) return;
    const what = `${backend}: ${message()}`;
    throw status === OUT_OF_MEMORY ? new MemoryError(what) : new BackendError(what);
  };
  return {
    instructionSet: String(bound("instruction_set")()),
    read: (name) => Number(bound(name)()),
    text: (name) => String(bound(name)()),
    call,
    statistic(name, ...args) {
      const result = [0];
      call(name, ...args, result);
      return Number(result[0]);
    },
  };
}

/** The folder kernels, beside the sources or one further up from the compiled ones, where `build` has this file. */
function kernelsFolder(file: string): URL | undefined {
  const places = ["../../kernels/", "../../../kernels/"].map((path) => new URL(path, import.meta.url));
  return places.find((place) => existsSync(new URL(`build/${file}`, place)));
}

async function loadKoffi(): Promise<Koffi["default"]> {
  try {
    return (await import("koffi")).default;
  } catch (cause) {
    throw new BackendError("the package koffi could not be loaded; run npm install", { cause });
  }
}

function open(koffi: Koffi["default"], path: string, advice: string): Library {
  try {
    if (!isWhole(path)) throw new Error("it is not as it was compiled: damaged, or another file");
    return { path, opened: koffi.load(path), advice };
  } catch (cause) {
    throw new BackendError(`${path} could not be loaded (${firstLine(cause)}); ${advice}`, { cause });
  }
}

/** Loading a library of which a part is missing ends the process. The build leaves a checksum beside it (kernels/compile.mjs). */
function isWhole(path: string): boolean {
  const stamp = `${path}.hash`;
  if (!existsSync(stamp)) return true;
  const [, expected] = readFileSync(stamp, "utf8").split(" ");
  return expected === createHash("sha256").update(readFileSync(path)).digest("hex");
}

function bind(
  { path, opened, advice }: Library,
  prototypes: ReadonlyMap<string, string>,
  name: string,
): NativeFunction {
  const declaration = prototypes.get(name);
  if (declaration === undefined) throw new BackendError(`expected inseq_${name} in the kernels' header; ${advice}`);
  try {
    return opened.func(declaration);
  } catch (cause) {
    throw new BackendError(`expected inseq_${name} in ${path} (${firstLine(cause)}); ${advice}`, { cause });
  }
}

const firstLine = (cause: unknown): string =>
  String(cause instanceof Error ? cause.message : cause).split("\n", 1)[0] ?? "";

/** Tensors in host memory are typed arrays; a uint32_t is a number of any type. */
const ON_HOST = { pointers: /uint32_t\*/g, type: "void*" };
/** Tensors on a device are addresses. */
const ON_DEVICE = { pointers: /(?:const )?(?:float|int32_t|uint16_t|uint32_t)\*/g, type: "int64_t" };

/** The header's functions by their names without the prefix, as koffi wants them. */
function readPrototypes(header: URL, { pointers, type }: typeof ON_HOST): ReadonlyMap<string, string> {
  const text = readFileSync(header, "utf8").replaceAll(/\/\*.*?\*\//gs, "");
  const declared = [...text.matchAll(/^INSEQ_API ([^;]*\binseq_(\w+)\([^;]*\));/gm)];
  return new Map(
    declared.map(([, declaration = "", name = ""]) => [
      name,
      declaration.replaceAll(pointers, type).replaceAll("INSEQ_OUT", "_Out_").replaceAll(/\s+/g, " "),
    ]),
  );
}
