/**
 * Every method of the registry, as a user calls it: batches, decoder-only and encoder-decoder models, with and without the
 * target, with contrastive scores, on three backends; and what a method cannot do is refused before the model runs at all.
 */

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { AttributeOptions } from "../../src/attribution/options.ts";
import { methodOptionNames } from "../../src/attribution/options.ts";
import type { AttributionModel } from "../../src/attributionModel.ts";
import { OptionError } from "../../src/errors.ts";
import { loadModel } from "../../src/loadModel.ts";
import { listTokenMethods, type Method, type MethodId, methods } from "../../src/method/registry.ts";
import type { Scores, SequenceAttribution } from "../../src/result/attribution.ts";
import { presentBackends } from "../support/backends.ts";
import { goldenPath } from "../support/goldenResults.ts";

const backends = [presentBackends[0] ?? "cpu", "wasm"] as const;
const models = new Map<string, AttributionModel>();
const kinds = ["gpt2", "marian"] as const;
type Kind = (typeof kinds)[number];
beforeAll(async () => {
  for (const kind of [...kinds, "t5"]) {
    for (const backend of new Set([...backends, ...(kind === "gpt2" ? (["cpu"] as const) : [])])) {
      models.set(`${kind} ${backend}`, await loadModel(goldenPath(kind, "model"), "dummy", { backend }));
    }
  }
});
afterAll(() => {
  for (const model of models.values()) model.dispose();
});
const modelOf = (kind: Kind | "t5", backend: string = backends[0]): AttributionModel =>
  models.get(`${kind} ${backend}`) as AttributionModel;

/** Two texts of different lengths, and two foils; the last two tokens of GPT-2 are explained, the first two of Marian. */
const texts = {
  gpt2: {
    inputs: ["The cat", "A big dog"],
    targets: ["The cat sat on", "A big dog ran to"],
    foils: ["The cat was on", "A big dog was to"],
  },
  marian: { inputs: ["The cat sat.", "A dog"], targets: ["a b c", "c a b"], foils: ["a c c", "c b b"] },
} as const;
/** Few points and samples: what is tested holds for any number. */
const few = { nSteps: 3, nSamples: 12, nNeighbors: 3, maxProbeSteps: 3, numProbes: 2 };

const ids = listTokenMethods();
const optionsOf = (id: MethodId): AttributeOptions => {
  const known: readonly string[] = methodOptionNames(methods[id]);
  return Object.fromEntries(Object.entries(few).filter(([name]) => known.includes(name)));
};

/** Whether it explains functions that are linear in the logits only; such methods need blocks that add, which T5 has. */
const isLinear = (method: Method): boolean => method.on === "internals" && method.explains === "logits";

async function attribute(
  kind: Kind,
  id: MethodId,
  which: readonly number[],
  options: AttributeOptions = {},
  backend: string = backends[0],
): Promise<readonly SequenceAttribution[]> {
  const { inputs, targets } = texts[kind];
  const pick = (list: readonly string[]) => which.map((i) => list[i] ?? "");
  const model = kind === "marian" && isLinear(methods[id]) ? "t5" : kind;
  const output = await modelOf(model, backend).attribute(pick(inputs), pick(targets), {
    method: id,
    ...optionsOf(id),
    ...(isLinear(methods[id]) && { attributedFn: "logit" }),
    ...(kind === "marian" ? { attrPosEnd: 3 } : { attrPosStart: -2 }),
    ...options,
  } as AttributeOptions);
  return output.sequenceAttributions;
}

const finite = (scores: Scores | null): number[] => [...(scores?.values ?? [])].filter((x) => !Number.isNaN(x));
const all = ({ sourceAttributions, targetAttributions }: SequenceAttribution): number[] => [
  ...finite(sourceAttributions),
  ...finite(targetAttributions),
];

/** Differences, as shares of the largest score. */
function expectClose(
  received: SequenceAttribution | undefined,
  wanted: SequenceAttribution | undefined,
  share: number,
) {
  if (received === undefined || wanted === undefined) throw new Error("a sequence is missing");
  const [mine, theirs] = [all(received), all(wanted)];
  expect(mine.length).toBe(theirs.length);
  const largest = Math.max(1e-6, ...theirs.map(Math.abs));
  const worst = Math.max(...mine.map((x, i) => Math.abs(x - (theirs[i] ?? Number.NaN))));
  expect(worst / largest).toBeLessThan(share);
}

