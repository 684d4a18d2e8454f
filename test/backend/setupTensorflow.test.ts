/**
 * `npm run setup:tensorflow` (kernels/setupTensorflow.mjs): with a wheel, a package and a Python made here, which are as small as
 * their form allows; and with a real wheel, where INSEQ_TENSORFLOW_WHEEL names one.
 */

import { execFile } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { Uint8ArrayReader, Uint8ArrayWriter, ZipWriter } from "@zip.js/zip.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findCompiler } from "../../kernels/build.mjs";
import { runWithLibrary } from "../support/library.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");
const compiler = await findCompiler();

const HEADER = "tensorflow/include/tensorflow/c/eager/c_api.h";
const CC = "tensorflow/libtensorflow_cc.so.2";
const FRAMEWORK = "tensorflow/libtensorflow_framework.so.2";

/** The one function of TensorFlow that the package made here calls. */
const VERSION = 'extern "C" __attribute__((visibility("default"))) const char* TF_Version() { return "2.99.0"; }';
const BINDING = `
#include <node_api.h>
#include "tensorflow/c/eager/c_api.h"
NAPI_MODULE_INIT() {
  napi_value version;
  napi_create_string_utf8(env, TF_Version(), NAPI_AUTO_LENGTH, &version);
  napi_set_named_property(env, exports, "TF_Version", version);
  return exports;
}`;

let folder = "";
const at = (path: string): string => join(folder, path);
const write = (path: string, text: string | Uint8Array): string => {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), text);
  return at(path);
};

async function zip(path: string, entries: Readonly<Record<string, Uint8Array>>): Promise<string> {
  const writer = new ZipWriter(new Uint8ArrayWriter(), { useWebWorkers: false });
  for (const [name, bytes] of Object.entries(entries)) await writer.add(name, new Uint8ArrayReader(bytes));
  return write(path, await writer.close());
}

/** A program in place of Python. */
function python(path: string, script: string): string {
  const file = write(path, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return file;
}

async function setUp(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const script = at("kernels/setupTensorflow.mjs");
  return await run(process.execPath, [script, ...args], { env: { ...process.env, ...env } }).then(
    ({ stdout }) => ({ status: 0, text: stdout }),
    ({ code, stderr }: { code: number; stderr: string }) => ({ status: code, text: stderr }),
  );
}

let wheel = "";
const installed = at;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "inseq-setup-"));
  mkdirSync(at("kernels"));
  for (const name of ["setupTensorflow.mjs", "compile.mjs"])
    copyFileSync(join(root, "kernels", name), at(`kernels/${name}`));
  mkdirSync(at("node_modules"));
  symlinkSync(join(root, "node_modules/@zip.js"), at("node_modules/@zip.js"));
  write(
    "node_modules/@mapbox/node-pre-gyp/index.js",
    'exports.find = (file) => require("node:path").join(file, "../lib/napi-v8/tfjs_binding.node");',
  );
  write("package/package.json", "{}");
  write("package/binding/tfjs_backend.cc", "");
  write("package/binding/tfjs_binding.cc", BINDING);
  if (compiler === undefined) return;
  write("version.cc", VERSION);
  write("nothing.cc", "");
  mkdirSync(at("installed/tensorflow"), { recursive: true });
  const library = (source: string, path: string) =>
    run(compiler.command, ["-shared", "-fPIC", at(source), "-o", at(`installed/${path}`)]);
  await Promise.all([library("version.cc", CC), library("nothing.cc", FRAMEWORK)]);
  write(`installed/${HEADER}`, 'extern "C" const char* TF_Version();');
  const entries = [CC, FRAMEWORK, HEADER].map((name) => [name, readFileSync(at(`installed/${name}`))] as const);
  wheel = await zip("tensorflow_cpu-2.99.0-py3-none-any.whl", Object.fromEntries(entries));
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true }));

const install = (): void => {
  rmSync(at("node_modules/@tensorflow"), { recursive: true, force: true });
  mkdirSync(at("node_modules/@tensorflow/tfjs-node"), { recursive: true });
  for (const name of ["package.json", "binding"]) {
    symlinkSync(at(`package/${name}`), at(`node_modules/@tensorflow/tfjs-node/${name}`));
  }
};

