/**
 * One attribution, in a process of its own so that its peak memory is its own: reads a `CaseRequest` from the command line,
 * prints a `CaseResult`, or a `Refusal`, as its last line.
 */

import { randomModel } from "../models/load.ts";
import { attributeSequence } from "../src/attribution/engine.ts";
import { resolveOptions } from "../src/attribution/options.ts";
import type { Sequence } from "../src/attribution/sequence.ts";
import { type BackendName, useBackend } from "../src/backend/backend.ts";
import { NativeBackend } from "../src/backend/native/backend.ts";
import { UnsupportedError } from "../src/errors.ts";
import type { JsonObject } from "../src/json.ts";
import { loadModel } from "../src/loadModel.ts";
import { type MethodOptions, methods } from "../src/method/registry.ts";
import type { Scores } from "../src/result/attribution.ts";
import { scores } from "../src/score/registry.ts";
import { tensorflow } from "../src/tensor.ts";
import type { Encoding } from "../src/text/tokenizer.ts";
import { type AttributionCase, models } from "./cases.ts";
import { countPasses, type Passes } from "./passes.ts";

/** The texts and the folder that the peer uses, too. */
export interface Shared {
  readonly folder: string;
  readonly source: string;
  readonly target: string;
  readonly contrast: string | null;
}

export interface CaseRequest {
  readonly case: AttributionCase;
  readonly backend: BackendName | "auto";
  readonly shared: Shared | null;
  /** Of the native backend. */
  readonly threads: number;
  /** Replaces the number of layers, for a check that takes little time. */
  readonly layers?: number;
}

export interface CaseResult {
  readonly backend: string;
  readonly seconds: readonly number[];
  /** Of all threads: on a busy machine it says more than the time that passed. */
  readonly cpuSeconds: readonly number[];
  /** Sum of the magnitudes of all scores. */
  readonly sum: number;
  /** Peak of the process, in MB of 2²⁰ bytes. */
  readonly mb: number;
  /** Of one run. */
  readonly passes: Passes;
}

/** What is printed where the model has not what the method needs. */
export interface Refusal {
  readonly refused: string;
}

/** Runs that are counted: three, or as many as fit into so many seconds, and at least one. */
const RUNS = 3;
const MOST_SECONDS = 60;
/** The first run, which packs the weights, is counted only if it takes so long that packing is lost in it. */
const LONG_SECONDS = 20;

const request = JSON.parse(process.argv[2] ?? "") as CaseRequest;
const { shared } = request;
const { backend, attribute, model } = await (shared === null ? byIds(request) : byTexts(request, shared));
try {
  console.log(JSON.stringify(await measure()));
} catch (error) {
  if (!(error instanceof UnsupportedError)) throw error;
  console.log(JSON.stringify({ refused: error.message } satisfies Refusal));
}

async function measure(): Promise<CaseResult> {
  const running = tensorflow.backend();
  if (running instanceof NativeBackend) running.call("set_threads", request.threads);
  const counter = countPasses(model);
  const seconds: number[] = [];
  const cpuSeconds: number[] = [];
  let parts: readonly (Scores | null)[] = [];
  let counted = false;
  while (seconds.length < RUNS) {
    counter.reset();
    const start = performance.now();
    const cpuStart = process.cpuUsage();
    parts = await attribute();
    const taken = (performance.now() - start) / 1000;
    const { user, system } = process.cpuUsage(cpuStart);
    if (counted || taken > LONG_SECONDS) {
      seconds.push(taken);
      cpuSeconds.push((user + system) / 1e6);
      if (taken * (seconds.length + 1) > MOST_SECONDS) break;
    }
    counted = true;
  }
  const mb = process.resourceUsage().maxRSS / 1024;
  return { backend, seconds, cpuSeconds, sum: magnitude(parts), mb, passes: counter.read() };
}

async function byTexts({ case: c, backend }: CaseRequest, { folder, source, target, contrast }: Shared) {
  const model = await loadModel(folder, c.method, { ...methodOptionsOf(c), backend });
  const asked = contrast === null ? {} : { attributedFn: "contrast_prob_diff" as const, contrastTargets: contrast };
  return {
    backend: model.backend.name,
    model: model.model,
    async attribute() {
      const { sequenceAttributions } = await model.attribute(source, target, asked);
      return sequenceAttributions.flatMap((one) => [one.sourceAttributions, one.targetAttributions]);
    },
  };
}

/** Without a tokenizer: ids, and the scores as the engine gives them. */
async function byIds({ case: c, backend, layers }: CaseRequest) {
  const { name } = await useBackend(backend);
  const config = layers === undefined ? models[c.model] : withLayers(models[c.model], layers);
  const model = randomModel(config, 0, 0.05);
  const method = methods[c.method];
  const sequence = sequenceOf(c, model.facts.vocabSize);
  const { target, start, end } = sequence;
  const contrast = c.contrast
    ? {
        source: null,
        target: { ...target, ids: target.ids.map((id, t) => (t < start ? id : (id + 1) % model.facts.vocabSize)) },
        positions: Array.from({ length: end - start }, (_, g) => start + g),
        ids: target.ids.slice(start, end).map((id) => (id + 1) % model.facts.vocabSize),
        tokens: target.tokens.slice(start, end),
      }
    : null;
  const id = "contrast_prob_diff";
  const attributed = contrast
    ? { id, score: scores[id], options: {} }
    : resolveOptions(c.method, methodOptionsOf(c), {}).attributed;
  return {
    backend: name,
    model,
    async attribute() {
      const answer = await attributeSequence(model, sequence, {
        methodId: c.method,
        method,
        methodOptions: methodOptionsOf(c),
        attributed,
        stepScores: [],
        attributeTarget: false,
        contrasts: contrast === null ? [] : [contrast],
        contrastForceInputs: false,
        limits: { memoryBudget: 2 ** 30 },
        output: null,
        seed: 0,
      });
      return [answer.sourceAttributions, answer.targetAttributions];
    },
  };
}

function methodOptionsOf({ steps, options }: AttributionCase): MethodOptions {
  return { ...(steps !== undefined && { nSteps: steps }), ...options };
}

function withLayers(config: JsonObject, layers: number): JsonObject {
  const names = ["n_layer", "num_hidden_layers", "encoder_layers", "decoder_layers"];
  return Object.fromEntries(Object.entries(config).map(([key, value]) => [key, names.includes(key) ? layers : value]));
}

function sequenceOf({ model, prompt, generated }: AttributionCase, vocabSize: number): Sequence {
  const draw = (length: number, from: number): Encoding => {
    const ids = Array.from({ length }, (_, i) => (from + i * 7919) % vocabSize);
    return { ids, tokens: ids.map(String), spans: ids.map(() => null) };
  };
  const isPair = "encoder_layers" in models[model];
  const source = isPair ? draw(prompt, 5) : null;
  const start = isPair ? 1 : prompt;
  const target = draw(start + generated, 11);
  const baseline = (encoding: Encoding): number[] => encoding.ids.map(() => vocabSize - 1);
  return {
    source,
    target,
    promptLength: start,
    start,
    end: start + generated,
    special: new Set(),
    baselines: [{ source: source && baseline(source), target: baseline(target) }],
  };
}

function magnitude(parts: readonly (Scores | null)[]): number {
  let total = 0;
  for (const part of parts) {
    for (const value of part?.values ?? []) total += Number.isNaN(value) ? 0 : Math.abs(value);
  }
  return total;
}
