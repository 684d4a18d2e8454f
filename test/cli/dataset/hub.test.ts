/** Data sets of the hub: which files are a split, and what happens when the hub does not give them. */

import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openDataset } from "../../../src/cli/dataset/dataset.ts";
import type { DataArguments } from "../../../src/cli/datasetOptions.ts";
import { FileError, OptionError } from "../../../src/errors.ts";
import { type HubContents, type HubServer, sha256, startHub } from "../../support/hubServer.ts";
import { runHere } from "../runInseq.ts";

const NAME = "org/rows";
const CONVERTED = "refs/convert/parquet";
const golden = fileURLToPath(new URL("../../golden/rows.parquet", import.meta.url));
const tinyModel = fileURLToPath(new URL("../../golden/gpt2/model", import.meta.url));
const parquet = new Uint8Array(await readFile(golden));
const bytes = (text: string) => new TextEncoder().encode(text);
const lines = (...texts: string[]) => bytes(texts.map((q) => `${JSON.stringify({ q })}\n`).join(""));

const scratch = { folder: "" };
let hub: HubServer;
const hubs: HubServer[] = [];
beforeEach(async () => {
  scratch.folder = await mkdtemp(join(tmpdir(), "inseq-data-hub-"));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all(hubs.splice(0).map((one) => one.close()));
  await rm(scratch.folder, { recursive: true });
});

async function serve(
  files: Readonly<Record<string, Uint8Array>>,
  branches: HubContents["branches"] = {},
): Promise<void> {
  hub = await startHub(NAME, files, { kind: "dataset", branches });
  hubs.push(hub);
  vi.stubEnv("HF_ENDPOINT", hub.endpoint);
  vi.stubEnv("HF_HUB_CACHE", scratch.folder);
  vi.stubEnv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1");
}

/** The field `q` of all rows, or another one. */
async function read(args: Partial<DataArguments> = {}, field = "q"): Promise<unknown[]> {
  const data = await openDataset({
    datasetName: NAME,
    datasetSplit: "train",
    datasetKwargs: {},
    ...args,
  } as DataArguments);
  const values: unknown[] = [];
  for await (const row of data.rows([field])) values.push(row.fields()[field]);
  return values;
}

describe("the hub's Parquet copy", () => {
  const files = { "README.md": bytes("---\nconfigs:\n- config_name: de\n- config_name: tr\n  default: true\n---\n") };
  const copy = (...names: string[]) => ({ [CONVERTED]: Object.fromEntries(names.map((name) => [name, parquet])) });

  test("is read when it is there, and nothing else is asked for; the second time it is in the cache, as Python has it", async () => {
    await serve(files, copy("default/train/0000.parquet", "default/train/0001.parquet", "default/test/0000.parquet"));
    const rows = [0, 1, 2, 3, 4].map((i) => `w, ${i}`);
    expect(await read()).toEqual([...rows, ...rows]);
    const downloads = () => hub.asked.filter(({ host }) => host === "cdn").length;
    // Both files have the same content, which is one download.
    expect(hub.paths()[0]).toBe(`/api/datasets/${NAME}/revision/${CONVERTED}`);
    expect(downloads()).toBe(1);
    const folder = join(scratch.folder, "datasets--org--rows");
    const commit = await readFile(join(folder, "refs", CONVERTED), "utf8");
    expect(existsSync(join(folder, "snapshots", commit, "default/train/0001.parquet"))).toBe(true);
    expect(existsSync(join(folder, "blobs", sha256(parquet)))).toBe(true);
    expect(await read({ datasetSplit: "test" })).toEqual(rows);
    expect(downloads()).toBe(1);

    vi.stubEnv("HF_HUB_OFFLINE", "1");
    hub.asked.length = 0;
    expect(await read()).toEqual([...rows, ...rows]);
    expect(hub.asked).toEqual([]);
    vi.stubEnv("HF_HUB_OFFLINE", "0");
    // Nobody is at this address.
    vi.stubEnv("HF_ENDPOINT", "http://127.0.0.1:9");
    expect(await read({ datasetSplit: "test" })).toEqual(rows);
  });

  test("of a commit that is whole in the cache is read without a question", async () => {
    await serve({ "train.jsonl": lines("a", "b"), "test.jsonl": lines("c") });
    const datasetRevision = hub.commit;
    expect(await read({ datasetRevision })).toEqual(["a", "b"]);
    hub.asked.length = 0;
    // Only one of its files is there yet, so the hub is asked once more.
    expect(await read({ datasetRevision, datasetSplit: "test" })).toEqual(["c"]);
    expect(hub.asked.length).toBeGreaterThan(0);
    hub.asked.length = 0;
    expect(await read({ datasetRevision })).toEqual(["a", "b"]);
    expect(hub.asked).toEqual([]);
  });

  test("offers its splits and configurations; the README says which one is meant", async () => {
    await serve(files, copy("de/train/0000.parquet", "tr/train/0000.parquet", "tr/validation/0000.parquet"));
    expect(await read({ datasetSplit: "validation" }, "n")).toEqual([0n, 1n, 2n, 3n, 4n]);
    await expect(read({ datasetConfig: "de", datasetSplit: "validation" })).rejects.toThrow(
      /--dataset_split: expected one of those that org\/rows has \(train\), received "validation"/,
    );
    await expect(read({ datasetConfig: "fr" })).rejects.toThrow(
      /--dataset_config: expected one of .* \(de, tr\), received "fr"/,
    );
    await serve({}, copy("de/train/0000.parquet", "tr/train/0000.parquet"));
    await expect(read()).rejects.toThrow(/--dataset_config: expected the name of one of .* \(de, tr\), received none/);
  });

  test("that is a part of the data, or of another revision than the one asked for, is left alone", async () => {
    await serve({ "train.jsonl": lines("whole") }, copy("default/partial-train/0000.parquet"));
    expect(await read()).toEqual(["whole"]);
    await serve(
      { "train.jsonl": lines("main") },
      { ...copy("default/train/0000.parquet"), v1: { "train.jsonl": lines("old") } },
    );
    expect(await read({ datasetRevision: "v1" })).toEqual(["old"]);
    expect(await read({ datasetRevision: "main" })).toEqual(["main"]);
    await expect(read({ datasetRevision: "v2" })).rejects.toThrow(
      /received the revision "v2"; see .*\/datasets\/org\/rows\/tree\/main/,
    );
  });
});

