/** `inseq benchmark`, end to end on a few items: what it writes, going on after a sudden death, bad input. */

import { mkdtemp, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openJournal } from "../../src/cli/benchmark/journal.ts";
import { estimateText } from "../../src/cli/benchmark/numbers.ts";
import type { Evaluation } from "../../src/evaluate/evaluate.ts";
import { runHere, runInseq, translationModel } from "./runInseq.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "inseq-benchmark-"));
});
afterAll(async () => await rm(folder, { recursive: true }));

const items = [
  { source: "Genç kadın üniversitede. Onu görüyorum.", target: "The young woman is at the university. I see her." },
  { source: "Genç adam üniversitede. Onu görüyorum.", target: "The young man is at the university. I see him." },
].map((item, i, all) => ({ ...item, foil: all[1 - i]?.target.replace(/man|woman/, () => ["woman", "man"][i] ?? "") }));
const evidence = [[[5, 10]], [[5, 9]]];

async function dataFile(): Promise<string> {
  const path = join(folder, "items.jsonl");
  await writeFile(path, items.map((item, i) => JSON.stringify({ ...item, evidence: evidence[i] })).join("\n"));
  return path;
}

const args = (data: string, out: string, ...rest: readonly string[]): string[] => [
  ...[
    "benchmark",
    "-m",
    translationModel,
    "-d",
    data,
    "-o",
    join(folder, out),
    "-a",
    "saliency",
    "integrated_gradients",
  ],
  ...["--method_kwargs", '{"integrated_gradients": {"n_steps": 5}}', ...rest],
];

type Line = { readonly evaluation: Evaluation };

/** The records without the times, which differ, item by item: which item is measured first, to tell the time, differs, too. */
async function records(out: string): Promise<unknown[]> {
  const [, ...lines] = (await readFile(join(folder, out, "records.jsonl"), "utf8")).trim().split("\n");
  const found = lines.map((line) => {
    const { cost, ...rest } = (JSON.parse(line) as Line).evaluation;
    return { ...rest, forwards: cost.forwards };
  });
  return found.sort((a, b) => a.item - b.item || a.method.localeCompare(b.method));
}

