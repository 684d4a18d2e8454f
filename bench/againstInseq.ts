/**
 * Attributions beside the real Inseq: same weights, same texts, same machine, one after the other.
 *
 *   npx tsx bench/againstInseq.ts FOLDER PYTHON [RUNS]
 *
 * PYTHON is an interpreter that can import inseq (`pip install inseq`; or its sources on PYTHONPATH). FOLDER is a GPT-2
 * model; it is made with random weights if it is not there. First the sums of all scores are compared, then the medians.
 */

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { loadModel } from "../src/loadModel.ts";
import type { MethodId } from "../src/method/registry.ts";
import { median } from "./median.ts";

const CASES: readonly (readonly [method: MethodId, prompt: number, generated: number])[] = [
  ["saliency", 17, 33],
  ["saliency", 17, 102],
  ["integrated_gradients", 4, 17],
];
/** Both sides sum the same numbers in float32, in another order. */
const TOLERANCE = 1e-4;

interface Peer {
  readonly prompt: string;
  readonly text: string;
  readonly seconds: readonly number[];
  readonly sum: number;
  readonly mb: number;
}

const [folder, python, runs = "3"] = process.argv.slice(2);
if (folder === undefined || python === undefined)
  throw new Error("usage: npx tsx bench/againstInseq.ts FOLDER PYTHON [RUNS]");
const script = fileURLToPath(new URL("peer_inseq.py", import.meta.url));

console.log("| case | ours | Inseq | ratio |\n| --- | --- | --- | --- |");
for (const [method, prompt, generated] of CASES) {
  const { status, stdout, stderr } = spawnSync(python, [script, folder, method, `${prompt}`, `${generated}`, runs], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`the peer failed: ${stderr.slice(-1000)}`);
  const peer = JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Peer;
  const model = await loadModel(folder, method, method === "integrated_gradients" ? { nSteps: 20 } : {});
  const seconds: number[] = [];
  let sum = 0;
  // One run more than the peer's, not counted: weights are packed in the first.
  for (let run = 0; run <= peer.seconds.length; run++) {
    const start = performance.now();
    const output = await model.attribute(peer.prompt, peer.text);
    if (run > 0) seconds.push((performance.now() - start) / 1000);
    const values = output.sequenceAttributions[0]?.targetAttributions?.values ?? new Float32Array();
    sum = values.reduce((total, value) => total + (Number.isNaN(value) ? 0 : Math.abs(value)), 0);
  }
  model.dispose();
  if (!(Math.abs(sum - peer.sum) <= TOLERANCE * peer.sum)) {
    throw new Error(`${method}: expected scores that sum to ${peer.sum}, as Inseq's do, received ${sum}`);
  }
  const [ours, theirs] = [median(seconds), median([...peer.seconds])];
  console.log(
    `| ${method}, ${prompt} + ${generated} tokens, ${model.backend.name} | ${ours.toFixed(2)} s | ${theirs.toFixed(2)} s | ` +
      `${(theirs / ours).toFixed(1)} |`,
  );
}
const { maxRSS } = process.resourceUsage();
console.log(`peak memory of this process over all cases: ${Math.round(maxRSS / 1024)} MB`);
