/** Several processes, threads and backends at once: each gives the numbers that it gives alone. */

import { expect, it } from "vitest";
import { presentBackends } from "../support/backends.ts";
import { preamble, runWithLibrary } from "../support/library.ts";

/** A function that attributes with a golden model on a backend, and gives the scores as a list. */
const scoresOn = `
async function scoresOn(backend, model) {
  const loaded = model ?? (await loadModel(goldenModel, "saliency", { backend }));
  const { sequenceAttributions } = await loaded.attribute("Hello ladies and", "Hello ladies and gentlemen, again");
  return [...sequenceAttributions[0].targetAttributions.values].map(String);
}
`;
const print = "process.stdout.write(JSON.stringify(result));";

const host = presentBackends.includes("native") ? "native" : "wasm";

it(`two processes at once compute on ${host} what one does`, async () => {
  const program = `${scoresOn} const result = await scoresOn("${host}"); ${print}`;
  const [alone, ...together] = [
    await runWithLibrary(program),
    ...(await Promise.all([runWithLibrary(program), runWithLibrary(program)])),
  ];
  expect(alone).not.toHaveLength(0);
  for (const result of together) expect(result).toEqual(alone);
}, 120_000);

it(`a worker thread and a child process compute on ${host} at the same time as their parent`, async () => {
  const child = `${scoresOn} const { parentPort } = await import("node:worker_threads");
    const scores = await scoresOn("${host}");
    if (parentPort) parentPort.postMessage(scores); else process.send(scores);`;
  const result = await runWithLibrary(
    `
    import { Worker } from "node:worker_threads";
    import { fork } from "node:child_process";
    import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
    import { join } from "node:path";
    import { tmpdir } from "node:os";
    ${scoresOn}
    const folder = mkdtempSync(join(tmpdir(), "inseq-"));
    const script = join(folder, "child.mjs");
    writeFileSync(script, process.env.CHILD);
    const message = (source) => new Promise((resolve, reject) => source.once("message", resolve).once("error", reject));
    const model = await loadModel(goldenModel, "saliency", { backend: "${host}" });
    const before = await scoresOn("${host}", model);
    const others = [message(new Worker(script)), message(fork(script))];
    const result = { before, during: await scoresOn("${host}", model), others: await Promise.all(others) };
    rmSync(folder, { recursive: true });
    ${print}`,
    { CHILD: preamble + child },
  );
  const { before, during, others } = result as { before: string[]; during: string[]; others: string[][] };
  expect(during).toEqual(before);
  for (const scores of others) expect(scores).toEqual(before);
}, 120_000);