describe("inseq attribute-dataset", () => {
  test("gives of the hub's copy what it gives of the same file here, and keeps the token to itself", {
    timeout: 60_000,
  }, async () => {
    await serve({}, { [CONVERTED]: { "default/train/0000.parquet": parquet } });
    const attributed = async (data: string, save: string, ...rest: string[]) => {
      const out = join(scratch.folder, save);
      const args = ["-m", tinyModel, "-d", data, "-in", "q", "-gen", "a", "-o", out, "--split", "train[:2]", "--hide"];
      const done = await runHere(["attribute-dataset", ...args, "--backend", "cpu", ...rest]);
      expect(done).toMatchObject({ status: 0 });
      return await readFile(out, "utf8");
    };
    const fromHub = await attributed(NAME, "hub.jsonl", "--dataset_auth_token", "hf_mine");
    const here = await attributed(golden, "here.jsonl");
    const [, ...lines] = here.split("\n");
    expect(fromHub.split("\n").slice(1)).toEqual(lines);
    expect(lines).toHaveLength(4);
    expect(fromHub).not.toContain("hf_mine");
  });
});

describe("the files of a repository", () => {
  test("are chosen by their names, or by folder and pattern", async () => {
    await serve({
      "data/train-00000-of-00002.jsonl": lines("a", "b"),
      "data/train-00001-of-00002.jsonl": lines("c"),
      "data/dev.jsonl": lines("d"),
      "data/dataset_infos.json": bytes("{}"),
      "extra/deep/more.jsonl": lines("e"),
      ".hidden/train.csv": bytes("q\nno"),
    });
    expect(await read()).toEqual(["a", "b", "c"]);
    expect(await read({ datasetSplit: "validation" })).toEqual(["d"]);
    await expect(read({ datasetSplit: "test" })).rejects.toThrow(
      /--dataset_split: expected one of those that org\/rows has \(train, validation\), received "test"/,
    );
    expect(await read({ datasetFiles: ["**/*more.jsonl", "data/[de]?v.jsonl"] })).toEqual(["e", "d"]);
    expect(await read({ datasetDir: "extra" })).toEqual(["e"]);
    expect(await read({ datasetDir: "extra/", datasetFiles: ["*/*"] })).toEqual(["e"]);
    await expect(read({ datasetFiles: ["data/none*"] })).rejects.toThrow(/found none of the name data\/none\*/);
    await expect(read({ datasetConfig: "big" })).rejects.toThrow(/\(default\), received "big"/);
  });

  test("are chosen by the README, which also says how they are read", async () => {
    const card = `---
license: mit
configs:
- config_name: plain
  data_files:
  - split: train
    path: [one.csv, "two-*.csv"]
  - split: test
    path: three.csv
  sep: ";"
  default: true
- config_name: other
  data_dir: other
- config_name: odd
  data_files: one.csv
  skiprows: 1
---
# Rows`;
    await serve({
      "README.md": bytes(card),
      "one.csv": bytes("q;a\none;x\n"),
      "two-1.csv": bytes("q;a\ntwo;x\n"),
      "three.csv": bytes("q;a\nthree;x\n"),
      "other/valid.csv": bytes("q,a\nfour,x\n"),
    });
    expect(await read()).toEqual(["one", "two"]);
    expect(await read({ datasetSplit: "test" })).toEqual(["three"]);
    expect(await read({ datasetConfig: "other", datasetSplit: "validation" })).toEqual(["four"]);
    await expect(read({ datasetSplit: "dev" })).rejects.toThrow(/\(train, test\), received "dev"/);
    await expect(read({ datasetConfig: "odd" })).rejects.toThrow(
      /--dataset_kwargs: expected sep, .*received \["skiprows"\]/,
    );
    await serve({ "README.md": bytes("---\nconfigs: 3\n---\n"), "train.csv": bytes("q\nx\n") });
    await expect(read()).rejects.toThrow(/org\/rows\/README.md: configs: expected a list, received 3; --dataset_files/);
  });

  test("are as good in a folder on this machine", async () => {
    await serve({});
    const folder = join(scratch.folder, "clone");
    await mkdir(folder);
    await writeFile(join(folder, "README.md"), "---\nconfigs:\n- config_name: x\n  data_files: b.jsonl\n---\n");
    await writeFile(join(folder, "a.jsonl"), lines("a"));
    await writeFile(join(folder, "b.jsonl"), lines("b"));
    expect(await read({ datasetName: folder })).toEqual(["b"]);
    expect(await read({ datasetName: folder, datasetFiles: ["*.jsonl"] })).toEqual(["a", "b"]);
    expect(hub.asked).toEqual([]);
  });
});

