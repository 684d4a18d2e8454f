import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { FileError, OptionError } from "../src/errors.ts";
import { FeatureAttributionOutput, mergeAttributions } from "../src/output.ts";
import { goldenRaw } from "./support/goldenResults.ts";

const golden = async (architecture: string, id: string) =>
  new FeatureAttributionOutput(await goldenRaw(architecture, id));
const folder = () => mkdtempSync(join(tmpdir(), "inseq-tfjs-"));

describe("files", () => {
  test.each([
    ["plain", {}],
    ["gzip", { compress: true }],
    ["readable", { ndarrayCompact: false }],
  ])("%s: what is saved is loaded", async (_, options) => {
    const path = join(folder(), "new", "out.json");
    for (const id of ["saliency", "attention", "output_step_attributions"]) {
      const output = await golden("marian", id);
      await output.save(path, { ...options, overwrite: true });
      const loaded = await FeatureAttributionOutput.load(path);
      expect(loaded).toEqual(output);
      expect(loaded.equals(output, 0)).toBe(true);
    }
  });

  test("an aggregated attention result is still aggregated after loading", async () => {
    const path = join(folder(), "out.json");
    const aggregated = (await golden("marian", "attention")).aggregate();
    await aggregated.save(path);
    const loaded = await FeatureAttributionOutput.load(path);
    expect(loaded).toEqual(aggregated);
    expect(loaded.aggregate()).toEqual(aggregated);
    expect(loaded.sequenceAttributions[0]?.kind).toBe("multidimensional");
  });

  test("one file for each sequence, with its own texts", async () => {
    const where = folder();
    const output = await golden("gpt2", "batch_forced");
    await output.save(join(where, "out.json"), { splitSequences: true, compress: true });
    expect(readdirSync(where).sort()).toEqual(["out_0.json.gz", "out_1.json.gz"]);
    const parts = await Promise.all([0, 1].map((i) => FeatureAttributionOutput.load(join(where, `out_${i}.json.gz`))));
    expect(parts.map(({ info }) => info.input_texts)).toEqual(
      (output.info.input_texts as string[]).map((text) => [text]),
    );
    expect(mergeAttributions(parts)).toEqual(output);
  });

  test("a file that exists is left alone, and so are its neighbours", async () => {
    const where = folder();
    writeFileSync(join(where, "out_1.json"), "mine");
    const output = await golden("gpt2", "batch_forced");
    await expect(output.save(join(where, "out.json"), { splitSequences: true })).rejects.toThrow(OptionError);
    expect(readdirSync(where)).toEqual(["out_1.json"]);
    await output.save(join(where, "out.json"), { splitSequences: true, overwrite: true });
    expect(readFileSync(join(where, "out_1.json"), "utf8")).toContain("FeatureAttributionOutput");
  });

  test("files that are missing, damaged or of the other kind are refused by name", async () => {
    const path = join(folder(), "out.json");
    await expect(FeatureAttributionOutput.load(path)).rejects.toThrow(FileError);
    writeFileSync(path, "{}");
    await expect(FeatureAttributionOutput.load(path)).rejects.toThrow(/out\.json/);
    await expect(FeatureAttributionOutput.load(path, { decompress: true })).rejects.toThrow(/complete gzip file/);
    await (await golden("t5", "saliency")).save(path, { overwrite: true, compress: true });
    await expect(FeatureAttributionOutput.load(path, { decompress: false })).rejects.toThrow(/received gzip/);
  });
});

