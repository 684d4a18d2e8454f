import { describe, expect, it } from "vitest";
import { parse, readSources, type SourceFile } from "./support/sourceFiles.ts";

/** What is on one line may import from the lines above it, and a folder from itself. */
const order = [
  ["src/errors.ts"],
  [
    "src/names.ts",
    "src/indices.ts",
    "src/dims.ts",
    "src/version.ts",
    "src/numberFormats.ts",
    "src/json.ts",
    "src/files.ts",
    "src/random.ts",
    "src/tensor.ts",
  ],
  ["src/text", "src/ops"],
  ["src/model"],
  ["src/platform", "src/layers"],
  ["src/backend", "models"],
  ["src/result"],
  ["src/score"],
  ["src/method"],
  ["src/attribution"],
  ["src/aggregate"],
  ["src/render"],
  ["src/output.ts", "src/explain.ts"],
  ["src/attributionModel.ts", "src/pretrainedArguments.ts"],
  ["src/evaluate", "src/context"],
  ["src/loadModel.ts"],
  ["src/index.ts"],
  ["src/cli"],
];

const files = readSources(["src", "models"]);
const byPath = new Map(files.map((file) => [file.path, file]));

const stageOf = (path: string): string =>
  order.flat().find((stage) => path === stage || path.startsWith(`${stage}/`)) ?? "nowhere";
const levelOf = (stage: string): number => order.findIndex((stages) => stages.includes(stage));
const within = (path: string, ...stages: readonly string[]): boolean => stages.includes(stageOf(path));
const isOurs = (target: string): boolean => byPath.has(target);

/** Imports that `wrong` says are wrong, as "importer → imported". */
function offending(wrong: (file: SourceFile, target: string, typeOnly: boolean) => boolean): string[] {
  return files.flatMap((file) =>
    file.imports
      .filter(({ target, typeOnly }) => wrong(file, target, typeOnly))
      .map(({ target }) => `${file.path} → ${target}`),
  );
}

/** The files that code of `path` runs with, itself included, each with the path that led there. */
function reachable(path: string): Map<string, string> {
  const found = new Map([[path, path]]);
  for (const [from, trail] of found) {
    for (const { target, typeOnly } of byPath.get(from)?.imports ?? []) {
      if (!typeOnly && isOurs(target) && !found.has(target)) found.set(target, `${trail} → ${target}`);
    }
  }
  return found;
}

function trailsTo(stages: readonly string[], forbidden: (path: string) => boolean): string[] {
  return files
    .filter(({ path }) => within(path, ...stages))
    .flatMap(({ path }) => [...reachable(path)].filter(([target]) => forbidden(target)).map(([, trail]) => trail));
}

