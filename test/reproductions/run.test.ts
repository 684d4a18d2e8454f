/** The command of the reproductions. */

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";

const command = ["--import", "tsx", "bench/reproductions/run.ts"];

it("writes a report and every number", () => {
  const out = mkdtempSync(join(tmpdir(), "reproductions-"));
  const told = execFileSync("node", [...command, "factual-knowledge", "--limit", "2", "--out", out], {
    encoding: "utf8",
  });
  expect(told).toContain("The model prefers the true answer in 2 of 2 facts");
  const result = JSON.parse(readFileSync(join(out, "factual-knowledge.json"), "utf8"));
  expect(result).toMatchObject({ reproduction: "factual-knowledge", model: "models/demo/stories-gpt2", seed: 0 });
  expect(result.figures).toMatchObject({ facts: 2, known: 2 });
  expect(result.items).toHaveLength(2);
  expect(readFileSync(join(out, "factual-knowledge.html"), "utf8")).toContain("<h1>Locating factual knowledge</h1>");
});

it.each([
  [["gender-bais"], /^unknown reproduction "gender-bais"; did you mean "gender-bias"\? \(known: [^\n]*\)\n$/],
  [["gender-bias", "--limt", "2"], /^unknown option "limt"; did you mean "limit"\?[^\n]*\n$/],
  [["minimal-pairs", "--data", "/nowhere/pairs.jsonl"], /^ENOENT: [^\n]*\/nowhere\/pairs\.jsonl'\n$/],
])("%s: says what it expects in one line", (args, message) => {
  const { status, stderr } = spawnSync("node", [...command, ...args], { encoding: "utf8" });
  expect([status, stderr]).toEqual([1, expect.stringMatching(message)]);
});
