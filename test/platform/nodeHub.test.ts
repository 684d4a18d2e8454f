import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { lstat, mkdir, mkdtemp, readFile, readlink, rm, stat, symlink, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FileError, OptionError } from "../../src/errors.ts";
import type { FileSource } from "../../src/files.ts";
import type { DownloadProgress, HubOptions } from "../../src/model/hub/repository.ts";
import { whileLocked } from "../../src/platform/nodeHub/fileLock.ts";
import { type NodeHubSettings, readHubSettings } from "../../src/platform/nodeHub/settings.ts";
import { openModel, openRepository } from "../../src/platform/nodeHub.ts";
import { type Asked, COMMIT, gitHash, type HubServer, send, sha256, startHub } from "../support/hubServer.ts";

const NAME = "org/tiny";
const config = new TextEncoder().encode('{"model_type":"gpt2"}');
const weights = Uint8Array.from({ length: 40_007 }, (_, i) => (i * 31 + (i >> 8)) % 256);
const tokenizer = new TextEncoder().encode("{}");
const WEIGHTS = "model.safetensors";

const scratch = { folder: "" };
let hub: HubServer;
beforeEach(async () => {
  scratch.folder = await mkdtemp(join(tmpdir(), "inseq-hub-"));
  hub = await startHub(NAME, { "config.json": config, "tokenizer.json": tokenizer, [WEIGHTS]: weights });
});
afterEach(async () => {
  await hub.close();
  await rm(scratch.folder, { recursive: true, force: true });
});

const cacheFolder = () => join(scratch.folder, "hub");
const repositoryFolder = () => join(cacheFolder(), "models--org--tiny");
const blob = (hash: string) => join(repositoryFolder(), "blobs", hash);
const partial = () => `${blob(sha256(weights))}.incomplete`;

async function open(
  options: HubOptions = {},
  changes: Partial<NodeHubSettings> = {},
  name = NAME,
): Promise<FileSource> {
  const environment = { HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: cacheFolder(), HF_HUB_DISABLE_IMPLICIT_TOKEN: "1" };
  const settings = { ...(await readHubSettings(options, environment)), retryDelay: 5, ...changes };
  return await openRepository(name, options, settings);
}

/** Trouble with the answers to requests that match, the first `times` of them. */
function fail(match: (asked: Asked) => boolean, answer: (response: ServerResponse, asked: Asked) => void, times = 1) {
  let left = times;
  hub.trouble = (asked, response) => {
    if (!match(asked) || left === 0) return false;
    left--;
    answer(response, asked);
    return true;
  };
}
const status =
  (code: number, headers: Record<string, string> = {}) =>
  (response: ServerResponse) => {
    response.writeHead(code, headers).end();
  };
const isDownload = ({ host }: Asked) => host === "cdn";
const isQuestion = ({ path }: Asked) => path.startsWith("/api/");
/** Sends the first bytes and breaks the connection. */
const breakAfter =
  (count: number) =>
  (response: ServerResponse, { range }: Asked) => {
    const start = Number(/(\d+)-/.exec(range ?? "")?.[1] ?? 0);
    response.writeHead(start > 0 ? 206 : 200, {
      "Content-Length": weights.byteLength - start,
      "Content-Range": `bytes ${start}-${weights.byteLength - 1}/${weights.byteLength}`,
    });
    response.write(weights.subarray(start, start + count), () => setTimeout(() => response.destroy(), 5));
  };