describe("imports", () => {
  it("go one way: every file belongs to a stage and imports earlier ones only", () => {
    expect(files.length).toBeGreaterThan(100);
    expect(files.filter(({ path }) => stageOf(path) === "nowhere").map(({ path }) => path)).toEqual([]);
    const backwards = offending(({ path }, target) => {
      if (!isOurs(target) || stageOf(path) === stageOf(target)) return false;
      return levelOf(stageOf(target)) >= levelOf(stageOf(path));
    });
    expect(backwards).toEqual([]);
  });

  it("name files that exist", () => {
    expect(offending((_, target) => /^(?:src|models)\//.test(target) && !isOurs(target))).toEqual([]);
  });

  it("make no circle between files", () => {
    const circles = files.flatMap(({ path, imports }) =>
      imports
        .filter(({ target, typeOnly }) => !typeOnly && isOurs(target) && reachable(target).has(path))
        .map(({ target }) => `${path} → ${reachable(target).get(path)}`),
    );
    expect(circles).toEqual([]);
  });

  it("keep scores and methods from seeing a model; what sites there are is all that a method knows of one", () => {
    const known = (path: string, target: string, typeOnly: boolean) =>
      typeOnly && within(path, "src/method") && target === "src/model/sites.ts";
    expect(
      offending(
        ({ path }, target, typeOnly) =>
          within(path, "src/score", "src/method") &&
          within(target, "src/model", "models") &&
          !known(path, target, typeOnly),
      ),
    ).toEqual([]);
    expect(trailsTo(["src/score", "src/method"], (target) => within(target, "src/model", "models"))).toEqual([]);
  });

  it("keep aggregation, results and views from seeing a tensor, even from afar", () => {
    expect(trailsTo(["src/result", "src/aggregate", "src/render"], (target) => target === "src/tensor.ts")).toEqual([]);
  });

  it("keep metrics from seeing a model or a tensor, even from afar", () => {
    const metrics = files.map(({ path }) => path).filter((path) => path.startsWith("src/evaluate/metrics/"));
    expect(metrics.length).toBeGreaterThan(2);
    const trails = metrics.flatMap((path) => [...reachable(path)]);
    const forbidden = ([path]: [string, string]) => path === "src/tensor.ts" || within(path, "src/model", "models");
    expect(trails.filter(forbidden).map(([, trail]) => trail)).toEqual([]);
  });

  it("of TensorFlow.js are in src/tensor.ts only; a backend imports its own package and no other", () => {
    const elsewhere = offending(({ path }, target) => {
      if (!target.startsWith("@tensorflow/")) return false;
      if (path === "src/tensor.ts") return target !== "@tensorflow/tfjs";
      return !within(path, "src/backend") || !target.startsWith("@tensorflow/tfjs-backend-");
    });
    expect(elsewhere).toEqual([]);
    expect(byPath.get("src/tensor.ts")?.imports.map(({ target }) => target)).toEqual(["@tensorflow/tfjs"]);
  });

  it("of Node, or of names known only at run time, are in src/platform/node* and the command line only", () => {
    const elsewhere = offending(({ path }, target) => {
      if (!target.startsWith("node:") && target !== "(computed)") return false;
      return !/^src\/platform\/node\w*(?:\/\w+)?\.ts$/.test(path) && !within(path, "src/cli");
    });
    expect(elsewhere).toEqual([]);
  });

  it("reach the files for Node under names that have a counterpart for browsers", () => {
    const forNode = files.map(({ path }) => path).filter((path) => /^src\/platform\/node\w*\.ts$/.test(path));
    expect(forNode).toContain("src/platform/node.ts");
    const counterparts = forNode.map((path) => path.replace(/node(\w*)\.ts$/, "browser$1.ts"));
    expect(counterparts.filter((path) => !byPath.has(path))).toEqual([]);
    // The parts of such a file, in a folder of its name, are its own affair.
    const fromOutside = offending(({ path }, target) => {
      const [, owner] = /^src\/platform\/(node\w*)\//.exec(target) ?? [];
      return (
        owner !== undefined &&
        !path.startsWith(`src/platform/${owner}.ts`) &&
        !path.startsWith(`src/platform/${owner}/`)
      );
    });
    expect(fromOutside).toEqual([]);
  });
});

describe("source files", () => {
  it("have fewer than 500 lines", () => {
    expect(files.filter(({ lines }) => lines >= 500).map(({ path, lines }) => `${path}: ${lines}`)).toEqual([]);
  });

  it("contain no any, no default export, no module-level let, no unfinished place, no assertion against the compiler", () => {
    const found = files.flatMap(({ path, findings }) =>
      findings
        .filter((finding) => !(path === "src/tensor.ts" && finding.endsWith("as unknown as")))
        .filter((finding) => !(within(path, "src/cli") && finding.endsWith("console")))
        .map((finding) => `${path} ${finding}`),
    );
    expect(found).toEqual([]);
  });

  it("would be found out if they did", () => {
    const { findings, imports } = parse(
      "src/score/bad.ts",
      [
        'import { a, type B } from "../model/a.ts";',
        'import { type C } from "../tensor.ts"; import type { D } from "./d.ts";',
        'export * from "node:fs";',
        "let state: any = a!;",
        'export default (await import("./e.ts")) as unknown as B;',
        "console.log(state); // TODO",
        "await import(state); export default function f() {}",
      ].join("\n"),
    );
    expect(imports).toEqual([
      { target: "src/model/a.ts", typeOnly: false },
      { target: "src/tensor.ts", typeOnly: true },
      { target: "src/score/d.ts", typeOnly: true },
      { target: "node:fs", typeOnly: false },
      { target: "src/score/e.ts", typeOnly: false },
      { target: "(computed)", typeOnly: false },
    ]);
    expect(findings).toEqual([
      "line 4: module-level let",
      "line 4: any",
      "line 4: non-null assertion",
      "line 5: default export",
      "line 5: as unknown as",
      "line 6: console",
      "line 7: default export",
      "line 6: unfinished",
    ]);
  });
});
