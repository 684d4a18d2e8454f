/** Commands that are told to end while they work: a real signal to a real process. `attribute.test.ts` has that of `attribute`. */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { translationModel } from "./runInseq.ts";

const built = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));
const tinyModel = fileURLToPath(new URL("../golden/gpt2/model", import.meta.url));

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "inseq-interruption-"));
});
afterAll(async () => await rm(folder, { recursive: true }));

const countLines = async (path: string) =>
  existsSync(path) ? (await readFile(path, "utf8")).split("\n").length - 1 : 0;

/** Runs the built command, sends the signal once `isTime`, and waits for its end. */
async function stopped(
  args: readonly string[],
  signal: NodeJS.Signals,
  isTime: (child: ChildProcess) => Promise<boolean>,
) {
  const child = spawn(process.execPath, [built, ...args], { stdio: ["ignore", "ignore", "pipe"] });
  let err = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  while (child.exitCode === null && !(await isTime(child))) await sleep(5);
  child.kill(signal);
  return { status: await ended, err };
}

describe("a command that is told to end", { timeout: 120_000 }, () => {
  test("attribute-dataset keeps what is done, and goes on behind it", async () => {
    const [data, save] = [join(folder, "rows.csv"), join(folder, "out.jsonl")];
    // So many that no process comes to the end before it is told.
    await writeFile(data, ["q,a", ...Array.from({ length: 800 }, (_, i) => `w ${i},w ${i} and ${i}`)].join("\n"));
    const args = ["attribute-dataset", "-m", tinyModel, "-d", data, "-in", "q", "-gen", "a", "-bs", "2", "-o", save];
    let kept = "";
    for (const [signal, status] of [["SIGTERM", 143] as const, ["SIGINT", 130] as const]) {
      const before = await countLines(save);
      const end = await stopped(
        [...args, "--hide", "--backend", "cpu", "--resume"],
        signal,
        async () => (await countLines(save)) > before + 2,
      );
      expect(end.err).toMatch(
        new RegExp(`inseq: stopped by ${signal}; ${save} keeps what is done: the same with --resume goes on\n$`),
      );
      expect(end.status).toBe(status);
      if (before > 0) expect(end.err).toContain(`inseq: ${save} has ${before - 1} of 800 rows\n`);
      const now = await readFile(save, "utf8");
      expect(now.startsWith(kept)).toBe(true);
      kept = now;
      // A line that says what was asked, and whole batches of two.
      const [first = "", ...rows] = now.trimEnd().split("\n");
      expect(first).toContain('"attribute_dataset"');
      expect(rows.length % 2).toBe(0);
      expect(rows.map((line) => Number(/"row":(\d+),/.exec(line)?.[1]))).toEqual([...rows.keys()]);
    }
  });

  test("benchmark keeps its records, and says how to go on", async () => {
    const text = "The young woman is at the university. I see";
    const item = { source: "Genç kadın üniversitede. Onu görüyorum.", target: `${text} her.`, foil: `${text} him.` };
    const data = join(folder, "items.jsonl");
    await writeFile(data, `${JSON.stringify({ ...item, evidence: [[5, 10]] })}\n`.repeat(24));
    const out = join(folder, "benchmark");
    const records = join(out, "records.jsonl");
    const args = ["benchmark", "-m", translationModel, "-d", data, "-o", out, "-a", "saliency", "integrated_gradients"];
    const end = await stopped(args, "SIGINT", async () => (await countLines(records)) > 2);
    expect(end.err).toMatch(/inseq: stopped by SIGINT; the same command goes on behind what is in .*records.jsonl\n$/);
    expect(end.status).toBe(130);
    expect(await readdir(out)).toEqual(["records.jsonl"]);
    const lines = (await readFile(records, "utf8")).trimEnd().split("\n");
    expect(lines.length).toBeGreaterThan(2);
    for (const line of lines) expect(() => JSON.parse(line)).not.toThrow();
  });
});