describe("a model of the hub", () => {
  test("is downloaded as it is read, each file once, into the folders that Python uses", async () => {
    const files = await open();
    expect(files.name).toBe(NAME);
    expect([...(await files.list())].sort()).toEqual(["config.json", "model.safetensors", "tokenizer.json"]);
    expect(await files.size(WEIGHTS)).toBe(weights.byteLength);
    expect(hub.paths()).toEqual([`/api/models/${NAME}/revision/main`]);

    expect(await files.read(WEIGHTS, 10, 20)).toEqual(weights.slice(10, 20));
    expect(await files.read(WEIGHTS)).toEqual(weights);
    expect(await files.read("config.json")).toEqual(config);
    expect(hub.paths().slice(1)).toEqual([
      `/${NAME}/resolve/${COMMIT}/${WEIGHTS}`,
      `cdn:/${WEIGHTS}`,
      `/${NAME}/resolve/${COMMIT}/config.json`,
    ]);
    const snapshot = join(repositoryFolder(), "snapshots", COMMIT);
    expect(await readFile(join(repositoryFolder(), "refs", "main"), "utf8")).toBe(COMMIT);
    expect(readdirSync(snapshot).sort()).toEqual(["config.json", WEIGHTS]);
    expect(await readlink(join(snapshot, WEIGHTS))).toBe(`../../blobs/${sha256(weights)}`);
    expect(await readlink(join(snapshot, "config.json"))).toBe(`../../blobs/${gitHash(config)}`);
    expect(readdirSync(join(repositoryFolder(), "blobs")).sort()).toEqual([gitHash(config), sha256(weights)].sort());
  });

  test("that is in the cache costs one question, a commit that is there none, and nothing is written", async () => {
    const first = await open();
    for (const file of ["config.json", "tokenizer.json", WEIGHTS]) await first.read(file);
    hub.asked.length = 0;
    const before = (await stat(join(repositoryFolder(), "refs"))).mtimeMs;
    const again = await open();
    expect(await again.read(WEIGHTS)).toEqual(weights);
    expect(hub.asked.length).toBe(1);
    hub.asked.length = 0;
    const pinned = await open({ revision: COMMIT });
    expect(await pinned.read(WEIGHTS, 0, 3)).toEqual(weights.slice(0, 3));
    expect(await pinned.size("config.json")).toBe(config.byteLength);
    expect(hub.asked.length).toBe(0);
    expect((await stat(join(repositoryFolder(), "refs"))).mtimeMs).toBe(before);
  });

  test("shares contents between commits, and keeps both", async () => {
    await (await open()).read(WEIGHTS);
    hub.commit = "f".repeat(40);
    hub.asked.length = 0;
    expect(await (await open()).read(WEIGHTS)).toEqual(weights);
    expect(hub.paths().some((path) => path.includes("resolve"))).toBe(false);
    expect(readdirSync(join(repositoryFolder(), "snapshots")).sort()).toEqual([COMMIT, "f".repeat(40)]);
    expect(await readFile(join(repositoryFolder(), "refs", "main"), "utf8")).toBe("f".repeat(40));
  });

  test("that someone damaged in the cache is downloaded again", async () => {
    await (await open()).read(WEIGHTS);
    await writeFile(blob(sha256(weights)), "cut short");
    expect(await (await open()).read(WEIGHTS)).toEqual(weights);
  });

  test("tells how far a download is", async () => {
    const told: DownloadProgress[] = [];
    const files = await open({ onDownload: (progress) => told.push(progress) });
    await files.read(WEIGHTS);
    expect(told[0]).toEqual({ repository: NAME, file: WEIGHTS, received: 0, total: weights.byteLength });
    expect(told.at(-1)?.received).toBe(weights.byteLength);
    const received = told.map((progress) => progress.received);
    expect(received).toEqual([...received].sort((a, b) => a - b));
  });

  test("has its token sent to the hub, and never to the host it redirects to", async () => {
    const files = await open({ token: "hf_secret" });
    await files.read(WEIGHTS);
    expect(hub.asked.filter(({ host }) => host === "hub").map(({ authorization }) => authorization)).toEqual(
      Array(2).fill("Bearer hf_secret"),
    );
    expect(hub.asked.filter(({ host }) => host === "cdn").map(({ authorization }) => authorization)).toEqual([
      undefined,
    ]);
  });
});

