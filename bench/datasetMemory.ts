/**
 * Memory of `inseq attribute-dataset` and `inseq merge` over many rows, on Linux: `npm run bench:dataset`, half an hour.
 *
 *   --rows N            default 100000
 *
 * The built command attributes a table of so many rows with a small model of random weights (test/golden/gpt2), while its
 * resident memory is read from /proc; then its results become one JSON file. Prints the largest memory of each stretch.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdtemp, open, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { thisMachine } from "./machine.ts";

const MEGABYTE = 1e6;
const SAMPLE_MILLISECONDS = 250;

const { values } = parseArgs({ options: { rows: { type: "string", default: "100000" } } });
const rows = Number(values.rows);
if (!(Number.isInteger(rows) && rows > 0))
  throw new Error(`--rows: expected a number of rows, received ${values.rows}`);
const command = fileURLToPath(new URL("../dist/src/cli/main.js", import.meta.url));
const model = fileURLToPath(new URL("../test/golden/gpt2/model", import.meta.url));

const machine = thisMachine();
console.log(`${machine.cpu}, ${machine.cores} cores, load ${machine.load.toFixed(1)}; commit ${machine.commit}`);
const folder = await mkdtemp(join(tmpdir(), "inseq-memory-"));
try {
  const [data, results] = [join(folder, "rows.csv"), join(folder, "results.jsonl")];
  await writeTable(data);
  const options = ["-m", model, "-d", data, "-in", "q", "-gen", "a", "-bs", "50", "--hide", "-o", results];
  await measured("attribute-dataset", start(["attribute-dataset", ...options]), () => lastRow(results));
  const merged = join(folder, "results.json");
  await measured("merge", start(["merge", results, "-o", merged]), async () => 0);
  console.log(
    `${await megabytes(data)} MB of data, ${await megabytes(results)} MB of results, ${await megabytes(merged)} MB merged`,
  );
} finally {
  await rm(folder, { recursive: true });
}

async function writeTable(path: string): Promise<void> {
  const file = createWriteStream(path);
  file.write("q,a\n");
  for (let i = 0; i < rows; i++) if (!file.write(`"w, ${i}","w, ${i} and ${i % 7}"\n`)) await once(file, "drain");
  file.end();
  await once(file, "close");
}

function start(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [command, ...args], { stdio: ["ignore", "ignore", "inherit"] });
}

/** Samples a process until it ends. Stretches end at 1 %, 2 %, 5 %, 10 %, 20 %, 50 % and all of the rows. */
async function measured(what: string, child: ChildProcess, done: () => Promise<number>): Promise<void> {
  const started = performance.now();
  const ends = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1].map((share) => Math.ceil(share * rows));
  let largest = 0;
  const tell = (until: string) => {
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    console.log(`${what}: ${until}, ${seconds} s: at most ${(largest / MEGABYTE).toFixed(0)} MB`);
    largest = 0;
  };
  while (child.exitCode === null) {
    largest = Math.max(largest, await residentBytes(child));
    const [next = Number.POSITIVE_INFINITY] = ends;
    const count = await done();
    if (count >= next && next < rows) {
      tell(`until row ${count}`);
      while ((ends[0] ?? 0) <= count) ends.shift();
    }
    await sleep(SAMPLE_MILLISECONDS);
  }
  if (child.exitCode !== 0) throw new Error(`${what}: expected the status 0, received ${child.exitCode}`);
  tell("to the end");
}

/** Zero once the process has ended. */
async function residentBytes({ pid }: ChildProcess): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return 1024 * Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0);
}

/** How many rows the result file has: the last whole line says. */
async function lastRow(path: string): Promise<number> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return 0;
  try {
    const { size } = await file.stat();
    const length = Math.min(size, 1 << 16);
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
    const found = [...buffer.toString("latin1").matchAll(/"row":(\d+),"sha256":"\w+"\}\n/g)].at(-1);
    return found === undefined ? 0 : Number(found[1]) + 1;
  } finally {
    await file.close();
  }
}

async function megabytes(path: string): Promise<string> {
  return ((await stat(path)).size / MEGABYTE).toFixed(0);
}
