import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writing } from "../../src/cli/writing.ts";
import { loadModel } from "../../src/loadModel.ts";
import { FeatureAttributionOutput } from "../../src/output.ts";
import { whileLocked } from "../../src/platform/nodeHub.ts";
import { Random } from "../../src/random.ts";
import { runHere, storiesModel } from "./runInseq.ts";

const built = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));
const tinyModel = fileURLToPath(new URL("../golden/gpt2/model", import.meta.url));

let folder = "";
const at = (name: string) => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "inseq-dataset-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** Arguments for the tiny model, whatever the data. */
const tiny = (data: string, save: string, ...rest: string[]) => [
  "attribute-dataset",
  ...["-m", tinyModel, "-d", data, "-in", "q", "-gen", "a", "-o", save, "--hide", "--backend", "cpu", ...rest],
];

async function table(name: string, rows: number): Promise<string> {
  const lines = Array.from({ length: rows }, (_, i) => `"w, ${i}","w, ${i} and ${i % 7}"`);
  await writeFile(at(name), ["q,a", ...lines, ""].join("\n"));
  return at(name);
}

const lines = async (path: string) => (await readFile(path, "utf8")).trimEnd().split("\n");

describe("inseq attribute-dataset", { timeout: 240_000 }, () => {
  test("gives what attribute gives, from JSONL, CSV and TSV, in a file that load opens", async () => {
    const model = await loadModel(storiesModel, "saliency");
    const texts = ["Anna hid the ring in the", 'Tom said "no, thanks" to the', "Two\nlines of the"];
    const expected = await model.attribute(texts, null, {
      generationArgs: { max_new_tokens: 3 },
      stepScores: ["entropy"],
    });
    model.dispose();
    const quoted = texts.map((text) => `"${text.replaceAll('"', '""')}"`);
    await writeFile(at("t.jsonl"), texts.map((text) => `${JSON.stringify({ t: { en: text } })}\n`).join("\n"));
    await writeFile(at("t.csv"), ["\ufeffid,t.en", ...quoted.map((text, i) => `${i},${text}`)].join("\r\n"));
    await writeFile(at("t.tsv"), ["t.en\tid", ...quoted.map((text, i) => `${text}\t${i}`)].join("\n"));
    for (const data of ["t.jsonl", "t.csv", "t.tsv"]) {
      const options = ["--generation_kwargs", '{"max_new_tokens": 3}', "--step_scores", "entropy", "--hide"];
      const out = at(`${data}.out.json`);
      const done = await runHere([
        "attribute-dataset",
        "-m",
        storiesModel,
        "-d",
        at(data),
        "-in",
        "t.en",
        "-o",
        out,
        ...options,
      ]);
      expect(done).toMatchObject({ status: 0, out: "" });
      const loaded = await FeatureAttributionOutput.load(out);
      expect(loaded.equals(expected, 1e-6)).toBe(true);
      expect(loaded.info.input_texts).toEqual(texts);
      expect(loaded.info.generated_texts).toEqual(expected.info.generated_texts);
      expect(loaded.info.attr_pos_end).toBe(expected.info.attr_pos_end);
    }
  });

  test("explains contrasts of a field, and saves aggregated scores when asked to", async () => {
    const model = await loadModel(tinyModel, "saliency");
    const texts = {
      q: ["the red", "a word of"],
      a: ["the red door is", "a word of it"],
      c: ["the red house", "a word of her"],
    };
    const expected = await model.attribute(texts.q, texts.a, {
      attributedFn: "contrast_prob_diff",
      contrastTargets: texts.c,
      stepScores: ["kl_divergence"],
    });
    model.dispose();
    await writeFile(
      at("foils.json"),
      JSON.stringify([0, 1].map((i) => ({ q: texts.q[i], a: texts.a[i], c: texts.c[i] }))),
    );
    const contrast = [
      "--contrast_targets_field",
      "c",
      "--attributed_fn",
      "contrast_prob_diff",
      "--step_scores",
      "kl_divergence",
    ];
    const saved = async (name: string, ...rest: string[]) => {
      expect(await runHere(tiny(at("foils.json"), at(name), ...contrast, ...rest))).toMatchObject({ status: 0 });
      return await FeatureAttributionOutput.load(at(name));
    };
    const raw = await saved("foils.out.json");
    expect(raw.equals(expected, 1e-5)).toBe(true);
    const aggregated = await saved("aggregated.out.json", "--aggregate_output");
    expect(aggregated.equals(expected.aggregate({ normalize: false }), 1e-5)).toBe(true);
    expect(aggregated.sequenceAttributions[0]?.targetAttributions?.shape).toHaveLength(2);
    const without = await runHere(tiny(at("foils.json"), at("no.json"), ...contrast.with(1, "foil")));
    expect(without.err).toContain('foils.json: row 1: expected the field "foil", found q, a, c');
  });

  test("is written by one process at a time: another one says so, and takes nothing away", async () => {
    const data = await table("held.csv", 2);
    const save = at("held.jsonl");
    await runHere(tiny(data, save));
    const before = await readFile(save);
    await whileLocked(save, undefined, async (isLocked) => {
      if (!isLocked) return;
      const { status, err } = await runHere(tiny(data, save, "--overwrite"));
      expect(status).toBe(1);
      expect(err).toContain(
        `${save}: expected to be the only one that writes it, but another process does; wait for it`,
      );
    });
    expect(await readFile(save)).toEqual(before);
  });

  test("four shards in parallel processes are one process, byte for byte; merge proves that none is missing", async () => {
    const data = await table("shards.csv", 27);
    const whole = at("whole.jsonl");
    const sizes = ["-bs", "3"];
    const parts = [0, 1, 2, 3].map((i) => at(`part-0000${i}-of-00004.jsonl`));
    const slurm = (i: number) => ({
      SLURM_ARRAY_TASK_ID: `${2 * i + 5}`,
      SLURM_ARRAY_TASK_MIN: "5",
      SLURM_ARRAY_TASK_STEP: "2",
    });
    await Promise.all([
      ended(start(tiny(data, at("part.jsonl"), ...sizes, "--shard", "0/4"))),
      ended(start(tiny(data, at("part.jsonl"), ...sizes, "--shard", "auto/4"), { JOB_COMPLETION_INDEX: "1" })),
      ended(
        start(tiny(data, at("part.jsonl"), ...sizes, "--shard", "auto"), { ...slurm(2), SLURM_ARRAY_TASK_COUNT: "4" }),
      ),
      ended(start(tiny(data, at("part.jsonl"), ...sizes, "--shard", "3/4"))),
    ]);
    await runHere(tiny(data, whole, ...sizes));
    const merged = at("merged.jsonl");
    const done = await runHere(["merge", ...[...parts].reverse(), "-o", merged]);
    expect(done).toMatchObject({ status: 0, err: `inseq: merged 4 files into ${merged}: 27 results, none missing\n` });
    expect(await readFile(merged)).toEqual(await readFile(whole));

    const [first = "", second = "", third = ""] = parts;
    const refused = async (files: string[]) => (await runHere(["merge", ...files, "-o", at("no.json")])).err;
    expect(await refused([at("nothing.jsonl")])).toContain(
      "nothing.jsonl: expected a result file of inseq attribute-dataset (.jsonl), but there is nothing",
    );
    expect(await refused([folder])).toContain("received a folder");
    expect(await refused([data])).toContain("(.jsonl), but its first line is none, or not whole");
    expect((await runHere(["merge", ...parts, "-o", first, "--overwrite"])).err).toContain(
      "expected another file than those that are merged",
    );
    expect((await runHere(["merge", ...parts, "-o", merged])).err).toContain("expected a new file, but it exists");
    expect(await refused(parts.slice(0, 3))).toContain("but 3 (counted from 0) are missing");
    expect(await refused([...parts, second])).toContain("expected every shard once");
    expect(await refused([whole, ...parts])).toContain("received one of 4");
    const text = await readFile(third, "utf8");
    await writeFile(third, text.replace(/.*\n$/, ""));
    expect(await refused(parts)).toMatch(
      /part-00002-of-00004.jsonl: expected a finished shard, but it ends after 6 rows/,
    );
    await writeFile(third, text.replace('"row":7', '"row":8'));
    expect(await refused(parts)).toMatch(/line 3 is damaged/);
    const [head = "", one = "", ...rest] = text.split("\n");
    await writeFile(third, [head, one, one, ...rest].join("\n"));
    expect(await refused(parts)).toMatch(/expected row 7 in line 3, received row 6/);
    await writeFile(third, text);
    const other = await table("other.csv", 28);
    await runHere(tiny(other, at("part.jsonl"), ...sizes, "--shard", "0/4", "--overwrite"));
    expect(await refused(parts)).toContain(`expected the same run as ${first}, but data differs`);
  });

  test("killed at random moments twenty times, it goes on and ends with the same bytes", async () => {
    const data = await table("killed.csv", 700);
    const [whole, killed] = [at("unbroken.jsonl"), at("killed.jsonl")];
    const random = new Random(7);
    const sizes = new Set<number>();
    // The command without a model, so that it begins quickly: each text's result is made of the text.
    for (let kills = 0; kills < 20; kills++) {
      sizes.add(await kill(startWriter(data, killed), killed, random.uniform() * 30));
      // And what the system had not written of the last lines, or only half.
      const now = (await size(killed)) ?? 0;
      if (kills % 3 === 0) await truncate(killed, Math.max(0, now - Math.floor(random.uniform() * 3000)));
    }
    expect(sizes.size).toBeGreaterThan(10);
    expect(await ended(startWriter(data, killed))).toBe(0);
    expect(await ended(startWriter(data, whole))).toBe(0);
    expect((await lines(killed)).sort()).toEqual((await lines(whole)).sort());
    expect(await readFile(killed)).toEqual(await readFile(whole));
    expect(await lines(whole)).toHaveLength(702);
  });

  test("killed with a model, the whole command goes on, too", async () => {
    const data = await table("model.csv", 24);
    const [whole, killed] = [at("whole-model.jsonl"), at("killed-model.jsonl")];
    const args = (save: string) => tiny(data, save, "-bs", "2", "--resume");
    await kill(start(args(killed)), killed, 10);
    expect(await runHere(args(killed))).toMatchObject({ status: 0 });
    expect(await runHere(args(whole))).toMatchObject({ status: 0 });
    expect(await readFile(killed)).toEqual(await readFile(whole));
    const again = await runHere(args(killed));
    expect(again.err).toBe(`inseq: ${killed} has 24 of 24 rows\ninseq: ${killed} is complete: 24 results\n`);
  });

  test("refuses to go on with other data, options or files", async () => {
    const data = await table("changing.csv", 6);
    const save = at("changing.jsonl");
    const run = (...rest: string[]) => runHere(tiny(data, save, "-bs", "2", ...rest));
    expect(await run()).toMatchObject({ status: 0 });
    expect((await run()).err).toContain("--resume goes on with it, --overwrite begins anew");
    expect((await run("--resume", "-a", "input_x_gradient")).err).toMatch(
      /something changed:\n {2}--attribution_method: expected "saliency" as before, received "input_x_gradient"\n/,
    );
    expect((await run("--resume", "--split", "train[:5]")).err).toContain(
      "rows: expected [0,6] as before, received [0,5]",
    );
    await table("changing.csv", 7);
    expect((await run("--resume")).err).toMatch(/data: expected .* as before, received/);
    await writeFile(save, "my diary\n");
    expect((await run("--resume")).err).toContain("expected results of inseq attribute-dataset");
    expect(await readFile(save, "utf8")).toBe("my diary\n");
    expect(await run("--overwrite")).toMatchObject({ status: 0 });
  });

  test("names line and column of malformed rows; skips them only when told to", async () => {
    const rows = [
      "q,a",
      "x,x y",
      "only",
      '"bad"q,x',
      ",",
      '"say ""x""","say ""x"" y"',
      "z,other",
      '"two\nlines","two\nlines y"',
      '5" disk,5" disk x',
    ];
    await writeFile(at("bad.csv"), rows.join("\n"));
    const save = at("bad.out.jsonl");
    const stopped = await runHere(tiny(at("bad.csv"), save, "-bs", "1"));
    expect(stopped).toMatchObject({ status: 1 });
    expect(stopped.err).toBe("inseq: bad.csv: line 3, column 2: expected 2 columns (q, a), received 1\n");
    const skipped = await runHere(tiny(at("bad.csv"), save, "-bs", "1", "--resume", "--on_error", "skip"));
    expect(skipped.status).toBe(0);
    expect(skipped.err).toContain(`inseq: ${save} is complete: 4 results; 4 rows failed, and are noted there`);
    const failures = (await lines(save)).flatMap((line) => (line.startsWith('{"error"') ? JSON.parse(line) : []));
    expect(failures.map(({ row }) => row)).toEqual([1, 2, 5, 7]);
    expect(failures.map(({ error }) => error.slice(0, 32))).toEqual([
      "bad.csv: line 3, column 2: expec",
      "bad.csv: line 4, column 1: expec",
      "bad.csv: line 7: generatedTexts:",
      "bad.csv: line 11, column 1: expe",
    ]);
    const merged = at("bad.json");
    await runHere(["merge", save, "-o", merged]);
    const { info, length } = await FeatureAttributionOutput.load(merged);
    expect(length).toBe(4);
    expect(info.inseq_tfjs).toMatchObject({
      dataset: { rows: [0, 8], failed: failures.map(({ row, error }) => ({ row, error })) },
    });

    await writeFile(at("bad.jsonl"), '{"q":"x","a":"x y"}\n{"q":"x","a":"x y",}\n');
    expect((await runHere(tiny(at("bad.jsonl"), at("j.jsonl")))).err).toContain(
      "bad.jsonl: line 2, column 20: expected a JSON object",
    );
    await writeFile(at("bad.jsonl"), '{"q":"x"}\n');
    expect((await runHere(tiny(at("bad.jsonl"), at("k.jsonl")))).err).toContain(
      'line 1: expected the field "a", found q',
    );
    await writeFile(at("bad.jsonl"), Buffer.from([0x7b, 0xff, 0x7d]));
    expect((await runHere(tiny(at("bad.jsonl"), at("l.jsonl")))).err).toContain("line 1: expected UTF-8 text");
  });

  test("says what to do when there is no space, no permission, or another process", async () => {
    const data = await table("space.csv", 14);
    const save = at("space.jsonl");
    // The limit, in blocks of 1 kB (512 bytes in some shells), stands for a full disk.
    const limited = spawn("sh", [
      "-c",
      `trap '' XFSZ; ulimit -f 60; exec "$@"`,
      "sh",
      process.execPath,
      built,
      ...tiny(data, save, "-bs", "2"),
    ]);
    let err = "";
    limited.stderr.on("data", (text: Buffer) => {
      err += text.toString();
    });
    expect(await ended(limited)).toBe(1);
    expect(err).toMatch(/expected space for the results, but there is none \(EFBIG\).*go on with --resume/);
    expect(await runHere(tiny(data, save, "-bs", "2", "--resume"))).toMatchObject({ status: 0 });
    await runHere(tiny(data, at("unlimited.jsonl"), "-bs", "2"));
    expect(await readFile(save)).toEqual(await readFile(at("unlimited.jsonl")));

    await expect(writing("x.jsonl", () => writeFile("/dev/full", "x"))).rejects.toThrow(
      /x.jsonl: expected space for the results, but there is none \(ENOSPC\)/,
    );
    expect((await runHere(tiny(data, "/dev/full"))).err).toMatch(
      /--save_path: expected a file's name, received "\/dev\/full", which is a device/,
    );

    const refused = await runHere(tiny(data, at("space.csv/out.jsonl")));
    expect(refused.status).toBe(2);
    expect(refused.err).toMatch(/--save_path: expected a file in a folder that can be written.*\(.*(?:ENOTDIR|EEXIST)/);
  });

  test("tells the cost beforehand, and writes nothing", async () => {
    const data = await table("cost.csv", 20);
    const { status, out } = await runHere([
      "attribute-dataset",
      "-m",
      tinyModel,
      "-d",
      data,
      "-in",
      "q",
      "--dry_run",
      "--generation_kwargs",
      '{"max_new_tokens": 2}',
      "--split",
      "train[10%:60%]",
    ]);
    expect(status).toBe(0);
    expect(out).toMatch(/^rows {7}10\ntokens {5}\d+ of inputs, about 20 to explain\nforwards {3}about 20 /);
    expect(out).toMatch(/\nresults {4}about [\d.]+ kB\ntime {7}about \d+ \w+ on \w+ \(6 of 6 texts took [\d.]+ s\)\n$/);
  });

  test("names what is wrong with arguments", async () => {
    const data = await table("arguments.csv", 2);
    const err = async (...rest: string[]) => (await runHere(tiny(data, at("a.jsonl"), ...rest))).err;
    expect(await err("--shard", "4/4")).toContain("expected an index below 4, counted from 0, received 4");
    expect(await err("--shard", "auto")).toContain("expected SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX");
    expect(await err("--split", "test")).toContain("expected train, the one split");
    expect(await err("--split", "train[5:]")).toContain("there are none (the data has 2)");
    expect(await err("--dataset_kwargs", '{"sepp": ","}')).toContain(
      'expected sep, delimiter, column_names, names, quoting for csv files, received ["sepp"]',
    );
    expect(await err("-in", "question")).toContain('expected the field "question", found q, a');
    expect(await err("--attributed_fn", "contrast_prob_diff")).toContain("expected something to compare with");
    expect(await err("-bs", "0")).toContain("--batch_size: expected a positive integer");
    expect((await runHere(["merge", "-o", at("m.json")])).err).toContain("received none");
  });
});

function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
  return spawn(process.execPath, [built, ...args], { stdio: "ignore", env: { ...process.env, ...env } });
}