describe.each(ids)("%s", (id) => {
  const method: Method = methods[id];
  const linear = isLinear(method);

  /** The second text alone, on the fastest backend; each test that compares with it asks once. */
  const single = new Map<Kind, Promise<readonly SequenceAttribution[]>>();
  const alone = (kind: Kind): Promise<readonly SequenceAttribution[]> => {
    const found = single.get(kind) ?? attribute(kind, id, [1]);
    single.set(kind, found);
    return found;
  };

  test.each(kinds)("scores a batch of %s as its single texts", async (kind) => {
    const batch = await attribute(kind, id, [0, 1]);
    expect(batch.length).toBe(2);
    for (const sequence of batch) {
      expect(sequence.sourceAttributions === null).toBe(kind === "gpt2");
      expect(all(sequence).some((x) => x !== 0)).toBe(true);
    }
    // Float32 sums in other orders.
    expectClose(batch[1], (await alone(kind))[0], 1e-4);
  });

  test("scores source and target together", async () => {
    const [sequence] = await attribute("marian", id, [0], { attributeTarget: true });
    expect(finite(sequence?.sourceAttributions ?? null).length).toBeGreaterThan(0);
    expect(finite(sequence?.targetAttributions ?? null).length).toBeGreaterThan(0);
  });

  test.each(kinds)("explains the difference to another token with %s, or says what it explains only", async (kind) => {
    const contrast = {
      attributedFn: linear ? "contrast_logits_diff" : "contrast_prob_diff",
      contrastTargets: texts[kind].foils[1],
    };
    // Some methods are defined for one function only, and say so.
    if (method.on === "players" && method.explains !== undefined) {
      await expect(attribute(kind, id, [1], contrast)).rejects.toThrow(/explains \w+ only/);
      return;
    }
    const [sequence] = await attribute(kind, id, [1], contrast);
    const [plain] = await alone(kind);
    if (sequence === undefined || plain === undefined) throw new Error("a sequence is missing");
    expect(all(sequence).every(Number.isFinite)).toBe(true);
    // Methods that read the inside of the model ask for no function, most of them.
    if (method.on !== "internals") expect(all(sequence)).not.toEqual(all(plain));
  });

  test.skipIf(backends[0] === backends[1])("gives on wasm what it gives on the fastest backend", async () => {
    for (const kind of kinds) {
      const [wasm] = await attribute(kind, id, [1], {}, "wasm");
      expectClose(wasm, (await alone(kind))[0], 1e-3);
    }
  });

  // What perturbs is compared on cpu by everyPerturbation.test.ts, with fewer players.
  test.skipIf(backends[0] === "cpu" || method.on === "players")("gives the same on cpu", async () => {
    const [cpu] = await attribute("gpt2", id, [1], {}, "cpu");
    expectClose(cpu, (await alone("gpt2"))[0], 1e-3);
  });

  test("refuses what it cannot do before the model runs", async () => {
    const { model } = modelOf("gpt2");
    if (model.kind !== "decoder-only") throw new Error("expected a decoder-only model");
    const passes = vi.spyOn(model, "forward");
    const isGradient = method.on === "embeddings" || method.on === "sites";
    const foil = { contrastTargets: texts.gpt2.foils[0] };
    const refused: AttributeOptions[] = [
      { attributeTarget: true },
      { attributedFn: "contrast_prob_diff" },
      { noSuchOption: 1 } as AttributeOptions,
      { attributedFn: "no_such_score" },
      ...(isGradient ? [{ attributedFn: "top_p_size", topP: 0.9 }] : []),
      ...(method.on === "internals" ? [{ stepScores: ["probability"] }] : []),
      ...(method.on === "sites" ? [{ attributedFn: "contrast_prob_diff", ...foil, contrastForceInputs: true }] : []),
      ...(method.usesBaseline === false ? [{ baseline: "zero" } as const] : [{ baseline: "nothing" } as never]),
    ];
    try {
      for (const options of refused) {
        await expect(attribute("gpt2", id, [0], options), JSON.stringify(options)).rejects.toThrow(OptionError);
        expect(passes.mock.calls.length, JSON.stringify(options)).toBe(0);
      }
      await attribute("gpt2", id, [0]);
      expect(passes.mock.calls.length).toBeGreaterThan(0);
    } finally {
      passes.mockRestore();
    }
  });
});

test.each(kinds)(
  "dummy gives a batch of %s, of different lengths, the step scores of its single texts",
  async (kind) => {
    const options = { stepScores: ["probability", "entropy"] };
    const batch = await attribute(kind, "dummy", [0, 1], options);
    expect(batch.length).toBe(2);
    for (const [i, sequence] of batch.entries()) {
      const [single] = await attribute(kind, "dummy", [i], options);
      for (const name of options.stepScores) {
        const [mine, alone] = [finite(sequence.stepScores[name] ?? null), finite(single?.stepScores[name] ?? null)];
        expect(mine.length).toBe(2);
        for (const [step, value] of mine.entries()) expect(value).toBeCloseTo(alone[step] ?? Number.NaN, 5);
      }
    }
  },
);