describe("a transfer", () => {
  test("that breaks goes on where it ended, as often as it makes progress", async () => {
    fail(isDownload, breakAfter(5_000), 7);
    expect(await (await open()).read(WEIGHTS)).toEqual(weights);
    const ranges = hub.asked.filter(isDownload).map(({ range }) => Number(/\d+/.exec(range ?? "0")));
    expect(ranges.length).toBe(8);
    expect(ranges[0]).toBe(0);
    expect(ranges).toEqual([...ranges].sort((a, b) => a - b));
    expect(new Set(ranges).size).toBe(8);
  });

  test("that stalls is broken and taken up again", async () => {
    fail(isDownload, (response) => {
      response.writeHead(200, { "Content-Length": weights.byteLength });
      response.write(weights.subarray(0, 1000));
    });
    expect(await (await open({}, { idleTimeout: 200 })).read(WEIGHTS)).toEqual(weights);
    expect(hub.asked.filter(isDownload).map(({ range }) => range)).toEqual([undefined, "bytes=1000-"]);
  });

  test("without progress is given up, and what is there stays for the next one", async () => {
    await mkdir(join(repositoryFolder(), "blobs"), { recursive: true });
    await writeFile(partial(), weights.subarray(0, 5000));
    fail(isDownload, (response) => response.destroy(), 99);
    const files = await open();
    await expect(files.read(WEIGHTS)).rejects.toThrow(/cannot be reached|transfer broke/);
    expect(hub.asked.filter(isDownload).length).toBe(5);
    expect((await stat(partial())).size).toBe(5000);
    hub.trouble = () => false;
    expect(await files.read(WEIGHTS)).toEqual(weights);
    expect(hub.asked.at(-1)?.range).toBe("bytes=5000-");
    expect(existsSync(partial())).toBe(false);
  });

  test("starts over when the server knows no ranges", async () => {
    await mkdir(join(repositoryFolder(), "blobs"), { recursive: true });
    await writeFile(partial(), weights.subarray(0, 5000));
    fail(isDownload, (response) => send(response, weights, undefined));
    expect(await (await open()).read(WEIGHTS)).toEqual(weights);
  });

  test("of wrong bytes left by someone starts over once, and succeeds", async () => {
    await mkdir(join(repositoryFolder(), "blobs"), { recursive: true });
    await writeFile(partial(), new Uint8Array(5000));
    expect(await (await open()).read(WEIGHTS)).toEqual(weights);
    expect(hub.asked.filter(isDownload).map(({ range }) => range)).toEqual(["bytes=5000-", undefined]);
  });

  test("of wrong bytes twice is an error, and leaves nothing that could be taken for the file", async () => {
    fail(
      isDownload,
      (response, { range }) =>
        send(
          response,
          weights.map((byte) => byte ^ 1),
          range,
        ),
      99,
    );
    await expect((await open()).read(WEIGHTS)).rejects.toThrow(/expected content with the hash [0-9a-f]{64}, received/);
    expect(existsSync(blob(sha256(weights)))).toBe(false);
    expect((await stat(partial())).size).toBe(0);
    fail(
      ({ path }) => path.endsWith("config.json"),
      (response) =>
        send(
          response,
          config.map((byte) => byte ^ 1),
          undefined,
        ),
      99,
    );
    await expect((await open()).read("config.json")).rejects.toThrow(/with the hash [0-9a-f]{40}, received/);
  });

  test("of too many or too few bytes is an error", async () => {
    fail(isDownload, (response) => send(response, new Uint8Array(weights.byteLength + 1), undefined), 99);
    await expect((await open()).read(WEIGHTS)).rejects.toThrow(/expected 40007 bytes, received more/);
    fail(isDownload, (response) => send(response, weights.subarray(0, 9), undefined), 99);
    await expect((await open()).read(WEIGHTS)).rejects.toThrow(/expected 40007 bytes, but the transfer ended at 9/);
  });

  test("ends when it is aborted, and what is there stays", async () => {
    const stop = new AbortController();
    fail(isDownload, (response) => {
      response.writeHead(200, { "Content-Length": weights.byteLength });
      response.write(weights.subarray(0, 7000));
      setTimeout(() => stop.abort(new Error("enough")), 100);
    });
    const files = await open({ signal: stop.signal });
    await expect(files.read(WEIGHTS)).rejects.toThrow("enough");
    expect((await stat(partial())).size).toBe(7000);
  });

  test("of two readers at once happens once", async () => {
    const [a, b] = [await open(), await open()];
    const [one, other] = await Promise.all([a.read(WEIGHTS), b.read(WEIGHTS)]);
    expect(one).toEqual(weights);
    expect(other).toEqual(weights);
    expect(hub.asked.filter(isDownload).length).toBe(1);
  });

  test("that finds the disk full says so", async () => {
    // What is written to /dev/full never finds space.
    await mkdir(join(repositoryFolder(), "blobs"), { recursive: true });
    await symlink("/dev/full", partial());
    await expect((await open()).read(WEIGHTS)).rejects.toThrow(
      /expected space for the download, but the disk is full \(ENOSPC\)/,
    );
  });

  test("into a folder that cannot be made says what to set", async () => {
    await writeFile(join(scratch.folder, "file"), "");
    const files = await open({}, { cache: join(scratch.folder, "file", "hub") });
    await expect(files.read(WEIGHTS)).rejects.toThrow(
      /expected a cache folder that can be written \(ENOTDIR\); set HF_HUB_CACHE/,
    );
  });
});