describe("inseq benchmark", () => {
  it("prints a table and writes records, results, a spreadsheet and a report", async () => {
    const { status, out, err } = await runHere(args(await dataFile(), "whole"));
    expect(err).toMatch(/^inseq: 5 explanations to go, about \d/m);
    expect(err).toMatch(/saved report\.html, results\.json and results\.csv to/);
    expect(status).toBe(0);
    expect(out).toMatch(/^items: 2 items, translation-marian on /);
    for (const method of ["random", "recency", "leave_one_out", "saliency", "integrated_gradients"])
      expect(out).toMatch(new RegExp(`^${method} +\\d\\.\\d\\d ± \\d\\.\\d\\d`, "m"));
    expect(await records("whole")).toHaveLength(10);
    const csv = (await readFile(join(folder, "whole", "results.csv"), "utf8")).trim().split("\r\n");
    expect(csv).toHaveLength(1 + 5 * 5);
    expect(csv.every((row) => row.split(",").length === 16)).toBe(true);
    const results = JSON.parse(await readFile(join(folder, "whole", "results.json"), "utf8"));
    const [task] = results.tasks;
    expect(task).toMatchObject({ task: "items", items: 2, leftOut: [] });
    // The methods are in the order of the first metric.
    const means = task.methods.map((method: { summaries: { mean: number }[] }) => method.summaries[0]?.mean ?? -1);
    expect(means).toEqual([...means].sort((a, b) => b - a));
    const report = await readFile(join(folder, "whole", "report.html"), "utf8");
    for (const text of ["Removing the highest-scoring words first", "Cost against quality", "kadın ◂", "adam ◂"])
      expect(report).toContain(text);
  });

  it("loads the model a second time, with random weights, for the metric that asks for them", async () => {
    const { out, status } = await runHere(
      args(await dataFile(), "randomized", "-n", "1", "--metrics", "parameter_randomization"),
    );
    expect(status).toBe(0);
    // What does not look at the model stays as it is, what explains it does not.
    expect(out).toMatch(/^recency +1\.00 /m);
    expect(out).toMatch(/^integrated_gradients +(?!1\.00)/m);
  });

  it("goes on after a sudden death, and has nothing twice", async () => {
    const data = await dataFile();
    const path = join(folder, "killed", "records.jsonl");
    const first = await runInseq(args(data, "killed"), {
      // Killed as soon as three records are there.
      shell: `$INSEQ "$@" & while [ "$(cat ${path} 2>/dev/null | wc -l)" -lt 4 ]; do sleep 0.02; done; kill -9 $!; wait $!`,
    });
    expect(first.status).toBe(137);
    const kept = (await readFile(path, "utf8")).split("\n");
    expect(kept.length).toBeGreaterThan(4);
    // Half a line, as if it had died within one.
    await writeFile(path, `${kept.slice(0, 4).join("\n")}\n${kept[4]?.slice(0, 40) ?? ""}{"task": "ite`);
    const again = await runHere(args(data, "killed"));
    expect(again.err).toMatch(/going on behind 3 records/);
    expect(again.status).toBe(0);
    expect(await records("killed")).toEqual(await records("whole"));
  });

  it("makes nothing again where all is there, and nothing of other things", async () => {
    const data = await dataFile();
    const again = await runHere(args(data, "whole"));
    expect(again.err).toMatch(/going on behind 10 records/);
    expect(await records("whole")).toHaveLength(10);
    const other = await runHere(args(data, "whole", "--seed", "3"));
    expect(other.status).toBe(2);
    expect(other.err).toMatch(/expected records of this model, these data and these options, found others; --restart/);
    await writeFile(data, `${await readFile(data, "utf8")}\n`);
    expect((await runHere(args(data, "whole"))).err).toMatch(/found others/);
  });

  it.each<[string, readonly string[], RegExp, number]>([
    ["data without a model", ["-d", "items.jsonl"], /--model_name_or_path: expected the model/, 2],
    ["a model without data", ["-m", translationModel], /--data: expected a file of items, needle or induction/, 2],
    ["needles for a translator", ["-m", translationModel, "-d", "needle"], /expected a decoder-only model/, 2],
    ["no items", ["-n", "0"], /--max_items: expected at least 1, received 0/, 2],
    ["an unknown method", ["-a", "salience"], /did you mean "saliency"/, 2],
    ["an unknown metric", ["--metrics", "auprx"], /did you mean "auprc"/, 2],
    ["options of another method", ["-a", "saliency", "--method_kwargs", '{"lime": {}}'], /received "lime"/, 2],
    ["no file", ["-m", translationModel, "-d", "nowhere.jsonl"], /ENOENT.*nowhere\.jsonl/, 1],
  ])("refuses %s", async (_, wrong, message, status) => {
    const ended = await runHere(["benchmark", "-o", join(folder, "refused"), ...wrong]);
    expect(ended.err).toMatch(message);
    expect(ended.status).toBe(status);
  });

  it("leaves out what does not fit, if it is told to, and says so", async () => {
    const data = join(folder, "mixed.jsonl");
    const [good] = items;
    const rows = [{ ...good, evidence: [[5, 10]] }, { source: "a" }, { ...good, foil: good?.target }];
    await writeFile(data, rows.map((row) => JSON.stringify(row)).join("\n"));
    const stopped = await runHere(args(data, "mixed"));
    expect(stopped.err).toMatch(/mixed\.jsonl, line 2: expected a text as "target"/);
    expect(stopped.status).toBe(1);
    const { out, status } = await runHere(args(data, "mixed", "--on_error", "skip"));
    expect(status).toBe(0);
    expect(out).toMatch(/^mixed: 1 item, /);
    expect(out).toMatch(/too few items \(1\) to tell which methods are better/);
    const inOneLine = out.replace(/\s+/g, " ");
    expect(inOneLine).toMatch(/ left out: \S*mixed\.jsonl, line 2: expected a text as "target"/);
    expect(inOneLine).toContain(' left out: item 1 ("line 3"): expected a foil with another token');
    const [task] = JSON.parse(await readFile(join(folder, "mixed", "results.json"), "utf8")).tasks;
    expect(task.faults).toHaveLength(2);
    expect(await readFile(join(folder, "mixed", "report.html"), "utf8")).toContain("Left out: item 1");
    await writeFile(data, JSON.stringify(rows[2]));
    const none = await runHere(args(data, "none", "--on_error", "skip"));
    expect(none.err).toMatch(/mixed: expected an item that fits the model, received none; item 0/);
    expect(none.status).toBe(2);
  });

  it.each<[number | null, number | null, string]>([
    [0.954, 0.0233, "0.95 ± 0.02"],
    [-0.001, 0.02, "0.00 ± 0.02"],
    [0.0012, 0.0004, "0.001 ± 0.000"],
    [-0.00002, 0.0003, "0.0000 ± 0.0003"],
    [3.2e-7, 1.1e-7, "3e-7 ± 1e-7"],
    [-12.345, null, "-12.35"],
    [0, 0, "0.00 ± 0.00"],
    [null, null, "–"],
  ])("a mean of %s with the error %s reads %s", (mean, standardError, text) => {
    expect(estimateText({ mean, standardError, items: 3 })).toBe(text);
  });

  it("keeps its records where the disk is full, and says where", async () => {
    const path = join(folder, "full.jsonl");
    const journal = openJournal(path, "these", false);
    const line = (item: number) => ({ task: "t", evaluation: { item, method: "m" } as Evaluation });
    await journal.add(line(0));
    await rename(path, `${path}.kept`);
    // What is written there never finds space.
    await symlink("/dev/full", path);
    await expect(journal.add(line(1))).rejects.toThrow(
      /full\.jsonl: expected space for the results, but there is none \(ENOSPC\).* the same command goes on/,
    );
    expect(journal.has("t", 1, "m")).toBe(false);
    await rename(`${path}.kept`, path);
    const again = openJournal(path, "these", false);
    expect(again.evaluations("t")).toEqual([{ item: 0, method: "m" }]);
    expect(() => openJournal(path, "others", false)).toThrow(/found others; --restart/);
    // Without a record there is nothing that could be of something else.
    await writeFile(path, '{"asked":"these"}\n');
    expect(openJournal(path, "others", false).found).toBe(0);
  });

  it("does not begin where nothing can be written", async () => {
    const place = join(folder, "items.jsonl");
    const { err, status } = await runHere(args(await dataFile(), "items.jsonl"));
    expect(err).toContain(`${place}: expected a place that can be written (EEXIST); choose another --save_path`);
    expect(status).toBe(1);
  });

  it("names the line and the column of a bad row", async () => {
    const data = join(folder, "bad.jsonl");
    await writeFile(data, `${JSON.stringify({ ...items[0], evidence: [[5, 500]] })}\n`);
    const { err, status } = await runHere(args(data, "bad"));
    expect(err).toMatch(/bad\.jsonl, line 1, column \d+: expected "evidence" as spans .* received \[5,500\]/);
    expect(status).toBe(1);
  });
});
