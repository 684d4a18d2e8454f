/** README and docs: tables are those of the registries, programs and commands run, links lead somewhere, pictures are what is said. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { version } from "../../src/version.ts";
import { pages, readPage, root } from "./pages.ts";
import { withTables } from "./tables.ts";

const readme = readPage("README.md");
const text = pages.map(readPage).join("\n");
/** Of all pages, README's first; what stands on two pages once. */
const blocks = (language: string): string[] => {
  const found = [...text.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, "g"))];
  return [...new Set(found.map(([, body = ""]) => body))];
};

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

test.each(pages)("%s: tables are those of the registries (npm run readme brings them up to date)", (page) => {
  expect(readPage(page)).toBe(withTables(readPage(page)));
});

test.each(pages)("%s: links lead to files of the repository", (page) => {
  const links = [...readPage(page).matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)].map(([, target = ""]) => target);
  const own = links.filter((target) => !target.startsWith("http"));
  expect(own.filter((target) => !existsSync(join(root, dirname(page), target)))).toEqual([]);
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

const commands = blocks("sh").flatMap((body) => body.trim().split("\n"));

test.each(commands.filter((command) => command.startsWith("node ")))("%s runs and writes what it says", (command) => {
  const words = (command.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replace(/^"|"$/g, ""));
  const { status, stderr } = run(process.execPath, words.slice(1));
  expect(stderr).not.toMatch(/error|warning/i);
  expect(status).toBe(0);
  const files = words.filter((_, i) => ["--save_path", "--viz_path"].includes(words[i - 1] ?? ""));
  expect(files.length).toBeGreaterThan(0);
  for (const file of files) expect(existsSync(join(folder, file)), file).toBe(true);
});

test("the other commands are scripts of package.json", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
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
