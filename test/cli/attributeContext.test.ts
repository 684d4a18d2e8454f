import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { contextQuestions } from "../../src/cli/contextQuestions.ts";
import { AttributeContextOutput } from "../../src/context/output.ts";
import { runHere, runInseq, storiesModel } from "./runInseq.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "inseq-context-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

const story = [
  ...["attribute-context", "-m", storiesModel, "--input_context_text", "Anna hid the ring in the cellar."],
  ...[
    "--input_current_text",
    "In the end, the ring was still in the",
    "--output_current_text",
    "cellar. She was sure.",
  ],
];

describe("inseq attribute-context", { timeout: 120_000 }, () => {
  test("shows what depends on the context, and writes both files", async () => {
    const [json, html] = [join(folder, "a.json"), join(folder, "a.html")] as const;
    const kwargs = ["--model_kwargs", '{"token": "secret", "local_files_only": true}'];
    const options = [
      ...kwargs,
      "-fn",
      "contrast_prob_diff",
      "--attribution_std_threshold=1.5",
      "--memory_budget=1M",
      "-o",
      json,
      "--viz_path",
      html,
    ];
    const { status, out, err } = await runHere([...story, ...options]);
    expect(err).toBe(`inseq: saved the result to ${json}\ninseq: saved the page to ${html}\n`);
    expect(status).toBe(0);
    expect(out).toContain("#1. “cellar” rather than");
    const saved = await AttributeContextOutput.load(json);
    expect(saved.cciScores[0]?.ctiToken).toBe("Ġcellar");
    expect(saved.info).toMatchObject({
      attributed_fn: "contrast_prob_diff",
      attribution_std_threshold: 1.5,
      attribution_kwargs: { memory_budget: 1048576 },
      model_kwargs: { local_files_only: true },
      save_path: json,
    });
    expect(await readFile(json, "utf8")).not.toContain("secret");
    expect(await readFile(html, "utf8")).toMatch(/^<!DOCTYPE html>.*cellar.*<\/html>\n$/s);
  });

  test("shows nothing and saves no options when told so", async () => {
    const json = join(folder, "b.json");
    const { status, out } = await runHere([...story, "--no_show_viz", "--no_add_output_info", "-o", json]);
    expect([status, out]).toEqual([0, ""]);
    expect((await AttributeContextOutput.load(json)).info).toBeNull();
  });

  test("refuses questions without a terminal, and wrong usage", async () => {
    const template = ["--output_template", "{context} {current}"];
    const asking = await runHere([...story, ...template]);
    expect([asking.status, asking.err]).toEqual([2, expect.stringContaining("nobody can be asked")]);
    const number = await runHere([...story, "--context_sensitivity_std_threshold", "many"]);
    expect(number.err).toContain('--context_sensitivity_std_threshold: expected a number, received "many"');
    expect(number.err).toContain("inseq attribute-context --help");
    expect((await runHere(["attribute-context", "-m", storiesModel])).err).toContain("--input_current_text: expected");
    const word = await runHere([...story, "--contextless_output_next_tokens", "garden"]);
    expect(word.err).toContain("--contextless_output_next_tokens: expected an --attributed_fn that compares");
    const progress = await runHere([...story, "--attribution_kwargs", '{"show_progress": "no"}']);
    expect(progress.err).toContain('"show_progress": expected true or false, received no');
  });

  test("a full disk behind the standard output is a failure that is told in one line", async ({ skip }) => {
    if (!existsSync("/dev/full")) skip("there is no device that is always full");
    const { status, err } = await runInseq(["explain", "lime"], { shell: `$INSEQ "$@" > /dev/full` });
    expect(err).toMatch(/^inseq: the standard output cannot be written: ENOSPC.*\n$/);
    expect(status).toBe(1);
  });

  test("at a terminal it asks, takes what is pasted, and shows how far it is", async ({ skip }) => {
    if (spawnSync("script", ["--version"]).status !== 0) skip("there is no program `script` to make a terminal with");
    const asking = `attribute-context -m ${storiesModel} --input_context_text 'Anna hid the ring.' --input_current_text 'It was'`;
    const template = "--output_template '{context} {current}' --generation_kwargs '{\\\"max_new_tokens\\\": 6}'";
    const shell = `printf 'nothing\\n\\ny\\n' | script -qec "stty cols 60; $INSEQ ${asking} ${template}" /dev/null`;
    const { status, out } = await runInseq([], { shell });
    expect(out).toContain('"nothing" is no beginning of it.');
    expect(out).toMatch(/attributing .*100%/);
    expect(out).toContain("Output context");
    expect(status).toBe(0);
  });
});

/** Answers one question after another. */
function person(...answers: string[]) {
  const asked: string[] = [];
  const ask = async (question: string) => {
    asked.push(question);
    return answers.shift() ?? "";
  };
  return { asked, questions: contextQuestions(ask) };
}

describe("questions", () => {
  test("go on until an answer can be used", async () => {
    const { asked, questions } = person("perhaps", "no", "Good", "Hello ");
    expect(await questions.outputContext("Hello there.", "Hello there.")).toBe("Hello");
    expect(asked).toHaveLength(4);
    expect(asked[3]).toContain('"Good" is no beginning of it');
  });

  test("take a good guess, no context, a word or none", async () => {
    expect(await person("y").questions.outputContext("Hello there.", "Hello")).toBe("Hello");
    expect(await person("", "n", "", "yes").questions.outputContext("Hello there.", null)).toBe("");
    expect(await person("y", " ", "garden").questions.nextToken("in the ", " cellar")).toBe("garden");
    expect(await person("n").questions.nextToken("in the ", " cellar")).toBeNull();
  });
});
