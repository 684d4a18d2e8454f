/**
 * Builds the binding of the `tensorflow` backend against a current TensorFlow: `npm run setup:tensorflow`. Plain Node, on Linux.
 *
 *   --wheel FILE      a wheel of TensorFlow (tensorflow_cpu-2.21.0-….whl): its libraries are copied beside the binding
 *   --pip             the same with the wheel that pip downloads: tensorflow-cpu
 *   --python PYTHON   the TensorFlow that is installed for this interpreter, used where it lies; the one for GPUs, too
 *
 * The package `@tensorflow/tfjs-node-gpu` (or `-node`) brings a binding for the TensorFlow of its time, 2.9, as a binary that is
 * downloaded when it is installed. Its sources use TensorFlow's C interface alone, which newer versions still have: here they
 * are compiled unchanged. Install the package with --ignore-scripts, so that the old binary is not asked for.
 */

import { execFile } from "node:child_process";
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openAsBlob,
  readdirSync,
  renameSync,
  rmSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { findCompiler } from "./compile.mjs";

const run = promisify(execFile);

const PACKAGES = ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node"];
const LIBRARIES = ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"];
/** What TensorFlow's C headers include. */
const HEADERS = /^(tensorflow\/c|tensorflow\/core\/platform|tsl|xla\/tsl)\/.*\.h$/;
const SOURCES = ["binding/tfjs_backend.cc", "binding/tfjs_binding.cc"];
const USAGE = "expected one of --wheel FILE, --pip, --python PYTHON";

/** The installed package: its name, its folder, and where it looks for its binding. */
function findPackage() {
  const require = createRequire(import.meta.url);
  for (const name of PACKAGES) {
    try {
      const file = require.resolve(`${name}/package.json`);
      return { name, folder: dirname(file), binding: require("@mapbox/node-pre-gyp").find(file) };
    } catch (error) {
      if (error.code !== "MODULE_NOT_FOUND") throw error;
    }
  }
  throw new Error(
    `expected ${PACKAGES.join(" or ")} to be installed; run npm install --no-save --ignore-scripts ${PACKAGES[0]}`,
  );
}

/** Node's own headers, which its archives from nodejs.org contain. */
function findNodeHeaders() {
  const folder = join(dirname(process.execPath), "../include/node");
  if (existsSync(join(folder, "node_api.h"))) return folder;
  throw new Error(`expected Node's headers in ${folder}; take Node from nodejs.org, or your system's node headers`);
}

/**
 * Unpacks what is needed of a wheel: headers and libraries into `folder`. Returns the folders of both.
 * @throws Error when it is no wheel of TensorFlow, or is not for this system
 */
export async function unpackWheel(wheel, folder) {
  if (!existsSync(wheel)) throw new Error(`expected a wheel of TensorFlow, but there is no file ${wheel}`);
  const { BlobReader, ZipReader } = await import("@zip.js/zip.js");
  const zip = new ZipReader(new BlobReader(await openAsBlob(wheel)), { useWebWorkers: false });
  const entries = await zip.getEntries().catch((cause) => {
    throw new Error(`expected ${wheel} to be a wheel, which is a zip archive (${cause.message})`, { cause });
  });
  const wanted = entries.flatMap((entry) => {
    const path = placeOf(entry.filename);
    return path === undefined ? [] : [{ entry, path: join(folder, path) }];
  });
  checkContents(wheel, entries);
  for (const { entry, path } of wanted) {
    mkdirSync(dirname(path), { recursive: true });
    await entry.getData(Writable.toWeb(createWriteStream(path)), { useWebWorkers: false, checkCrc32: true });
  }
  return { include: join(folder, "include"), libraries: join(folder, "lib") };
}

/** Where an entry of the wheel goes; undefined for what is not needed. (zip.js refuses names that leave the folder.) */
function placeOf(name) {
  const [, kind, rest] = /^tensorflow\/(include\/|)(.*)$/s.exec(name) ?? [];
  if (rest === undefined) return undefined;
  if (kind === "include/") return HEADERS.test(rest) ? `include/${rest}` : undefined;
  return LIBRARIES.includes(rest) ? `lib/${rest}` : undefined;
}

function checkContents(wheel, entries) {
  const names = new Set(entries.map(({ filename }) => filename));
  const needed = [...LIBRARIES.map((name) => `tensorflow/${name}`), "tensorflow/include/tensorflow/c/eager/c_api.h"];
  const missing = needed.filter((name) => !names.has(name));
  if (missing.length === 0) return;
  throw new Error(
    `expected a wheel of TensorFlow for Linux, as pip download tensorflow-cpu gives it; ${wheel} has no ${missing.join(", no ")}`,
  );
}