describe("a refusal", () => {
  test.each([
    ["401, of no token", status(401), /no such model, or it is private \(status 401\).*or set HF_TOKEN/],
    [
      "403, gated",
      status(403, { "X-Error-Code": "GatedRepo" }),
      /it is gated \(status 403\); accept its conditions at http.*org\/tiny/,
    ],
    [
      "404, of the repository",
      status(404, { "X-Error-Code": "RepoNotFound" }),
      /there is none of that name here, and http.* has no such/,
    ],
    ["404, of the revision", status(404, { "X-Error-Code": "RevisionNotFound" }), /received the revision "main"/],
    ["418", status(418), /expected the hub http.* to answer, received status 418/],
  ])("%s, is not repeated and says what to do", async (_, answer, message) => {
    fail(isQuestion, answer, 99);
    const attempt = open();
    await expect(attempt).rejects.toBeInstanceOf(FileError);
    await expect(attempt).rejects.toThrow(message);
    expect(hub.asked.length).toBe(1);
  });

  test("of a token says that the token may be wrong", async () => {
    fail(isQuestion, status(401), 99);
    await expect(open({ token: "hf_wrong" })).rejects.toThrow(/or the token, which may be wrong/);
  });

  test("of a name or revision that the hub does not have names it", async () => {
    await expect(open({}, {}, "org/other")).rejects.toThrow(
      /org\/other: expected a model's folder or a model of the hub/,
    );
    await expect(open({ revision: "v9" })).rejects.toThrow(/received the revision "v9"/);
  });

  test("404 of a file names it, and a file that is not listed is not asked for", async () => {
    const files = await open();
    await expect(files.read("absent.bin")).rejects.toThrow(/expected a file absent\.bin, found config\.json/);
    fail(({ path }) => path.includes("resolve"), status(404, { "X-Error-Code": "EntryNotFound" }));
    await expect(files.read("config.json")).rejects.toThrow(/config\.json: expected the file at revision "main"/);
  });

  test("for a while (429, 5xx) is repeated, after the time that the server says", async () => {
    fail(isQuestion, status(429, { "Retry-After": "0.2" }), 2);
    const start = performance.now();
    await open();
    expect(performance.now() - start).toBeGreaterThan(390);
    fail(isQuestion, status(503), 4);
    await open();
    fail(isDownload, status(502), 3);
    expect(await (await open()).read(WEIGHTS)).toEqual(weights);
  });

  test.each([
    ["a page", "<html>", /expected valid JSON|expected JSON/],
    ["no commit", "{}", /expected a commit \(sha\) in the answer, received undefined; is it a hub\?/],
    ["no files", JSON.stringify({ sha: COMMIT }), /expected a list of files/],
    [
      "a file without a hash",
      JSON.stringify({ sha: COMMIT, siblings: [{ rfilename: "a", size: 1 }] }),
      /size and hash/,
    ],
  ])("to make sense (%s) is an error", async (_, body, message) => {
    fail(isQuestion, (response) => response.end(body));
    await expect(open()).rejects.toThrow(message);
  });

  test("does not come into question for files whose names lead elsewhere: they are left out", async () => {
    const siblings = ["../../escape", "onnx/model.onnx", "..", "a\\b", "config.json"].map((rfilename) => ({
      rfilename,
      size: config.byteLength,
      blobId: gitHash(config),
    }));
    fail(isQuestion, (response) => response.end(JSON.stringify({ sha: COMMIT, siblings })));
    expect(await (await open()).list()).toEqual(["config.json"]);
  });

  test("for good says what it was", async () => {
    fail(isQuestion, status(429), 99);
    await expect(open()).rejects.toThrow(/refuses so many requests \(status 429\); try again later, or set HF_TOKEN/);
    expect(hub.asked.length).toBe(5);
    fail(isQuestion, status(429, { "Retry-After": "3600" }), 99);
    await expect(open()).rejects.toThrow(/try again in 3600 s/);
    fail(isQuestion, status(500), 99);
    await expect(open()).rejects.toThrow(/fails with status 500; try again later/);
  });
});

