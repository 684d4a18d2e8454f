/**
 * The benchmark: `npm run bench`, a few minutes. Prints tables and writes bench/results/<machine>.json.
 *
 *   --peer inseq        attributions beside the real Inseq, operations beside PyTorch
 *   --python PYTHON     an interpreter that can import both (default: python3; pip install inseq)
 *   --only ops|attribution|methods
 *   --match TEXT        only attributions and methods whose description contains it: "17 + 33", "marian"
 *   --threads N         of ours and of the peer; with 1 the times of processors compare on a busy machine, too
 *   --full              the whole grid of models, prompts, lengths and methods: hours on two cores
 */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { listBackends, useBackend } from "../src/backend/backend.ts";
import { NativeBackend } from "../src/backend/native/backend.ts";
import { tensorflow } from "../src/tensor.ts";
import { measureAttributions } from "./attribution.ts";
import { allCases, describeCase, shortCases } from "./cases.ts";
import { slugOf, thisMachine } from "./machine.ts";
import { methodCases } from "./methodCases.ts";
import { measureMethods } from "./methods.ts";
import { opCases, products } from "./opCases.ts";
import { measureOps } from "./ops.ts";
import { measurePeak } from "./peak.ts";
import { startPeerOps } from "./peerOps.ts";

const { values } = parseArgs({
  options: {
    peer: { type: "string" },
    python: { type: "string", default: "python3" },
    only: { type: "string" },
    threads: { type: "string" },
    match: { type: "string", default: "" },
    full: { type: "boolean", default: false },
  },
});
if (values.peer !== undefined && values.peer !== "inseq") {
  throw new Error(`--peer: expected inseq, received ${values.peer}`);
}
const parts = ["ops", "attribution", "methods"];
if (values.only !== undefined && !parts.includes(values.only)) {
  throw new Error(`--only: expected ${parts.join(", ")}, received ${values.only}`);
}
if (values.threads !== undefined && !/^[1-9]\d{0,2}$/.test(values.threads)) {
  throw new Error(`--threads: expected a whole number above 0, received ${values.threads}`);
}
const measures = (part: string): boolean => values.only === undefined || values.only === part;
const python = values.peer === "inseq" ? values.python : null;
if (python !== null) checkPeer(python, values.only === "ops" ? ["torch"] : ["torch", "inseq"]);

const machine = thisMachine();
const { name, description } = await useBackend("auto");
const backend = tensorflow.backend();
const isNative = backend instanceof NativeBackend;
if (values.threads !== undefined && isNative) backend.call("set_threads", Number(values.threads));
const threads = isNative ? backend.library.read("threads") : machine.cores;
console.log(`${machine.cpu}, ${machine.cores} cores, load ${machine.load.toFixed(1)}; commit ${machine.commit}`);
console.log(`${name}: ${description}\n`);

const folder = fileURLToPath(new URL("results/", import.meta.url));
const file = `${folder}${slugOf(machine)}.json`;
// What is not measured this time stays as it was measured, each part with the machine and commit of its time.
const results = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Results) : { attributions: {} };
if (measures("ops")) results.operations = { machine, ...(await operations()) };
if (measures("attribution")) {
  const cases = (values.full ? allCases : shortCases).filter((one) => describeCase(one).includes(values.match));
  if (cases.length === 0 && values.only === "attribution")
    throw new Error(`--match: no case contains "${values.match}"`);
  for (const { case: one, ...row } of measureAttributions(cases, { backend: name, python, threads })) {
    results.attributions[`${describeCase(one)}, threads: ${threads}`] = { machine, ...row };
    write();
  }
}
if (measures("methods")) {
  const cases = methodCases.filter((one) => describeCase(one).includes(values.match));
  if (cases.length === 0 && values.only === "methods") throw new Error(`--match: no method contains "${values.match}"`);
  measureMethods(cases, { backend: name, python, threads }, ({ case: one, ...row }) => {
    results.methods = { ...results.methods, [`${describeCase(one)}, threads: ${threads}`]: { machine, ...row } };
    write();
  });
}
write();
console.log(`\nwritten to bench/results/${slugOf(machine)}.json`);

/** Before anything is measured. */
function checkPeer(python: string, packages: readonly string[]): void {
  const program =
    "import sys, importlib.util as u; print(*[name for name in sys.argv[1:] if u.find_spec(name) is None])";
  const { error, status, stdout, stderr } = spawnSync(python, ["-c", program, ...packages], { encoding: "utf8" });
  const missing = error?.message ?? (status === 0 ? stdout.trim() : stderr.trim());
  if (missing === "") return;
  throw new Error(
    `--peer: expected ${python} to have ${packages.join(" and ")}, but it lacks or says: ${missing}; ` +
      `run ${python} -m pip install ${packages.join(" ")}, or name another one with --python`,
  );
}

function write(): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, `${JSON.stringify(results, null, 1)}\n`);
}

interface Results {
  operations?: object;
  methods?: Record<string, object>;
  readonly attributions: Record<string, object>;
}

async function operations() {
  const peak = await measurePeak(threads);
  if (peak !== null) console.log(`peak: ${peak.gflops} GFLOP/s in registers, ${peak.gbytes} GB/s to memory\n`);
  const peer = python === null ? null : await startPeerOps(python, threads);
  try {
    const present = (await listBackends()).filter(({ available }) => available).map((one) => one.name);
    const others = present.filter((one) => one !== name && one !== "cpu");
    const matrixProducts = await measureOps(products, [name], peer, peak, threads);
    console.log();
    const ops = await measureOps(opCases, [name, ...others], peer, peak, threads);
    console.log();
    return { peak, pytorch: peer?.version ?? null, products: matrixProducts, ops };
  } finally {
    peer?.stop();
  }
}
