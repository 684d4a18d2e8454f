import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FeatureAttributionOutput } from "../../src/output.ts";
import { runHere, runInseq, storiesModel, translationModel } from "./runInseq.ts";

const csi = "\u001b[";
const prompt = "Anna hid the ring in the cellar. In the end, the ring was still in the";
const story = ["attribute", "-m", storiesModel, "-i", prompt, "-g", `${prompt} cellar.`];

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "inseq-cli-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

describe("inseq attribute", { timeout: 180_000 }, () => {
  test("shows a story's scores and writes all files, replacing old ones", async () => {
    const [json, html, svg] = ["story.json", "sub/story.html", "story.svg"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    await writeFile(json, "old");
    const files = ["-o", json, "--viz_path", html, "--svg-path", svg];
    const { status, out, err } = await runInseq([...story, "--step_scores", "probability", ...files]);
    expect(err).toBe(
      `inseq: saved attributions to ${json}\ninseq: saved the page to ${html}\ninseq: saved the figure to ${svg}\n`,
    );
    expect(status).toBe(0);
    expect(out).toContain("·cellar");
    expect(out).toContain("probability");
    expect(out).not.toContain(csi);
    expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);

    const saved = await FeatureAttributionOutput.load(json);
    expect(saved.info.attribution_method).toBe("saliency");
    expect(saved.sequenceAttributions[0]?.targetAttributions?.shape).toHaveLength(3);
    expect(Object.keys(saved.sequenceAttributions[0]?.stepScores ?? {})).toEqual(["probability"]);
    expect(await readFile(html, "utf8")).toMatch(/^<!DOCTYPE html>.*cellar.*<\/html>\n$/s);
    expect(await readFile(svg, "utf8")).toMatch(/<svg .*cellar.*<\/svg>/s);
    expect((await readdir(folder)).filter((name) => name.endsWith(".part"))).toEqual([]);
  });

  test("translates two texts, and saves them aggregated, normalised, with a figure each", async () => {
    const json = join(folder, "translation.json");
    const args = ["attribute", "-m", translationModel, "-i", "Annem bir mühendis.", "O bir hemşire.", "--hide"];
    const options = [
      "--attribute_target",
      "--aggregate_output",
      "--normalize_attributions",
      "-o",
      json,
      "--svg_path",
      join(folder, "translation.svg"),
    ];
    const { status, out, err } = await runInseq([...args, ...options]);
    expect(err).toContain(`inseq: saved aggregated attributions to ${json}`);
    expect([status, out]).toEqual([0, ""]);
    const saved = await FeatureAttributionOutput.load(json);
    expect(saved.info.generated_texts).toEqual(["My mother is an engineer.", "She is a nurse."]);
    for (const { sourceAttributions: source, targetAttributions: target, attrPosEnd, attrPosStart } of saved) {
      const G = attrPosEnd - attrPosStart;
      expect(source?.shape).toEqual([source?.shape[0], G]);
      const all = [...(source?.values ?? []), ...(target?.values ?? [])].filter((value) => !Number.isNaN(value));
      // Columns add up to 1; files keep float32 values.
      expect(all.reduce((sum, value) => sum + Math.abs(value), 0)).toBeCloseTo(G, 4);
    }
    const figures = ["translation_0.svg", "translation_1.svg"].map((name) => readFile(join(folder, name), "utf8"));
    expect((await Promise.all(figures)).map((text) => text.includes("<svg "))).toEqual([true, true]);
  });

  test("selects a layer and a head with Inseq's zipped selectors, and colours when told to", async () => {
    const aggregation = ["--attribution_selectors", "1", "2", "--attribution_aggregators", "mean", "mean"];
    const json = join(folder, "attention.json");
    const { status, out, err } = await runInseq([
      ...story,
      "-a",
      "attention",
      ...aggregation,
      "-o",
      json,
      "--color=16m",
    ]);
    expect(err).toBe(`inseq: saved aggregated attributions to ${json}\n`);
    expect(status).toBe(0);
    expect(out).toContain(`${csi}48;2;`);
    const [one] = (await FeatureAttributionOutput.load(json)).sequenceAttributions;
    expect(one?.targetAttributions?.shape).toEqual([one?.targetAttributions?.shape[0], 2]);
  });

  test("NO_COLOR outdoes a terminal, and keyword arguments go where they belong", async () => {
    const kwargs = JSON.stringify({
      contrast_targets: `${prompt} garden.`,
      attribution_args: { method: "riemann_trapezoid", n_steps: 5 },
    });
    const json = join(folder, "contrast.json");
    const contrast = ["-a", "integrated_gradients", "-fn", "contrast_prob_diff", "--attribution_kwargs", kwargs];
    const { status, out, err } = await runInseq([...story, ...contrast, "-o", json, "-e", "-1"], {
      env: { NO_COLOR: "1" },
    });
    expect(err).toBe(`inseq: saved attributions to ${json}\n`);
    expect(status).toBe(0);
    expect(out).not.toContain(csi);
    const { info } = await FeatureAttributionOutput.load(json);
    expect(info.attribution_args).toEqual({ baseline: ["inseq"], method: "riemann_trapezoid", n_steps: 5 });
    expect(info.attributed_fn).toBe("contrast_prob_diff_fn");
  });

  test("explains all that is written by one score, or some characters of it", async () => {
    const columns = async (...spans: string[]) => {
      const json = join(folder, "spans.json");
      const { status, out } = await runHere([...story, "--hide", "--output_spans", ...spans, "-o", json]);
      expect([status, out]).toEqual([0, ""]);
      const [sequence] = (await FeatureAttributionOutput.load(json)).sequenceAttributions;
      return sequence?.target.slice(sequence.attrPosStart, sequence.attrPosEnd).map(({ token }) => token);
    };
    expect(await columns("all")).toEqual(["Ġcellar."]);
    const start = prompt.length + 1;
    expect(await columns(`${start}:${start + 6}`)).toEqual(["Ġcellar"]);
    expect((await runHere([...story, "--output_spans", "12:30", "40"])).err).toContain(
      "--output_spans: expected spans",
    );
  });

  test("ends quietly when its reader goes away, and still writes its files", async () => {
    const json = join(folder, "pipe.json");
    const shell = `$INSEQ "$@" | head -1`;
    const { status, out, err } = await runInseq([...story, "-o", json], { shell });
    expect(err).toBe(`inseq: saved attributions to ${json}\n`);
    expect(status).toBe(0);
    expect(out.trimEnd().split("\n")).toHaveLength(1);
    expect(await FeatureAttributionOutput.load(json)).toHaveLength(1);
  });

  test("Ctrl-C ends it at once, with nothing half-written", async () => {
    const empty = join(folder, "interrupted");
    await mkdir(empty);
    const long = [
      "-a",
      "integrated_gradients",
      "--attribution_kwargs",
      '{"n_steps": 5000, "attribution_args": {"method": "riemann_left"}}',
      "-vv",
    ];
    let seen = false;
    const { status, out, err } = await runInseq([...story, ...long, "-o", join(empty, "a.json")], {
      onReport: (err, child) => {
        if (!seen && err.includes("pass of")) seen = child.kill("SIGINT");
      },
    });
    expect(seen).toBe(true);
    expect(status).toBe(130);
    expect(err).toMatch(/\ninseq: stopped by SIGINT; nothing was written; inseq attribute-dataset keeps/);
    expect(out).toBe("");
    expect(await readdir(empty)).toEqual([]);
  });

  test("in a terminal it shows progress and leaves the cursor alone", async ({ skip }) => {
    if (spawnSync("script", ["--version"]).status !== 0) skip("there is no program `script` to make a terminal with");
    const shell = `script -qec "stty cols 60; $INSEQ attribute -m ${storiesModel} -i '${prompt}' -a integrated_gradients" /dev/null`;
    const { status, out } = await runInseq([], { shell, env: { TERM: "xterm-256color", COLORTERM: "" } });
    expect(status).toBe(0);
    expect(out).toMatch(/attributing .*100%/);
    expect(out).not.toContain(`${csi}?25l`);
    expect(out).toContain(`${csi}48;5;`);
    expect(out).toMatch(/Integrated Gradients/);
  });
});

