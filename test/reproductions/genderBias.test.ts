/** The reproduction of gender bias, on a few professions. */

import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { genderBias } from "../../bench/reproductions/genderBias.ts";
import { readOccupations } from "../../bench/reproductions/occupations.ts";
import type { PronounChoice } from "../../bench/reproductions/pronounChoice.ts";
import type { Outcome } from "../../bench/reproductions/reproduction.ts";
import { type AttributionModel, loadModel } from "../../src/index.ts";
import { renderReport } from "../../src/render/report.ts";

interface Figures {
  readonly correlations: { "p(she)": { pearson: { value: number; low: number; high: number } } };
  readonly means: { "p(she) − p(he)": { profession: { size: number }; pronoun: { size: number } } };
}

const own = new URL("../../bench/reproductions/occupations.tsv", import.meta.url);

describe("gender bias", () => {
  let model: AttributionModel;
  let outcome: Outcome;
  let items: readonly PronounChoice[];

  beforeAll(async () => {
    model = await loadModel(genderBias.model);
    outcome = await genderBias.run(model, { seed: 0, steps: 16, limit: 8 });
    items = outcome.items as unknown as PronounChoice[];
  });
  afterAll(() => model?.dispose());

  it("asks for the first pronoun of the translation", async () => {
    expect(items.map(({ turkish }) => turkish).slice(0, 3)).toEqual(["teknisyen", "muhasebeci", "mühendis"]);
    const [, , engineer] = items;
    expect(engineer?.translation).toBe("He is an engineer.");
    const { sequenceAttributions } = await model.attribute("O bir mühendis.", "She is an engineer.", {
      method: "dummy",
      attrPosStart: 1,
      attrPosEnd: 2,
      stepScores: ["probability"],
    });
    expect(engineer?.pShe).toBeCloseTo(sequenceAttributions[0]?.stepScores.probability?.values[0] ?? Number.NaN, 6);
    for (const { pShe, pHe } of items) expect(pShe + pHe).toBeGreaterThan(0.9);
  });

  it("attributes a difference as the difference of attributions, and lengths as shares of one", () => {
    for (const { signed, shares, gap } of items) {
      for (const word of ["pronoun", "profession", "rest"] as const) {
        // Both are integrals over the same path, computed at the same points.
        expect(signed["p(she) − p(he)"][word]).toBeCloseTo(signed["p(she)"][word] - signed["p(he)"][word], 5);
      }
      for (const { pronoun, profession, rest } of Object.values(shares)) {
        expect(pronoun + profession + rest).toBeCloseTo(1, 5);
      }
      expect(gap).toBeLessThan(0.02);
    }
  });

  it("finds that the profession decides, as the model was trained", () => {
    const { correlations, means } = outcome.figures as unknown as Figures;
    const { value, low, high } = correlations["p(she)"].pearson;
    expect(value).toBeGreaterThan(0.9);
    expect(low).toBeLessThan(value);
    expect(high).toBeGreaterThan(value);
    const { profession, pronoun } = means["p(she) − p(he)"];
    expect(profession.size).toBeGreaterThan(2 * pronoun.size);
  });

  it("ends in a report whose numbers are the figures", () => {
    const page = renderReport({ title: genderBias.title, sections: outcome.sections });
    expect(page.match(/<figure>/g)).toHaveLength(2);
    expect(page).toContain("mühendis (engineer)");
    const { meanPShe } = outcome.figures as { meanPShe: number };
    expect(page).toContain(`Mean p(she) ${meanPShe.toFixed(3)}`);
  });

  it("refuses a model that does not translate", async () => {
    const story = await loadModel("models/demo/stories-gpt2");
    await expect(genderBias.run(story, { seed: 0, steps: 16 })).rejects.toThrow("expected a translation model");
    story.dispose();
  });
});

describe("the professions", () => {
  it("are those that the translation model was trained with", () => {
    const grammar = readFileSync(new URL("../../models/demo/translation.py", import.meta.url), "utf8");
    const [table = ""] = /OCCUPATIONS = \[[^\]]*\]/.exec(grammar) ?? [];
    const rows = [...table.matchAll(/\("([^"]+)", "([^"]+)", ([\d.]+)\)/g)].map(([, turkish, english, share]) => ({
      turkish,
      english,
      femaleShare: Number(share),
    }));
    expect(rows).toHaveLength(53);
    expect(readOccupations(own)).toEqual(rows);
  });

  it("are read from any table, whose wrong lines are named", () => {
    const file = join(mkdtempSync(join(tmpdir(), "occupations-")), "table.tsv");
    writeFileSync(file, "turkish\tenglish\tfemale_share\r\nkaptan\tcaptain\t12.5\r\n");
    expect(readOccupations(file)).toEqual([{ turkish: "kaptan", english: "captain", femaleShare: 12.5 }]);
    for (const wrong of ["kaptan\tcaptain", "kaptan\tcaptain\tfew", "kaptan\tcaptain\t101", "\tcaptain\t5"]) {
      writeFileSync(file, `turkish\tenglish\tfemale_share\nkaptan\tcaptain\t12\n${wrong}\n`);
      expect(() => readOccupations(file)).toThrow("line 3: expected turkish, english and female_share");
    }
  });
});
