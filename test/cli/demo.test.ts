import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FeatureAttributionOutput } from "../../src/output.ts";
import { runInseq } from "./runInseq.ts";

test("the demo finds the words that decide, and its command line gives the same scores", async () => {
  const cwd = await mkdtemp(join(tmpdir(), "inseq-demo-"));
  try {
    const { status, out, err } = await runInseq([], { program: "demo.js", cwd });
    expect([status, err]).toEqual([0, ""]);
    expect(out).toContain("The strongest word is “grey”, and it is the one that decides");
    expect(out).toContain("The strongest word is “Babam”, and it is the one that decides");
    const folder = join(cwd, "inseq-demo");
    const files = ["story", "translation"].flatMap((name) => [`${name}.html`, `${name}.json`, `${name}.svg`]);
    expect((await readdir(folder)).sort()).toEqual(files);
    expect(await readFile(join(folder, "story.html"), "utf8")).toContain("pink");

    const [story = ""] = out.match(/^ {2}story=(?:.|\n)*?--viz_path/m) ?? [];
    const shell = story.replace(/node \S+/, "$INSEQ").replace("--viz_path", "--hide -o again.json");
    expect(await runInseq([], { shell, cwd })).toMatchObject({ status: 0, out: "" });
    const again = await FeatureAttributionOutput.load(join(cwd, "again.json"));
    // Different runs of one program on the same numbers.
    expect(again.equals(await FeatureAttributionOutput.load(join(folder, "story.json")), 0)).toBe(true);
  } finally {
    await rm(cwd, { recursive: true });
  }
}, 180_000);