describe("what the hub does not give", () => {
  test("is an error that says what to do", async () => {
    await serve({ "train.jsonl": lines("a") });
    await expect(read({ datasetName: "org/other" })).rejects.toThrow(
      /org\/other: expected a data set's file or folder or a data set of the hub, .* or it is private \(status 401\).*set HF_TOKEN/,
    );
    hub.trouble = (_, response) => {
      response.writeHead(403, { "X-Error-Code": "GatedRepo" }).end();
      return true;
    };
    await expect(read()).rejects.toThrow(
      /it is gated \(status 403\); accept its conditions at http.*\/datasets\/org\/rows, and/,
    );
    hub.trouble = () => false;
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    const offline = read();
    await expect(offline).rejects.toThrow(/revision "main" of the data set in the cache .*does not hold it/);
    await expect(offline).rejects.toBeInstanceOf(FileError);
  });

  test("is not asked for with a name that is a file's, or options that are for the hub only", async () => {
    await serve({});
    await expect(read({ datasetName: "missing.csv" })).rejects.toThrow(
      /nothing of the name missing.csv here, .* that of a file/,
    );
    await expect(read({ datasetName: "a/b/c" })).rejects.toThrow(/more than one slash/);
    const here = { datasetName: scratch.folder };
    await expect(read({ ...here, datasetRevision: "v1" })).rejects.toThrow(
      /--dataset_revision: expected nothing, as it has no meaning of files on this machine/,
    );
    await expect(read({ ...here, datasetAuthToken: "hf_x" })).rejects.toBeInstanceOf(OptionError);
    await expect(read({ datasetName: "csv", datasetConfig: "x" })).rejects.toThrow(
      /--dataset_config: .* of the format csv/,
    );
    expect(hub.asked).toEqual([]);
  });

  test("in one piece is taken up where it broke; the token goes to the hub alone", async () => {
    await serve({}, { [CONVERTED]: { "default/train/0000.parquet": parquet } });
    let broken = false;
    hub.trouble = ({ host }, response) => {
      if (host === "hub" || broken) return false;
      broken = true;
      response.writeHead(200, { "Content-Length": parquet.byteLength });
      response.write(parquet.subarray(0, 1000), () => setTimeout(() => response.destroy(), 5));
      return true;
    };
    expect(await read({ datasetAuthToken: "hf_mine" }, "a")).toEqual([
      "w, 0 and ç",
      "w, 1 and ç",
      "w, 2 and ç",
      null,
      "w, 4 and ç",
    ]);
    expect(hub.asked.flatMap(({ host, range }) => (host === "cdn" ? [range] : []))).toEqual([undefined, "bytes=1000-"]);
    expect(new Set(hub.asked.map(({ host, authorization }) => `${host} ${authorization}`))).toEqual(
      new Set(["hub Bearer hf_mine", "cdn undefined"]),
    );
  });

  test("but is in the data is missed, not left out, without the network", async () => {
    await serve({
      "train-00000-of-00002.jsonl": lines("a"),
      "train-00001-of-00002.jsonl": lines("b"),
      "test.jsonl": lines("c"),
    });
    expect(await read({ datasetSplit: "test" })).toEqual(["c"]);
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    expect(await read({ datasetSplit: "test" })).toEqual(["c"]);
    await expect(read()).rejects.toThrow(
      /expected train-00000-of-00002.jsonl in the cache .*run the same command once with the network/,
    );
  });
});