describe("without the network", () => {
  const away = async () => {
    const gone = await startHub(NAME, {});
    await gone.close();
    return { endpoint: gone.endpoint };
  };

  test("what is in the cache is used, with localFilesOnly and when the hub is away", async () => {
    const files = await open();
    for (const file of ["config.json", "tokenizer.json", WEIGHTS]) await files.read(file);
    hub.asked.length = 0;
    const offline = await open({ localFilesOnly: true });
    expect(await offline.read(WEIGHTS)).toEqual(weights);
    expect([...(await offline.list())].sort()).toEqual(["config.json", WEIGHTS, "tokenizer.json"]);
    expect(hub.asked.length).toBe(0);
    await expect(offline.read("merges.txt")).rejects.toThrow(/expected a file merges\.txt, found config\.json/);
    fail(isQuestion, status(503), 99);
    expect(await (await open()).read(WEIGHTS)).toEqual(weights);
    expect(await (await open({}, await away())).read("config.json")).toEqual(config);
  });

  test("what is not there is an error that says where it was looked for", async () => {
    await expect(open({ localFilesOnly: true })).rejects.toThrow(
      /expected revision "main" in the cache .*does not hold it/,
    );
    await expect(open({ localFilesOnly: true, revision: COMMIT })).rejects.toThrow(/download it once/);
    await expect(open({}, await away())).rejects.toThrow(/cannot be reached \(.*ECONNREFUSED/);
    expect(hub.asked.length).toBe(0);
  });

  test("half a model in the cache is no reason not to ask", async () => {
    await (await open()).read("config.json");
    await expect(open({}, await away())).rejects.toThrow(/cannot be reached/);
    expect(await (await open({ revision: COMMIT })).read(WEIGHTS)).toEqual(weights);
  });
});

describe("another process", () => {
  const script = `
    import { openModel } from ${JSON.stringify(new URL("../../src/platform/nodeHub.ts", import.meta.url).href)};
    const files = await openModel("${NAME}");
    console.log((await files.read("${WEIGHTS}")).byteLength);`;
  const start = (): ChildProcess =>
    spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
      env: { ...process.env, HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: cacheFolder() },
      stdio: ["ignore", "pipe", "inherit"],
    });
  const ended = (child: ChildProcess) => new Promise<number | null>((resolve) => child.on("exit", resolve));

  test("that is interrupted leaves a partial file, from which the next goes on; one that waits finds it done", async () => {
    fail(isDownload, (response) => {
      response.writeHead(200, { "Content-Length": weights.byteLength });
      response.write(weights.subarray(0, 9000));
    });
    const first = start();
    while (!existsSync(partial()) || (await stat(partial())).size < 9000) await sleep(20);
    first.kill("SIGINT");
    await ended(first);
    expect((await stat(partial())).size).toBe(9000);

    const second = start();
    const third = start();
    expect(await Promise.all([ended(second), ended(third)])).toEqual([0, 0]);
    expect(hub.asked.filter(isDownload).map(({ range }) => range)).toEqual([undefined, "bytes=9000-"]);
    expect((await lstat(blob(sha256(weights)))).size).toBe(weights.byteLength);
  }, 30_000);

  test("holds a lock until it ends", async () => {
    const path = join(scratch.folder, "locks", "one.lock");
    const events: string[] = [];
    await Promise.all([
      whileLocked(path, undefined, async (isLocked) => {
        events.push(`first ${isLocked}`);
        await sleep(150);
        events.push("first done");
      }),
      sleep(30).then(() => whileLocked(path, undefined, async () => void events.push("second"))),
    ]);
    expect(events).toEqual(["first true", "first done", "second"]);
  });
});

