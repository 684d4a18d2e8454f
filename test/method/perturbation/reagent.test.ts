/** ReAGent: with the numbers that Inseq drew it gives Inseq's scores (test/golden/make_reagent.py), and what holds whatever is drawn. */

import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { attributeSequence } from "../../../src/attribution/engine.ts";
import type { AttributionModel } from "../../../src/attributionModel.ts";
import { useBackend } from "../../../src/backend/backend.ts";
import { loadModel } from "../../../src/loadModel.ts";
import type { Game } from "../../../src/method/perturbation/game.ts";
import { probe, type ReagentDraws, type ReagentOptions, reagent } from "../../../src/method/perturbation/reagent.ts";
import { Random } from "../../../src/random.ts";
import { closeScores } from "../../support/closeScores.ts";
import { stepColumn } from "../../support/forcedSequence.ts";
import { goldenPath } from "../../support/goldenResults.ts";
import { request, tinyModel, tinySequence } from "../../support/tinyModels.ts";

interface GoldenCase {
  readonly architecture: string;
  readonly name: string;
  readonly args: Readonly<Record<string, number | boolean>>;
  readonly source: readonly number[] | null;
  readonly target: readonly number[];
  readonly vocabulary: number;
  readonly steps: readonly {
    readonly step: number;
    readonly draws: readonly (readonly number[])[][];
    readonly rounds: number;
    readonly scores: readonly number[];
  }[];
}
const golden = JSON.parse(readFileSync(goldenPath("reagent.json"), "utf8")) as { cases: GoldenCase[] };

const optionsOf = ({ args }: GoldenCase): ReagentOptions =>
  Object.fromEntries(
    Object.entries(args).map(([name, value]) => [
      name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase()),
      value,
    ]),
  );

/** Inseq's draws: s of all probes, then for each round the masks, what comes instead, and what in the test. */
function recorded(draws: GoldenCase["steps"][number]["draws"]): ReagentDraws & { readonly used: Set<number> } {
  const used = new Set<number>();
  const take = (call: number, j: number): Float64Array => {
    used.add(call);
    return Float64Array.from(draws[call]?.[j] ?? []);
  };
  return {
    used,
    start: (j) => take(0, j),
    mask: (j, round) => take(1 + 3 * round, j),
    exchange: (j, round) => take(2 + 3 * round, j),
    test: (j, round) => take(3 + 3 * round, j),
  };
}

describe("golden cases, with the numbers that Inseq drew", () => {
  const models = new Map<string, AttributionModel>();
  beforeAll(async () => {
    for (const { architecture } of golden.cases) {
      if (!models.has(architecture)) models.set(architecture, await loadModel(goldenPath(architecture, "model")));
    }
  });
  afterAll(() => {
    for (const model of models.values()) model.dispose();
  });

  test.each(golden.cases)("$architecture: $name", async (one) => {
    const { model } = models.get(one.architecture) as AttributionModel;
    for (const { step, draws, rounds, scores } of one.steps) {
      const ids = { target: one.target, start: step, end: step + 1, ...(one.source && { source: one.source }) };
      const given = recorded(draws);
      const method = { ...reagent, run: (game: Game, options: ReagentOptions) => probe(game, options, given) };
      const found = await attributeSequence(model, tinySequence(ids), {
        ...request("reagent", optionsOf(one)),
        method,
        sampler: (_side, _id, u) => Math.floor(u * one.vocabulary),
      });
      // As many rounds as Inseq, with all that Inseq drew.
      expect(given.used.size).toBe(1 + 3 * rounds);
      expect(draws.length).toBe(1 + 3 * rounds);
      const attributed = one.source ? found.sourceAttributions : found.targetAttributions;
      closeScores(stepColumn(attributed, 0, scores.length), [...scores], 1e-4);
    }
  });
});

const quick = { keepTopN: 2, stoppingConditionTopK: 12, maxProbeSteps: 4, numProbes: 3 };
const target = [3, 9, 4, 20, 11, 6];

