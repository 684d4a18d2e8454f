/** Sets of foils, the model's own alternatives, and alignments found by the model. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AttributeOptions } from "../../../src/attribution/options.ts";
import { alignStates } from "../../../src/attribution/texts/alignment.ts";
import type { AttributionModel } from "../../../src/attributionModel.ts";
import { loadModel } from "../../../src/loadModel.ts";
import { closeScores } from "../../support/closeScores.ts";

let stories: AttributionModel;
let marian: AttributionModel;
beforeAll(async () => {
  stories = await loadModel("models/demo/stories-gpt2", "input_x_gradient");
  marian = await loadModel("models/demo/translation-marian", "input_x_gradient");
});
afterAll(() => {
  stories.dispose();
  marian.dispose();
});

const prompt = "Tom hid the ring in the cellar. In the end, the ring was still in the";
const full = `${prompt} cellar`;
const foils = ["garden", "kitchen", "attic"].map((place) => `${prompt} ${place}`);

async function scores(options: AttributeOptions): Promise<{ target: number[]; step: number[] }> {
  const output = await stories.attribute(prompt, full, options);
  const [sequence] = output.sequenceAttributions;
  const numbers = [...(sequence?.targetAttributions?.values ?? [])].filter((x) => !Number.isNaN(x));
  return { target: numbers, step: Object.values(sequence?.stepScores ?? {}).flatMap(({ values }) => [...values]) };
}

describe("a set of foils", () => {
  const id = "contrast_logits_diff";
  const each = (options: AttributeOptions = {}) =>
    Promise.all(foils.map((foil) => scores({ attributedFn: id, stepScores: [id], contrastTargets: foil, ...options })));

  test.each([false, true])("mean: the mean of the differences to each (contexts of their own: %s)", async (forced) => {
    const contrastForceInputs = forced;
    const all = await scores({ attributedFn: id, stepScores: [id], contrastTargets: [foils], contrastForceInputs });
    const alone = await each({ contrastForceInputs });
    const mean = (of: "target" | "step") =>
      alone[0]?.[of].map((_, i) => alone.reduce((sum, one) => sum + (one[of][i] ?? 0), 0) / alone.length) ?? [];
    closeScores(all.target, mean("target"), 1e-5);
    closeScores(all.step, mean("step"), 1e-5);
  });

  test("sum and log-sum-exp of logits, and the probability of the set", async () => {
    const asked = (stepScores: string, more: AttributeOptions = {}) =>
      scores({ method: "dummy", stepScores: [stepScores], contrastTargets: [foils], ...more });
    const one = async (stepScore: string, more: AttributeOptions = {}): Promise<number[]> =>
      (
        await Promise.all(
          foils.map((contrastTargets) =>
            scores({ method: "dummy", stepScores: [stepScore], contrastTargets, ...more }),
          ),
        )
      ).map(({ step }) => step[0] ?? Number.NaN);
    const [logits, p] = [await one("contrast_logits"), await one("contrast_prob")];
    const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
    const value = async (...args: Parameters<typeof asked>) => (await asked(...args)).step[0] ?? Number.NaN;
    expect(await value("contrast_logits", { foilReduction: "sum" })).toBeCloseTo(sum(logits), 3);
    expect(await value("contrast_prob", { foilReduction: "sum" })).toBeCloseTo(sum(p), 6);
    const logOdds = await value("in_context_pvi", { foilReduction: "logsumexp" });
    const [y = Number.NaN] = (await scores({ method: "dummy", stepScores: ["probability"] })).step;
    expect(logOdds).toBeCloseTo(Math.log(sum(p)) - Math.log(y), 4);
  });

  test("shows all foils", async () => {
    const output = await stories.attribute(prompt, full, { attributedFn: id, contrastTargets: [foils] });
    expect(output.sequenceAttributions[0]?.target.at(-1)?.token).toBe("Ġgarden|Ġkitchen|Ġattic → Ġcellar");
  });

  test("the steps apart have the tokens of the sequence", async () => {
    const asked = { attributedFn: id, contrastTargets: foils[0] as string, outputStepAttributions: true } as const;
    const { sequenceAttributions, stepAttributions } = await stories.attribute(prompt, full, asked);
    const target = sequenceAttributions[0]?.target ?? [];
    expect(stepAttributions).toHaveLength(1);
    expect(stepAttributions?.[0]?.target).toEqual([target.slice(-1)]);
    expect(target.at(-1)).toMatchObject({ token: "Ġgarden → Ġcellar", id: -1 });
    expect(stepAttributions?.[0]?.prefix).toEqual([target.slice(0, -1)]);
    expect(target.slice(0, -1).map((token) => token.id)).toEqual(stories.encode(prompt).ids);
  });
});

describe("the model's own alternatives", () => {
  test("are the likeliest tokens but for the text's own", async () => {
    const asked = { attributedFn: "contrast_prob_diff", contrastTargets: { top: 2 } } as const;
    const output = await stories.attribute(prompt, full, { ...asked, stepScores: ["contrast_prob", "probability"] });
    const [sequence] = output.sequenceAttributions;
    const label = sequence?.target.at(-1)?.token ?? "";
    const [, names = ""] = /^(.*) → Ġcellar$/.exec(label) ?? [];
    const words = names.split("|").map((name) => name.replace("Ġ", ""));
    expect(words).toHaveLength(2);
    const p = await Promise.all(
      words.map(async (word) => {
        const other = await stories.attribute(prompt, `${prompt} ${word}`, {
          method: "dummy",
          stepScores: ["probability"],
        });
        return other.sequenceAttributions[0]?.stepScores.probability?.values[0] ?? Number.NaN;
      }),
    );
    expect(p[0]).toBeGreaterThan(p[1] ?? 1);
    const contrast = sequence?.stepScores.contrast_prob?.values[0] ?? Number.NaN;
    expect(contrast).toBeCloseTo(((p[0] ?? 0) + (p[1] ?? 0)) / 2, 5);
    expect(output.info.attributed_fn_args).toMatchObject({ contrast_targets: { top: 2 } });
    // No single other word is likelier than the first one.
    for (const foil of foils) {
      const { step } = await scores({ method: "dummy", stepScores: ["contrast_prob"], contrastTargets: foil });
      expect(step[0]).toBeLessThanOrEqual((p[0] ?? 0) + 1e-6);
    }
  });

  test.each([
    [{ contrastTargets: { top: 0 } }, /positive integer k/],
    [{ contrastTargets: { top: 2, of: 3 } as never }, /positive integer k/],
    [{ contrastTargets: { top: 10 ** 9 } }, /expected fewer than/],
    [{ contrastTargets: { top: 2 }, contrastForceInputs: true }, /same context/],
    [{ contrastTargets: { top: 2 }, contrastTargetsAlignments: "auto" as const }, /expected texts/],
    [{ contrastTargets: [[]] }, /at least one text in each set/],
    [{ contrastTargets: foils[0] ?? "", foilReduction: "max" as never }, /unknown foilReduction/],
  ])("%j is refused", async (options, message) => {
    await expect(scores({ attributedFn: "contrast_prob_diff", ...options })).rejects.toThrow(message);
  });

  test("two contexts cannot be compared without a second one", async () => {
    await expect(scores({ stepScores: ["kl_divergence"], contrastTargets: { top: 2 } })).rejects.toThrow(
      "same context",
    );
  });
});

describe("alignment", () => {
  /** Of each token of the first text that is in the second, too: the fraction that is aligned with its counterpart. */
  async function accuracy(first: string, second: string, alignments?: "auto"): Promise<number> {
    const words = (text: string) => text.split(/ |(?=\.)/);
    const [a, b] = [words(first), words(second)];
    const output = await stories.attribute(a[0] ?? "", first, {
      method: "dummy",
      attrPosStart: 1,
      stepScores: ["contrast_logits"],
      contrastTargets: second,
      ...(alignments && { contrastTargetsAlignments: alignments }),
    });
    const [sequence] = output.sequenceAttributions;
    const kept = (sequence?.target ?? []).slice(1).filter(({ token }) => !token.includes("→")).length;
    const common = a.slice(1).filter((word) => b.includes(word)).length;
    return kept / common;
  }

  test("words that were put in or taken out shift what comes after them", async () => {
    const cases = [
      [
        "Tom hid the ring in the cellar. Anna went to the garden.",
        "Tom hid the ring in the cellar. In the end, Anna went to the garden.",
      ],
      [
        "Tom hid the ring in the cellar. Nobody said a word. Anna sat down.",
        "Tom hid the ring in the cellar. Anna sat down.",
      ],
      ["Anna put the key in the box. Tom sat down.", "Anna put the key in the box. Tom sat down. Nobody said a word."],
    ] as const;
    for (const [first, second] of cases) {
      // Words that come several times are counted once too little: the share may pass 1.
      expect(await accuracy(first, second, "auto"), first).toBeGreaterThanOrEqual(0.95);
      expect(await accuracy(first, second), first).toBeLessThan(0.6);
    }
  });

  test("identical texts are aligned token by token", async () => {
    const text = "My father forgot his watch at the hospital.";
    const output = await marian.attribute("Babam saatini hastanede unuttu.", text, {
      attributedFn: "contrast_prob_diff",
      contrastTargets: text,
      contrastTargetsAlignments: "auto",
    });
    expect(output.sequenceAttributions[0]?.target.some(({ id }) => id === -1)).toBe(false);
  });

  test("states in another order find each other", () => {
    const random = (seed: number) => Float32Array.from({ length: 16 }, (_, d) => Math.sin(seed * 7.3 + d * d * 1.7));
    const states = Array.from({ length: 7 }, (_, i) => random(i));
    const order = [2, 0, 1, 5, 4, 6, 3];
    const pairs = alignStates(
      states,
      order.map((i) => states[i] as Float32Array),
    );
    for (const [j, i] of order.entries()) expect(pairs).toContainEqual([i, j]);
    expect(alignStates(states, [])).toEqual([]);
  });
});

