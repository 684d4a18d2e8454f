import { describe, expect, test } from "vitest";
import { listAggregationFunctions } from "../src/aggregate/functions.ts";
import { listAggregators } from "../src/aggregate/registry.ts";
import { explained } from "../src/cli/explain.ts";
import { OptionError } from "../src/errors.ts";
import { explain, listExplained } from "../src/explain.ts";
import { type Method, methods } from "../src/method/registry.ts";
import { scores } from "../src/score/registry.ts";
import { runHere } from "./cli/runInseq.ts";

const all = Object.values(listExplained()).flat();

test("all methods, scores and aggregators can be explained, and no two have one name", () => {
  const expected = [
    ...Object.keys(methods),
    ...Object.keys(scores),
    ...listAggregators(),
    ...listAggregationFunctions(),
  ];
  expect([...all].sort()).toEqual([...expected].sort());
  expect(new Set(all).size).toBe(all.length);
});

describe.each(all)("%s", (id) => {
  test("has its facts, and every option a line", () => {
    const { facts, options, kind } = explain(id);
    const names = facts.map(([name]) => name);
    expect(names).toEqual(expect.arrayContaining(["Good for", "Bad for"]));
    if (kind === "method" || kind === "score") {
      expect(names).toEqual(expect.arrayContaining(["Formula", "Paper", "Cost", "Unit"]));
    }
    for (const [name, text] of facts) expect(text.length, name).toBeGreaterThan(0);
    for (const { name, help } of options) expect(help?.length, name).toBeGreaterThan(0);
    const lines = explained(id, 60).split("\n");
    expect(lines[0]).toContain(id);
    // A word may be longer than the line.
    for (const line of lines) expect(line.length <= 60 || !line.trim().includes("  "), line).toBe(true);
  });
});

test("defaults are of options that the method has", () => {
  for (const [id, method] of Object.entries<Method>(methods)) {
    expect(method.options, id).toEqual(expect.arrayContaining(Object.keys(method.defaults)));
  }
  expect(explain("lime").options.find(({ name }) => name === "nSamples")?.default).toBe("50");
});

test("an unknown name is an error that names the nearest", () => {
  expect(() => explain("salience")).toThrow(OptionError);
  expect(() => explain("salience")).toThrow(/did you mean "saliency"/);
});

test("the command prints it, and fails with the nearest name", async () => {
  const shown = await runHere(["explain", "entropy"]);
  expect(shown.status).toBe(0);
  expect(shown.out).toContain("−Σ_v p[v] ln p[v]");
  const wrong = await runHere(["explain", "entrop"]);
  expect(wrong.status).toBe(2);
  expect(wrong.err).toMatch(/did you mean "entropy"/);
}, 60_000);
