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
const measures = (part: string): boolean => values.only === undefined || values.only === part;
const python = values.peer === "inseq" ? values.python : null;

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