describe("passes with dropout", () => {
  const asked = (options: AttributeOptions = {}) =>
    scores({ method: "dummy", stepScores: ["mc_dropout_prob_avg"], ...options });

  test("their mean tends to the probability without dropout as less is dropped, and their seed repeats them", async () => {
    const [p = Number.NaN] = (await scores({ method: "dummy", stepScores: ["probability"] })).step;
    const error = async (mcdRate: number) => Math.abs(((await asked({ mcdRate, nMcdSteps: 8 })).step[0] ?? 0) - p);
    expect(await error(1e-4)).toBeLessThan(0.02 * p);
    expect(await error(0.5)).toBeGreaterThan(await error(1e-4));
    expect(await asked({ mcdRate: 0.2, seed: 3 })).toEqual(await asked({ mcdRate: 0.2, seed: 3 }));
    expect(await asked({ mcdRate: 0.2, seed: 3 })).not.toEqual(await asked({ mcdRate: 0.2, seed: 4 }));
  });

  test("the z-score is Inseq's number: distance to the mean in standard deviations of the sample", async () => {
    const options = { mcdRate: 0.2, nMcdSteps: 3, seed: 5 };
    const stepScores = ["mc_dropout_prob_avg", "mc_dropout_prob_zscore", "probability"];
    const [mean = 0, z = 0, p = 0] = (await scores({ method: "dummy", stepScores, ...options })).step;
    // The passes are those of a longer run: three means tell the three samples.
    const mean2 = (await asked({ ...options, nMcdSteps: 2 })).step[0] ?? 0;
    const third = 3 * mean - 2 * mean2;
    expect(third).toBeGreaterThanOrEqual(0);
    expect(z).not.toBe(0);
    expect(Math.sign(z)).toBe(Math.sign(p - mean));
  });

  test.each([
    [{ nMcdSteps: 1 }, /nMcdSteps: expected an integer ≥ 2/],
    [{ mcdRate: 1 }, /mcdRate: expected a number in \(0, 1\)/],
  ])("%j is refused", async (options, message) => {
    await expect(asked(options)).rejects.toThrow(message);
  });

  test("no method goes through them", async () => {
    for (const method of ["input_x_gradient", "leave_one_out"] as const) {
      await expect(scores({ method, attributedFn: "mc_dropout_prob_avg" })).rejects.toThrow("as a step score");
    }
  });
});
