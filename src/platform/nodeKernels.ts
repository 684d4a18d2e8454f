/**
 * Opens the compiled kernels (`kernels/build`) in Node, through koffi.
 *
 * The functions' types are read from the C header itself, so there is no second table to keep in step with it. The portable
 * library, which runs everywhere, says which instruction set this machine can run; that one's library is then opened.
 */

import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { BackendError } from "../errors.ts";
import type { KernelLibrary } from "./kernelLibrary.ts";

type Koffi = typeof import("koffi");
type NativeFunction = (...args: unknown[]) => unknown;

const ADVICE = "run npm run build:kernels, which needs g++ or clang++";

/**
 * @throws BackendError when the library was not built, was built for another interface, or cannot be loaded
 */
export async function openKernels(interfaceVersion: number): Promise<KernelLibrary> {
  const folder = kernelsFolder();
  const koffi = await loadKoffi();
  const prototypes = readPrototypes(new URL("include/inseq_kernels.h", folder));
  const portable = open(koffi, folder, "portable");
  const instructionSet = String(portable.func(prototype(prototypes, "best_instruction_set"))());
  const library = instructionSet === "portable" ? portable : open(koffi, folder, instructionSet);
  const functions = new Map<string, NativeFunction>();
  const bind = (name: string): NativeFunction => {
    const bound = functions.get(name) ?? library.func(prototype(prototypes, name));
    functions.set(name, bound);
    return bound;
  };

  const built = bind("interface_version")();
  if (built !== interfaceVersion) {
    throw new BackendError(`expected kernels of interface ${interfaceVersion}, found ${built}; ${ADVICE}`);
  }
  const message = bind("message");
  return {
    instructionSet,
    read: (name) => Number(bind(name)()),
    call(name, ...args) {
      if (bind(name)(...args) !== 0) throw new BackendError(`native: ${message()}`);
    },
  };
}

/** Beside the sources, or one folder further up from the compiled ones. */
function kernelsFolder(): URL {
  const places = ["../../kernels/", "../../../kernels/"].map((path) => new URL(path, import.meta.url));
  const found = places.find((place) => existsSync(new URL("build/inseq_kernels_portable.so", place)));
  if (found === undefined)
    throw new BackendError(`the native backend is absent: its kernels are not compiled; ${ADVICE}`);
  return found;
}

async function loadKoffi(): Promise<Koffi["default"]> {
  try {
    return (await import("koffi")).default;
  } catch (cause) {
    throw new BackendError("the package koffi could not be loaded; run npm install", { cause });
  }
}

function open(koffi: Koffi["default"], folder: URL, instructionSet: string) {
  const path = fileURLToPath(new URL(`build/inseq_kernels_${instructionSet}.so`, folder));
  try {
    return koffi.load(path);
  } catch (cause) {
    throw new BackendError(`${path} could not be loaded; ${ADVICE}`, { cause });
  }
}

/** The header's functions by their names without the prefix, as koffi wants them. */
function readPrototypes(header: URL): ReadonlyMap<string, string> {
  const text = readFileSync(header, "utf8").replaceAll(/\/\*.*?\*\//gs, "");
  const declared = [...text.matchAll(/^INSEQ_API ([^;]*\binseq_(\w+)\([^;]*\));/gm)];
  return new Map(
    declared.map(([, declaration = "", name = ""]) => [
      name,
      declaration.replaceAll("INSEQ_OUT", "_Out_").replaceAll("uint32_t*", "void*").replaceAll(/\s+/g, " "),
    ]),
  );
}

function prototype(prototypes: ReadonlyMap<string, string>, name: string): string {
  const found = prototypes.get(name);
  if (found === undefined) throw new BackendError(`expected inseq_${name} in the kernels' header; ${ADVICE}`);
  return found;
}