/** The check with Python's own library needs a Python that has it. */
const python = process.env.INSEQ_PYTHON ?? "";
const hasLibrary = python !== "" && spawnSync(python, ["-c", "import huggingface_hub"]).status === 0;
const whyNot = python === "" ? "INSEQ_PYTHON is not set" : `${python} cannot import huggingface_hub`;

describe.skipIf(!hasLibrary)(`Python's huggingface_hub${hasLibrary ? "" : ` (skipped: ${whyNot})`}`, () => {
  const inPython = async (code: string): Promise<string> => {
    const environment = { HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: cacheFolder(), HF_HUB_DISABLE_XET: "1" };
    const { stdout } = await promisify(execFile)(python, ["-c", code], { env: { ...process.env, ...environment } });
    return stdout.trim();
  };

  test("finds what is downloaded here", async () => {
    const files = await open();
    for (const file of ["config.json", WEIGHTS]) await files.read(file);
    hub.asked.length = 0;
    const path = await inPython(
      `from huggingface_hub import snapshot_download; print(snapshot_download("${NAME}", local_files_only=True))`,
    );
    expect(path).toBe(join(repositoryFolder(), "snapshots", COMMIT));
    const file = await inPython(
      `from huggingface_hub import hf_hub_download; print(hf_hub_download("${NAME}", "${WEIGHTS}", local_files_only=True))`,
    );
    expect(file).toBe(join(path, WEIGHTS));
    expect(hub.paths().filter((asked) => asked.includes(NAME))).toEqual([]);
  }, 30_000);

  test("has its downloads found here", async () => {
    const names = `["config.json", "tokenizer.json", "${WEIGHTS}"]`;
    await inPython(
      `from huggingface_hub import hf_hub_download\nfor name in ${names}: hf_hub_download("${NAME}", name)`,
    );
    hub.asked.length = 0;
    expect(await (await open({ localFilesOnly: true })).read(WEIGHTS)).toEqual(weights);
    expect(hub.asked.length).toBe(0);
    expect(await (await open()).read(WEIGHTS)).toEqual(weights);
    expect(hub.asked.filter(({ path }) => path.includes("resolve"))).toEqual([]);
  }, 30_000);

  test("and this library wait for each other's locks", async () => {
    const path = join(scratch.folder, "one.lock");
    const locking = inPython(
      `import time\nfrom huggingface_hub.utils import WeakFileLock\nwith WeakFileLock("${path}"):\n  print(time.time()); time.sleep(0.5); print(time.time())`,
    );
    while (!existsSync(path)) await sleep(5);
    await sleep(50);
    const taken = await whileLocked(path, undefined, async () => Date.now() / 1000);
    expect(taken).toBeGreaterThan(Number((await locking).split("\n")[1]) - 0.05);
  }, 30_000);
});

