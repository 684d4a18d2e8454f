/** Building the kernels (kernels/build.mjs, compile.mjs): what is made anew, and what is said where no compiler is. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { findCompiler } from "../../kernels/build.mjs";
import { compile } from "../../kernels/compile.mjs";

const folder = mkdtempSync(join(tmpdir(), "inseq build ü "));
afterAll(() => rmSync(folder, { recursive: true }));

const compiler = await findCompiler();

test.skipIf(compiler === undefined)(
  "a library is compiled once, and again when a source has changed or the library is damaged (skipped without a C++ compiler)",
  async () => {
    if (compiler === undefined) throw new Error("unreachable: skipped without a compiler");
    const [source, output] = [join(folder, "one.cc"), join(folder, "one.so")];
    const build = async (text: string): Promise<boolean> => {
      writeFileSync(source, text);
      return await compile(compiler, [source], ["-shared", "-fPIC"], output);
    };
    expect(await build("int one = 1;")).toBe(true);
    const whole = readFileSync(output);
    expect(await build("int one = 1;")).toBe(false);
    expect(await build("int one = 2;")).toBe(true);
    truncateSync(output, whole.length / 2);
    // Two builds at once make the same, and neither sees half of the other's.
    expect(await Promise.all([build("int one = 1;"), build("int one = 1;")])).toEqual([true, true]);
    expect(readFileSync(output).equals(whole)).toBe(true);
    await expect(build("int one = ;")).rejects.toThrow("expected primary-expression");
    expect(await build("int one = 1;")).toBe(false);
    expect(readdirSync(folder).sort()).toEqual(["one.cc", "one.so", "one.so.hash"]);
  },
);

const script = join(import.meta.dirname, "../../kernels/build.mjs");

function said(args: readonly string[], env: Readonly<Record<string, string>>): { status: number | null; text: string } {
  const { status, stdout } = spawnSync(process.execPath, [script, ...args], { env: { ...process.env, ...env } });
  return { status, text: stdout.toString() };
}

test("without a compiler one line says so, and the installation goes on", () => {
  const { status, text } = said([], { CXX: "no-such-compiler" });
  expect(status).toBe(0);
  expect(text).toMatch(/^kernels: no C\+\+ compiler \(\$CXX is "no-such-compiler", which does not run/);
});

test("build:cuda without nvcc fails, because it was asked for", () => {
  const { status, text } = said(["--cuda"], { CXX: "no-such-compiler", NVCC: "no-such-nvcc" });
  expect(status).toBe(1);
  expect(text).toContain('cuda kernels: no nvcc ($NVCC is "no-such-nvcc", which does not run)');
});