async function downloadWheel(folder) {
  const args = ["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "-d", folder, "tensorflow-cpu"];
  try {
    await run("python3", args, { maxBuffer: 1 << 26 });
  } catch (cause) {
    const advice = "python3 needs pip, a network, and a version that TensorFlow has wheels for; --wheel takes a file";
    throw new Error(`python3 ${args.join(" ")} failed: ${lastLine(cause.stderr || cause.message)}; ${advice}`, {
      cause,
    });
  }
  const wheel = readdirSync(folder).find((name) => name.endsWith(".whl"));
  if (wheel === undefined) throw new Error(`expected pip to download a wheel into ${folder}, found none`);
  return join(folder, wheel);
}

/** Headers and libraries of an installed TensorFlow. */
export async function findInstalled(python) {
  // Importing TensorFlow takes seconds; its folder is enough.
  const program =
    "import importlib.util as u; s = u.find_spec('tensorflow'); print(s and s.submodule_search_locations[0] or exit('it has none'))";
  const { stdout } = await run(python, ["-c", program]).catch((cause) => {
    const reason = lastLine(cause.stderr || cause.message);
    throw new Error(
      `expected TensorFlow to be installed for ${python} (${reason}); run ${python} -m pip install tensorflow`,
      {
        cause,
      },
    );
  });
  const libraries = stdout.trim();
  const include = join(libraries, "include");
  const missing = [...LIBRARIES, "include/tensorflow/c/eager/c_api.h"].filter(
    (name) => !existsSync(join(libraries, name)),
  );
  if (missing.length === 0) return { include, libraries };
  throw new Error(`expected a TensorFlow for Linux in ${libraries}, which has no ${missing.join(", no ")}`);
}

const lastLine = (text) => text.trim().split("\n").at(-1);

/** Compiles the package's sources into its binding. `rpath` is where it finds the libraries when it runs. */
async function compileBinding(compiler, { folder, binding }, { include, libraries }, rpath) {
  mkdirSync(dirname(binding), { recursive: true });
  // A program that has the old binding open never sees half a file.
  const partial = `${binding}.${process.pid}`;
  // N-API 8 is what the package's sources are written for.
  const flags = ["-std=c++17", "-O2", "-fPIC", "-shared", "-DNAPI_VERSION=8"];
  const includes = [include, findNodeHeaders()].map((path) => `-I${path}`);
  const link = [`-L${libraries}`, ...LIBRARIES.map((name) => `-l:${name}`), `-Wl,-rpath,${rpath}`];
  try {
    await run(compiler.command, [...flags, ...includes, ...SOURCES, "-o", partial, ...link], {
      cwd: folder,
      maxBuffer: 1 << 26,
    });
    renameSync(partial, binding);
  } catch (cause) {
    throw new Error(`${compiler.command} failed:\n${cause.stderr || cause.message}`, { cause });
  } finally {
    rmSync(partial, { force: true });
  }
}

/** The version of the TensorFlow that the binding loads, in a process of its own. */
async function tryBinding({ name, binding }) {
  const program = `console.log(require(${JSON.stringify(binding)}).TF_Version)`;
  const { stdout } = await run(process.execPath, ["-e", program]).catch((cause) => {
    throw new Error(`${name}: the binding does not load: ${cause.stderr.trim() || cause.message}`, { cause });
  });
  return stdout.trim();
}

async function setUp({ wheel, pip = false, python }) {
  if (Number(wheel !== undefined) + Number(pip) + Number(python !== undefined) !== 1) throw new Error(USAGE);
  if (process.platform !== "linux") throw new Error(`expected Linux, received ${process.platform}`);
  const target = findPackage();
  const compiler = await findCompiler();
  if (compiler === undefined) throw new Error("expected a C++ compiler: $CXX, g++ or clang++");
  if (python !== undefined) {
    const installed = await findInstalled(python);
    await compileBinding(compiler, target, installed, installed.libraries);
  } else {
    const download = mkdtempSync(join(tmpdir(), "inseq-tensorflow-"));
    try {
      const unpacked = await unpackWheel(wheel ?? (await downloadWheel(download)), join(target.folder, "deps"));
      await compileBinding(compiler, target, unpacked, "$ORIGIN/../../deps/lib");
    } finally {
      rmSync(download, { recursive: true });
    }
  }
  process.stdout.write(`tensorflow: ${target.name} now uses TensorFlow ${await tryBinding(target)}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const options = { wheel: { type: "string" }, pip: { type: "boolean" }, python: { type: "string" } };
    await setUp(parseArgs({ options }).values);
  } catch (error) {
    process.stderr.write(`setup:tensorflow: ${error.message}\n`);
    process.exitCode = 1;
  }
}