describe("methods", () => {
  test("a result is a sequence of sequences", async () => {
    const output = await golden("gpt2", "batch_forced");
    expect(output.length).toBe(2);
    expect([...output]).toEqual(output.sequenceAttributions);
    expect([...output.aggregate()].map(({ targetAttributions }) => targetAttributions?.shape.length)).toEqual([2, 2]);
  });

  test("nothing changes the object it is called on", async () => {
    const output = await golden("marian", "saliency");
    const before = output.serialize();
    output.aggregate({ aggregator: ["scores", "subwords"] });
    output.weightAttributions("probability");
    output.getScoresDicts();
    output.decodeTokens({ decode: () => "x" });
    output.subtract(output);
    output.merge(output);
    expect(output.serialize()).toBe(before);
  });

  test("extremes count 0 and not NaN", async () => {
    const [sequence] = (await golden("marian", "integrated_gradients")).aggregate({
      aggregator: "sum",
      normalize: false,
    });
    const values = [sequence?.sourceAttributions, sequence?.targetAttributions].flatMap((scores) =>
      Array.from(scores?.values ?? []).filter((value) => !Number.isNaN(value)),
    );
    expect(sequence?.minimum).toBe(Math.min(0, ...values));
    expect(sequence?.maximum).toBe(Math.max(0, ...values));
    expect(sequence?.subtract(sequence).maximum).toBe(0);
  });

  test("dictionaries aggregate first, unless told not to", async () => {
    const output = await golden("gpt2", "saliency");
    const [dictionary] = output.getScoresDicts();
    const [sequence] = output.aggregate();
    expect(dictionary?.targetAttributions[0]?.scores[0]?.score).toBe(sequence?.targetAttributions?.values[0]);
    expect(output.aggregate().getScoresDicts({ doAggregation: false })).toEqual([dictionary]);
    expect(() => output.getScoresDicts({ doAggregation: false })).toThrow(/aggregate them first/);
    expect(output.getScoresDicts({ aggregator: "sum" })).not.toEqual([dictionary]);
  });

  test("tokens without a vocabulary id are not decoded", async () => {
    const output = (await golden("gpt2", "saliency")).aggregate({ aggregator: ["scores", "subwords"] });
    const [sequence] = output.decodeTokens({ decode: ([id]) => `#${id}` });
    const [original] = output;
    expect(sequence?.target.map(({ token }) => token)).toEqual(
      original?.target.map(({ token, id }) => (id < 0 ? token : `#${id}`)),
    );
  });

  test("results of different sizes are not subtracted", async () => {
    const [two, one] = [await golden("gpt2", "batch_forced"), await golden("gpt2", "saliency")];
    expect(() => two.subtract(one)).toThrow(/expected 2 sequences, received 1/);
  });
});

/** A Python interpreter that can import inseq, named by INSEQ_PYTHON. */
const python = process.env.INSEQ_PYTHON ?? "";
const hasInseq = python !== "" && spawnSync(python, ["-c", "import inseq"]).status === 0;
const reason = python === "" ? "INSEQ_PYTHON is not set" : `${python} cannot import inseq`;

describe.skipIf(!hasInseq)(`Python Inseq${hasInseq ? "" : ` (skipped: ${reason})`}`, () => {
  test("opens our files and reads the same tokens and numbers", async () => {
    const where = folder();
    const files: { path: string; gzip: boolean; original: string; sequence: number | null; relative: number }[] = [];
    for (const [architecture, id] of [
      ["gpt2", "saliency"],
      ["gpt2", "output_step_attributions"],
      ["gpt2", "batch_forced"],
      ["marian", "attention"],
      ["marian", "integrated_gradients"],
      ["t5", "occlusion"],
      ["llama", "step_scores"],
    ] as const) {
      const output = await golden(architecture, id);
      const base = join(where, `${architecture}_${id}`);
      const original = join(import.meta.dirname, "golden", architecture, "expected", `${id}.json`);
      const file = (path: string, gzip: boolean, relative: number, sequence: number | null = null) => {
        files.push({ path, gzip, original, sequence, relative });
        return path;
      };
      await output.save(file(`${base}.json`, false, 0));
      await output.save(file(`${base}.json.gz`, true, 0), { compress: true });
      await output.save(file(`${base}.16.json`, false, 2 ** -11), { scoresPrecision: "float16" });
      await output.save(file(`${base}.8.json`, false, 2 ** -4), { scoresPrecision: "float8" });
      await output.save(`${base}.split.json`, { splitSequences: true });
      for (const i of output.sequenceAttributions.keys()) file(`${base}.split_${i}.json`, false, 0, i);
    }
    const aggregated = join(where, "aggregated.json");
    await (await golden("gpt2", "saliency")).aggregate().save(aggregated);
    const script = join(import.meta.dirname, "support", "check_with_inseq.py");
    const report = execFileSync(python, [script], { input: JSON.stringify({ files, aggregated }), encoding: "utf8" });
    expect(JSON.parse(report.trim().split("\n").at(-1) ?? "")).toEqual({ checked: files.length + 1, problems: [] });
  }, 180_000);
});