describe("openModel", () => {
  test("takes a folder before a name of the hub", async () => {
    await writeFile(join(scratch.folder, "config.json"), "{}");
    expect(await (await openModel(scratch.folder)).list()).toContain("config.json");
  });

  test.each([
    ["a/b/c", /it has more than one slash; give a folder/],
    ["./nowhere", /a part of it begins or ends with - or \./],
    ["my model", /it has other characters than letters/],
    ["a--b", /contains --/],
    ["org/x.git", /ends in \.git/],
    ["x".repeat(97), /more than 96/],
  ])("says of %s what was tried", async (name, message) => {
    await expect(openModel(name)).rejects.toThrow(/expected a model's folder, but there is nothing of that name/);
    await expect(openModel(name)).rejects.toThrow(message);
  });
});

describe("the environment", () => {
  const read = (environment: Record<string, string>, options: HubOptions = {}) => readHubSettings(options, environment);

  test("says where the cache is, as for Python", async () => {
    const { HOME: home = "" } = process.env;
    expect((await read({})).cache).toBe(join(home, ".cache/huggingface/hub"));
    expect((await read({ XDG_CACHE_HOME: "/x" })).cache).toBe("/x/huggingface/hub");
    expect((await read({ XDG_CACHE_HOME: "/x", HF_HOME: "/h" })).cache).toBe("/h/hub");
    expect((await read({ HF_HOME: "/h", HF_HUB_CACHE: "~/c" })).cache).toBe(join(home, "c"));
    expect((await read({ HF_HUB_CACHE: "/c" }, { cacheDir: "/o" })).cache).toBe("/o");
  });

  test("says which token, of the variable or of the file that a login leaves", async () => {
    await writeFile(join(scratch.folder, "token"), "hf_file\n");
    const environment = { HF_HOME: scratch.folder };
    expect((await read(environment)).token).toBe("hf_file");
    expect((await read({ ...environment, HF_TOKEN: " hf_variable\n" })).token).toBe("hf_variable");
    expect((await read({ ...environment, HF_TOKEN: "" })).token).toBe("hf_file");
    expect((await read({ ...environment, HF_HUB_DISABLE_IMPLICIT_TOKEN: "1" })).token).toBeUndefined();
    expect((await read(environment, { token: false })).token).toBeUndefined();
    expect((await read(environment, { token: "hf_option" })).token).toBe("hf_option");
    expect((await read({ HF_HOME: "/nowhere" })).token).toBeUndefined();
  });

  test("says which hub, how patient to be, and whether to use the network", async () => {
    expect(await read({})).toMatchObject({ endpoint: "https://huggingface.co", offline: false, idleTimeout: 10_000 });
    expect(await read({ HF_ENDPOINT: "https://mirror/", HF_HUB_DOWNLOAD_TIMEOUT: "30" })).toMatchObject({
      endpoint: "https://mirror",
      idleTimeout: 30_000,
    });
    for (const name of ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"]) {
      for (const value of ["1", "ON", "yes", "TRUE"]) expect((await read({ [name]: value })).offline).toBe(true);
      expect((await read({ [name]: "0" })).offline).toBe(false);
    }
    expect((await read({ HF_HUB_OFFLINE: "1" }, { localFilesOnly: false })).offline).toBe(false);
    await expect(read({ HF_ENDPOINT: "mirror" })).rejects.toThrow(OptionError);
    await expect(read({ HF_HUB_ETAG_TIMEOUT: "soon" })).rejects.toThrow(
      /HF_HUB_ETAG_TIMEOUT: expected a number of seconds/,
    );
  });
});
