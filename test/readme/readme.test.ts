/** The README: its tables are those of the registries, its programs and commands run, its picture is what it says. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { version } from "../../src/version.ts";
import { withTables } from "./tables.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const readme = readFileSync(join(root, "README.md"), "utf8");
const blocks = (language: string): string[] =>
  [...readme.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, "g"))].map(([, body = ""]) => body);

/** A folder like a clone's, where programs may write: what they need of the repository is linked into it. */
let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "inseq-readme-"));
  for (const name of ["package.json", "dist", "models", "kernels", "node_modules"])
    symlinkSync(join(root, name), join(folder, name));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function run(command: string, args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: folder, encoding: "utf8", timeout: 120_000 });
  return { status, stdout, stderr };
}

test("tables are those of the registries (npm run readme brings them up to date)", () => {
  expect(readme).toBe(withTables(readme));
});

test("the version is that of package.json", () => {
  const { version: published } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  expect(version).toBe(published);
});

test("every dependency has its reason", () => {
  const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { dependencies: object };
  const rows = readme.slice(readme.indexOf("## Dependencies"));
  expect(Object.keys(dependencies).filter((name) => !rows.includes(`\`${name}\``))).toEqual([]);
});

test.each(blocks("js").map((body, i) => [i, body] as const))("program %i runs", (i, body) => {
  const file = join(folder, `program${i}.mjs`);
  writeFileSync(file, body);
  const { status, stdout, stderr } = run(process.execPath, ["--preserve-symlinks-main", file]);
  expect(stderr).toBe("");
  expect(status).toBe(0);
  expect(stdout.length).toBeGreaterThan(200);
});

test("the first program shows what the picture and the text under it say", () => {
  const { stdout } = run(process.execPath, ["--preserve-symlinks-main", join(folder, "program0.mjs")]);
  const row = (text: string): number[] => (text.match(/-?\d\.\d\d/g) ?? []).map(Number);
  const babam = row(stdout.split("\n").find((line) => line.includes("Babam")) ?? "");
  // A narrow terminal gets the columns in several blocks; the first one has these.
  expect(babam.length).toBeGreaterThanOrEqual(4);
  const svg = readFileSync(join(root, "models/demo/heatmap.svg"), "utf8");
  const pictured = [...svg.matchAll(/>(\d\.\d\d)</g)].map(([, number]) => Number(number));
  for (const [i, score] of babam.entries())
    expect(Math.abs(score - (pictured[i] ?? NaN)), `column ${i}`).toBeLessThan(0.015);
  // "his" is the fourth column, and "Babam" its strongest source.
  const fourth = stdout
    .split("\n")
    .slice(3, 12)
    .map((line) => row(line)[3] ?? 0);
  expect(Math.max(...fourth)).toBe(babam[3]);
});

test("the command of the README runs and writes what it says", () => {
  const [command = ""] = blocks("sh").filter((body) => body.includes("main.js attribute"));
  const words = (command.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replace(/^"|"$/g, ""));
  expect(words.slice(0, 3)).toEqual(["node", "dist/src/cli/main.js", "attribute"]);
  const { status, stdout, stderr } = run(process.execPath, words.slice(1));
  expect(stderr).toBe("inseq: saved attributions to engineer.json\ninseq: saved the page to engineer.html\n");
  expect(status).toBe(0);
  expect(stdout).toContain("mother");
  for (const file of ["engineer.json", "engineer.html"]) expect(existsSync(join(folder, file)), file).toBe(true);
});

test("the other commands of the README are scripts of package.json", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  const commands = blocks("sh").flatMap((body) => body.trim().split("\n"));
  const rest = commands.filter((command) => !command.startsWith("node "));
  expect(rest).toEqual(["npm ci", "npm start", "npm test"]);
  for (const name of ["start", "test", "readme"]) expect(scripts[name], name).toBeDefined();
});

test("npm start answers its two questions", () => {
  const { status, stdout, stderr } = run(process.execPath, [join(root, "dist/src/cli/demo.js")]);
  expect(stderr).toBe("");
  expect(status).toBe(0);
  expect(stdout.match(/and it is the one that decides/g)?.length).toBe(2);
  for (const name of ["story", "translation"]) {
    for (const kind of ["html", "svg", "json"])
      expect(existsSync(join(folder, `inseq-demo/${name}.${kind}`))).toBe(true);
  }
});
