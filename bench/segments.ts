/**
 * Segments to all generated tokens at once, forwards (`segment_input_x_gradient`) and as sums of a gradient for every token
 * (`input_x_gradient`): 8 documents of 40 tokens, 100 generated ones, GPT-2 small's size, random weights.
 * `npx tsx bench/segments.ts [threads]`; equal numbers are asserted first.
 */

import { randomModel } from "../models/load.ts";
import { attributeSequence, type SequenceScores } from "../src/attribution/engine.ts";
import { resolveOptions } from "../src/attribution/options.ts";
import type { Sequence } from "../src/attribution/sequence.ts";
import { useBackend } from "../src/backend/backend.ts";
import { NativeBackend } from "../src/backend/native/backend.ts";
import type { MethodId, MethodOptions } from "../src/method/registry.ts";
import { tensorflow } from "../src/tensor.ts";
import type { Span } from "../src/text/span.ts";
import { models } from "./cases.ts";
import { median } from "./median.ts";
import { printTable } from "./table.ts";

const [DOCUMENTS, LENGTH, GENERATED] = [8, 40, 100];
/** Runs that are counted: three, or as many as fit into so many seconds, and at least one. */
const RUNS = 3;
const MOST_SECONDS = 60;
const LONG_SECONDS = 20;
/** Of the largest score of a document: sums of float32 in another order. */
const TOLERANCE = 1e-3;

const { name } = await useBackend("auto");
const running = tensorflow.backend();
if (running instanceof NativeBackend) running.call("set_threads", Number(process.argv[2] ?? 2));
const model = randomModel(models["gpt2-small"], 0, 0.05);
const start = DOCUMENTS * LENGTH;
const ids = Array.from({ length: start + GENERATED }, (_, i) => (11 + i * 7919) % model.facts.vocabSize);
// A character for each token.
const spans = ids.map((_, i): Span => [i, i + 1]);
const sequence: Sequence = {
  source: null,
  target: { ids, tokens: ids.map(String), spans },
  promptLength: start,
  start,
  end: ids.length,
  special: new Set(),
  baselines: [{ source: null, target: ids.map(() => "zero") }],
};
const documents = Array.from({ length: DOCUMENTS }, (_, d): Span => [d * LENGTH, (d + 1) * LENGTH]);

const forwards = await measure("segment_input_x_gradient", { players: documents });
const backwards = await measure("input_x_gradient", {});
const worst = Math.max(...forwards.scores.map((score, i) => Math.abs(score - (backwards.scores[i] ?? Number.NaN))));
const largest = Math.max(...backwards.scores.map(Math.abs));
if (!(worst <= TOLERANCE * largest)) {
  throw new Error(
    `expected equal scores of documents, received a difference of ${worst} among scores up to ${largest}`,
  );
}
printTable(
  ["method", "s", "CPU s", "peak MB of tensors", "rows"],
  [forwards, backwards].map((one) => [
    one.method,
    median(one.seconds).toFixed(2),
    median(one.cpuSeconds).toFixed(2),
    (one.peakBytes / 2 ** 20).toFixed(0),
    String(one.rows),
  ]),
);
const ratio = (of: "seconds" | "cpuSeconds"): string => (median(backwards[of]) / median(forwards[of])).toFixed(1);
console.log(`${name}: ${ratio("seconds")} times faster, ${ratio("cpuSeconds")} times less processor time`);

async function measure(method: MethodId, options: MethodOptions) {
  const attribute = (): Promise<SequenceScores> =>
    attributeSequence(model, sequence, {
      ...resolveOptions(method, options, method === "input_x_gradient" ? { widthReduction: "sum" } : {}),
      attributeTarget: false,
      contrasts: [],
      contrastForceInputs: false,
      output: null,
      limits: { memoryBudget: 2 ** 30 },
      seed: 0,
    });
  let answer: SequenceScores | undefined;
  const [seconds, cpuSeconds]: [number[], number[]] = [[], []];
  for (let run = 0; seconds.length < RUNS; run++) {
    const [began, cpu] = [performance.now(), process.cpuUsage()];
    answer = await attribute();
    const taken = (performance.now() - began) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    // The first run, which packs the weights, is counted only if it takes so long that packing is lost in it.
    if (run === 0 && taken < LONG_SECONDS) continue;
    seconds.push(taken);
    cpuSeconds.push((user + system) / 1e6);
    if (taken * (seconds.length + 1) > MOST_SECONDS) break;
  }
  if (answer === undefined) throw new Error("nothing was measured");
  const { peakBytes, rows } = answer;
  return { method, seconds, cpuSeconds, scores: scoresOfDocuments(answer), peakBytes, rows };
}

/** Σ over a document's tokens: [documents × generated tokens]. */
function scoresOfDocuments({ targetAttributions }: SequenceScores): number[] {
  const { shape = [], values = new Float32Array() } = targetAttributions ?? {};
  const G = shape[1] ?? 0;
  return documents.flatMap(([from, to]) =>
    Array.from({ length: G }, (_, g) => {
      let total = 0;
      for (let s = from; s < to; s++) total += values[s * G + g] ?? 0;
      return total;
    }),
  );
}