describe("on small models", () => {
  beforeAll(async () => {
    await useBackend("auto");
  });

  test.each(["gpt2", "dynamicLlama", "t5"] as const)(
    "%s: shares of 1, for a step alone as among others",
    async (type) => {
      const model = tinyModel(type, 3);
      const isDecoderOnly = type !== "t5";
      const sequence = tinySequence({ ...(!isDecoderOnly && { source: [5, 9, 7] }), target, start: 2, end: 6 });
      const run = async (changes: object = {}, of = sequence, options: ReagentOptions = quick) =>
        await attributeSequence(
          model,
          of,
          request("reagent", options, { attributeTarget: !isDecoderOnly, ...changes }),
        );
      const whole = await run();
      for (let g = 0; g < 4; g++) {
        const column = [
          ...stepColumn(whole.sourceAttributions, g, 3),
          ...stepColumn(whole.targetAttributions, g, sequence.start + g),
        ];
        expect(column.every((share) => share >= 0)).toBe(true);
        expect(column.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 5);
      }
      // The decoder's start is never exchanged.
      if (!isDecoderOnly) expect(stepColumn(whole.targetAttributions, 2, 1)).toEqual([0]);
      const one = await run({}, { ...sequence, start: 4, end: 5 });
      const columns = (scores: typeof whole, g: number) => [
        ...stepColumn(scores.sourceAttributions, g, 3),
        ...stepColumn(scores.targetAttributions, g, 4),
      ];
      closeScores(columns(one, 0), columns(whole, 2), 1e-4);
      const tight = await run({ limits: { memoryBudget: 1 } });
      closeScores(columns(tight, 2), columns(whole, 2), 1e-4);
      expect((await run()).targetAttributions).toEqual(whole.targetAttributions);
      expect(columns(await run({ seed: 6 }), 2)).not.toEqual(columns(whole, 2));
      model.dispose();
    },
  );

  test("the source alone, where Inseq fails; special tokens get nothing", async () => {
    const model = tinyModel("bart", 3);
    const sequence = { ...tinySequence({ source: [5, 9, 7, 2], target, start: 1, end: 4 }), special: new Set([2]) };
    const { sourceAttributions, targetAttributions } = await attributeSequence(
      model,
      sequence,
      request("reagent", quick),
    );
    expect(targetAttributions).toBeNull();
    const shares = stepColumn(sourceAttributions, 1, 4);
    expect(shares[3]).toBe(0);
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 5);
    model.dispose();
  });

  test("the work is announced, and what is done is no more", async () => {
    const model = tinyModel("gpt2", 3);
    const reports: { rows: number; done: number; total: number }[] = [];
    const sequence = tinySequence({ target, start: 2, end: 6 });
    const { rows } = await attributeSequence(
      model,
      sequence,
      request("reagent", quick, { onPass: (report) => reports.push(report) }),
    );
    expect(reports[0]).toEqual({ rows: 0, done: 0, total: 1 + 4 * 3 * (1 + 4) });
    expect(rows).toBe(reports.at(-1)?.done);
    expect(rows).toBeLessThanOrEqual(1 + 4 * 3 * (1 + 4));
    model.dispose();
  });
});

/** Player 1 alone decides: without it the target is impossible, with it certain. */
const decided: Game = {
  steps: 1,
  players: 5,
  inputs: [5],
  sizes: [1, 1, 1, 1, 1],
  tree: [0, 1, 2, 3, 4],
  sees: () => true,
  value: async (coalitions) => coalitions.map((kept) => Float64Array.of(kept[1] ?? 0)),
  derivative: async (coalitions) => coalitions.map(() => Float64Array.of(Number.NaN)),
  redrawnValues: async (rows) => rows.map(({ kept }) => Float64Array.of(kept[1] ?? 0)),
  redrawnRanks: async (rows) => rows.map(({ kept }) => (kept[1] === 1 ? 0 : 100)),
  note(text) {
    throw new Error(`nothing to note was expected, received "${text}"`);
  },
  random: (stream) => new Random(3, stream),
};

test("notes the steps of which no probe was done", async () => {
  const notes: string[] = [];
  const never: Game = {
    ...decided,
    steps: 2,
    value: async (coalitions) => coalitions.map(() => Float64Array.of(0.5, 0.5)),
    redrawnValues: async (rows) => rows.map(() => Float64Array.of(0.5, 0.5)),
    redrawnRanks: async (rows) => rows.map(({ step }) => (step === 0 ? 0 : 100)),
    note: (text) => notes.push(text),
  };
  const scores = await reagent.run(never, { maxProbeSteps: 2, numProbes: 2 });
  expect(scores[1]?.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 6);
  expect(notes).toEqual([
    "reagent: no probe was done within 2 rounds (maxProbeSteps) for generation steps 1; their scores are means over all probes",
  ]);
});

test("a result keeps what its method notes", async () => {
  const model = await loadModel(goldenPath("gpt2", "model"), "reagent", {
    ...quick,
    keepTopN: 1,
    stoppingConditionTopK: 1,
  });
  const text = "One day, a little girl was happy.";
  const { info } = await model.attribute("One day, a little girl was", text, { maxProbeSteps: 1 });
  expect(info.inseq_tfjs).toMatchObject({ notes: [expect.stringMatching(/^sequence 0: reagent: no probe was done/)] });
  model.dispose();
});