describe("wrong usage ends with status 2 and one readable error", () => {
  test.each([
    [
      "no model",
      ["attribute", "-i", "a"],
      /--model_name_or_path \(-m\): expected a model: its folder, or its name on the hub, received none/,
    ],
    ["no text", ["attribute", "-m", storiesModel], /--input_texts \(-i\): expected one or more texts/],
    ["an unknown method", [...story, "-a", "integrated_gradient"], /did you mean "integrated_gradients"/],
    ["an unknown command", ["atribute"], /unknown command 'atribute'/],
    [
      "a keyword that cannot be honoured",
      [...story, "--model_kwargs", '{"load_in_8bit": true}'],
      /model_kwargs: "load_in_8bit": true cannot be honoured/,
    ],
    ["a device against a backend", [...story, "--device", "cuda", "--backend", "wasm"], /contradict each other/],
    [
      "selectors without aggregators",
      [...story, "--attribution_selectors", "0"],
      /expected one for each of --attribution_aggregators \(0\)/,
    ],
    [
      "an option given twice",
      [...story, "--attribution_kwargs", '{"attr_pos_start": 3}'],
      /"attr_pos_start" has an option of its own/,
    ],
    [
      "a wrong value in a record, which has Python's names",
      [...story, "-a", "integrated_gradients", "--attribution_kwargs", '{"n_steps": "x"}'],
      /^inseq: n_steps: expected a number, received "x"/,
    ],
    [
      "an unknown name in a record",
      [...story, "-a", "integrated_gradients", "--attribution_kwargs", '{"n_step": 3}'],
      /unknown option "n_step"; did you mean "n_steps"\? \(known: .*internal_batch_size/,
    ],
    ["a folder as a file", [...story, "-o", storiesModel], /--save_path: expected a file's name, received the folder/],
    [
      "a place where no file can be",
      [...story, "--viz_path", join(storiesModel, "config.json", "page.html")],
      /--viz_path: expected a file in a folder that can be written, received ".*page\.html"/,
    ],
    [
      "a text that does not begin with its prompt",
      ["attribute", "-m", storiesModel, "-i", "a", "-g", "b"],
      /begins with its prompt/,
    ],
    ["an empty source", ["attribute", "-m", translationModel, "-i", ""], /./],
  ])("%s", async (_, args, message) => {
    const { status, out, err } = await runHere(args);
    expect(err).toMatch(message);
    expect(err.trimEnd().split("\n").length).toBeLessThanOrEqual(2);
    expect([status, out]).toEqual([2, ""]);
  });
});

describe("other failures end with status 1", { timeout: 180_000 }, () => {
  test.each([
    ["a folder that is not there", "/nowhere/at-all", /expected a model's folder, but there is nothing of that name/],
    ["a folder that is no model", tmpdir(), /expected a Hugging Face model's folder/],
  ])("%s", async (_, model, message) => {
    const { status, out, err } = await runHere(["attribute", "-m", model, "-i", "a"]);
    expect(err).toMatch(message);
    expect(err.trimEnd().split("\n")).toHaveLength(1);
    expect([status, out]).toEqual([1, ""]);
  });

  test("a process ends with the status that its failure has", async () => {
    expect(await runInseq(["attribute", "-i", "a"])).toMatchObject({ status: 2, signal: null, out: "" });
    expect(await runInseq(["attribute", "-m", "/nowhere", "-i", "a"])).toMatchObject({
      status: 1,
      signal: null,
      out: "",
    });
  });

  test("with --very_verbose they say where", async () => {
    const { status, err } = await runHere(["attribute", "-m", "/nowhere", "-i", "a", "-vv"]);
    expect(err).toMatch(/inseq: options {.*"modelNameOrPath":"\/nowhere"/);
    expect(err).toMatch(/FileError: .*\n +at /);
    expect(status).toBe(1);
  });
});

describe("inseq alone", () => {
  test("shows its help and ends with status 1, as Inseq does", async () => {
    const { status, out, err } = await runHere([]);
    expect(out).toMatch(/^Usage: inseq .*attribute/s);
    expect([status, err]).toEqual([1, ""]);
  });

  test.each(["attribute", "attribute-dataset", "attribute-context", "benchmark", "merge"])(
    "the help of %s fits into 80 columns, but for what is to be copied",
    async (command) => {
      const { out, status } = await runHere([command, "--help"]);
      const lines = out.split("\n").filter((line) => !/^ {2}(inseq |\{"prompt")/.test(line));
      expect(lines.filter((line) => line.length > 80)).toEqual([]);
      expect(status).toBe(0);
    },
  );

  test("shows help and version when asked", async () => {
    const help = await runHere(["attribute", "--help"]);
    expect(help.out).toContain("-bs, --batch_size <n>");
    expect(help.out).toContain("integrated_gradients");
    expect([help.status, help.err]).toEqual([0, ""]);
    const { version } = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8")) as {
      version: string;
    };
    expect(await runHere(["--version"])).toMatchObject({ status: 0, out: `${version}\n`, err: "" });
  });
});