describe.skipIf(compiler === undefined)("setup:tensorflow (skipped without a C++ compiler)", () => {
  const done = { status: 0, text: "tensorflow: @tensorflow/tfjs-node now uses TensorFlow 2.99.0\n" };
  const failed = (text: string) => ({ status: 1, text: expect.stringContaining(text) });

  it("builds the binding from a wheel", async () => {
    install();
    expect(await setUp(["--wheel", wheel])).toEqual(done);
  });

  it("builds it from what pip downloads", async () => {
    install();
    python("bin/python3", `[ "$1 $2 $3" = "-m pip download" ] && cp ${wheel} "$7"`);
    const path = `${at("bin")}:${process.env.PATH}`;
    expect(await setUp(["--pip"], { PATH: path })).toEqual(done);
    python("bin/python3", "echo 'No module named pip' >&2; exit 1");
    expect(await setUp(["--pip"], { PATH: path })).toEqual(failed("tensorflow-cpu failed: No module named pip"));
  });

  it("builds it against what is installed for a Python, where it lies", async () => {
    install();
    expect(await setUp(["--python", python("python", `echo ${installed("installed/tensorflow")}`)])).toEqual(done);
    const without = python("other", "echo 'it has none' >&2; exit 1");
    expect(await setUp(["--python", without])).toEqual(failed(`installed for ${without} (it has none)`));
    const empty = python("empty", `echo ${at("package")}`);
    expect(await setUp(["--python", empty])).toEqual(failed("has no libtensorflow_cc.so.2"));
    expect(await setUp(["--python", at("nowhere")])).toEqual(failed("nowhere"));
  });

  it("says what is wrong with a wheel", async () => {
    install();
    expect(await setUp(["--wheel", at("nowhere.whl")])).toEqual(failed("there is no file"));
    expect(await setUp(["--wheel", at("version.cc")])).toEqual(failed("to be a wheel, which is a zip archive"));
    const unsafe = await zip("unsafe.whl", { "tensorflow/include/tensorflow/c/../../../../../x.h": new Uint8Array(1) });
    expect(await setUp(["--wheel", unsafe])).toEqual(failed("Unsafe filename"));
    const other = await zip("other.whl", { [HEADER]: new Uint8Array(3), [FRAMEWORK]: new Uint8Array(3) });
    expect(await setUp(["--wheel", other])).toEqual(failed(`has no ${CC}`));
    const foreign = await zip("foreign.whl", {
      [CC]: new Uint8Array(3),
      [FRAMEWORK]: new Uint8Array(3),
      [HEADER]: new Uint8Array(),
    });
    expect(await setUp(["--wheel", foreign])).toEqual(failed("failed:\n"));
  });

  it("says what is missing", async () => {
    install();
    for (const args of [[], ["--pip", "--wheel", wheel]]) {
      expect(await setUp(args)).toEqual(failed("expected one of --wheel FILE, --pip, --python PYTHON"));
    }
    expect(await setUp(["--whel", wheel])).toEqual(failed("'--whel'"));
    expect(await setUp(["--wheel", wheel], { CXX: at("nowhere") })).toEqual(failed("expected a C++ compiler"));
    rmSync(at("node_modules/@tensorflow"), { recursive: true });
    expect(await setUp(["--wheel", wheel])).toEqual(
      failed("run npm install --no-save --ignore-scripts @tensorflow/tfjs-node-gpu"),
    );
  });
});

const real = process.env.INSEQ_TENSORFLOW_WHEEL;
const reason = ((): string => {
  if (real === undefined) return " (skipped: INSEQ_TENSORFLOW_WHEEL names no wheel)";
  if (compiler === undefined) return " (skipped: no C++ compiler)";
  const { resolve } = createRequire(import.meta.url);
  const present = ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node"].some((name) => {
    try {
      return resolve(`${name}/package.json`) !== "";
    } catch {
      return false;
    }
  });
  return present ? "" : " (skipped: @tensorflow/tfjs-node-gpu is not installed)";
})();

it.skipIf(reason !== "")(
  `a real wheel gives a tensorflow backend with the scores of the wasm backend${reason}`,
  async () => {
    await run(process.execPath, [join(root, "kernels/setupTensorflow.mjs"), "--wheel", real ?? ""]);
    const scoresOn = (backend: string) =>
      runWithLibrary(
        `const model = await loadModel(goldenModel, "saliency", { backend: "${backend}" });
        const { sequenceAttributions } = await model.attribute("Hello ladies and", "Hello ladies and gentlemen, again");
        console.log(JSON.stringify([...sequenceAttributions[0].targetAttributions.values].map(String)));`,
      ) as Promise<string[]>;
    const [received, expected] = [await scoresOn("tensorflow"), await scoresOn("wasm")];
    expect(received).toHaveLength(expected.length);
    const largest = Math.max(...expected.map(Number).filter(Number.isFinite));
    for (const [i, score] of received.map(Number).entries()) {
      const other = Number(expected[i]);
      // Sums of float32 in another order.
      if (!Number.isNaN(score) || !Number.isNaN(other)) expect(Math.abs(score - other)).toBeLessThan(1e-5 * largest);
    }
  },
  300_000,
);