test("changes from certain to impossible give finite scores, and the token that decides most", async () => {
  const [scores] = await reagent.run(decided, { keepTopN: 1 });
  expect(scores?.every(Number.isFinite)).toBe(true);
  // Probes may end before anything was exchanged, when chance alone put it first.
  expect(scores?.[1]).toBeGreaterThan(0.5);
});

test("invertKeep exchanges the best tokens in the test, and those only", async () => {
  const tests: number[][] = [];
  const notes: string[] = [];
  const game: Game = {
    ...decided,
    note: (text) => notes.push(text),
    redrawnRanks: async (rows) =>
      rows.map(({ kept }) => {
        tests.push([...kept]);
        return 100;
      }),
  };
  await reagent.run(game, { keepTopN: 2, invertKeep: true, maxProbeSteps: 3, numProbes: 2 });
  expect(tests.length).toBe(6);
  expect(notes).toHaveLength(1);
  for (const kept of tests) expect(kept.filter((one) => one === 0).length).toBe(2);
});

test.each([
  [{ keepTopN: 0 }, "keepRatio: expected a share between 0 and 1 of the tokens to keep with keepTopN: 0"],
  [{ keepRatio: 0.5 }, "keepRatio: expected keepTopN: 0 beside it, received keepTopN 5"],
  [{ keepTopN: -1 }, "keepTopN: expected an integer ≥ 0, received -1"],
  [{ numProbes: 0 }, "numProbes: expected a positive integer, received 0"],
  [{ replacingRatio: 1 }, "replacingRatio: expected a probability between 0 and 1, received 1"],
])("%o is refused", async (options, message) => {
  expect(() => reagent.evaluations(options, { steps: 1, inputs: [3], tree: [0, 1, 2] })).toThrow(message);
});

test.each([
  [{ removal: "delete" }, {}, 'removal: expected resample for this method, received "delete"'],
  [{}, { attributedFn: "logit" }, "attributedFn: reagent explains probability only, received logit; leave it out"],
  [{}, { logprob: true }, "attributedFn: reagent explains probability only, received probability with logprob"],
] as const)("%o with %o is refused", async (options, asked, message) => {
  const { resolveOptions } = await import("../../../src/attribution/options.ts");
  expect(() => resolveOptions("reagent", options, asked)).toThrow(message);
});

describe("samplers", () => {
  test("words get their parts of speech", async () => {
    const { partsOfSpeech } = await import("../../../src/text/partsOfSpeech.ts");
    expect(await partsOfSpeech([" the", " cellar", " ran", "!", "42", ""])).toEqual([
      "DET",
      "NOUN",
      "VERB",
      "PUNCT",
      "NUM",
      "X",
    ]);
  });

  test("tokens of the same part of speech that begin a word alike take a token's place", async () => {
    const { chosenSampler } = await import("../../../src/attribution/texts/sampler.ts");
    const { partsOfSpeech } = await import("../../../src/text/partsOfSpeech.ts");
    const attributionModel = await loadModel("models/demo/stories-gpt2");
    const { model, tokenizer } = attributionModel;
    const sampler = await chosenSampler({ model, tokenizer, start: null, eos: [], pad: null }, { sampler: "postag" });
    const [id = 0] = tokenizer.encode("The ring was in the cellar").ids.slice(-1);
    const drawn = Array.from({ length: 40 }, (_, i) => sampler?.("target", id, i / 40) ?? 0);
    const texts = tokenizer.readable([id, ...drawn].map((token) => tokenizer.idToToken(token)));
    expect(new Set(await partsOfSpeech(texts)).size).toBe(1);
    expect(new Set(texts.map((text) => text.startsWith(" ")))).toEqual(new Set([true]));
    expect(new Set(drawn).size).toBeGreaterThan(5);
    const output = await attributionModel.attribute("Anna hid the ring in the cellar.", null, {
      method: "reagent",
      sampler: "postag",
      maxProbeSteps: 2,
      numProbes: 2,
      generationArgs: { max_new_tokens: 2 },
    });
    expect(output.info.attribution_args).toMatchObject({ sampler: "postag", max_probe_steps: 2, seed: 0 });
    attributionModel.dispose();
  });

  test("a sampler without anything to draw is refused", async () => {
    const { resolveOptions } = await import("../../../src/attribution/options.ts");
    expect(() => resolveOptions("occlusion", { sampler: "postag" }, {})).toThrow(
      'sampler: expected removal: "resample"',
    );
  });
});