/** A process that fills a shard as the command does, with a result of its own making for each row. */
function startWriter(data: string, save: string): ChildProcess {
  const program = `
    import { batchesOf } from "./batches.js";
    import { delimitedRows } from "./delimited.js";
    import { fillShard } from "./fillShard.js";
    const [data, save] = process.argv.slice(-2);
    const shard = { index: 0, count: 1 };
    const range = { start: 0, end: 700, batchSize: 4 };
    const rows = () => delimitedRows({ name: data, path: data }, { delimiter: ",", quoted: true });
    await fillShard(save, {
      range,
      options: { resume: true, overwrite: false },
      header: async () => ({ run: { data }, ...shard }),
      onOpen: () => {},
      batches: (skip) => batchesOf(rows(), { range, shard, skip }, { input: "q", generated: "a", chat: false }),
      attribute: async (batch) => batch.map(({ row, input }) => ({ row, result: input.repeat(1 + (row * 37) % 101) })),
    });`;
  const cwd = join(built, "../dataset");
  return spawn(process.execPath, ["--input-type=module", "-e", program, data, save], { stdio: "ignore", cwd });
}

/** Lets a process write something, kills it `delay` milliseconds later, and gives the file's size. */
async function kill(child: ChildProcess, path: string, delay: number): Promise<number> {
  const gone = ended(child);
  const before = (await size(path)) ?? 0;
  while (child.exitCode === null && ((await size(path)) ?? 0) === before) await sleep(1);
  await sleep(delay);
  child.kill("SIGKILL");
  await gone;
  return (await size(path)) ?? 0;
}

/** The exit status; null after a signal. */
function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
}

async function size(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.size;
}
