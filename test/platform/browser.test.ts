import { readdir, readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FileError, UnsupportedError } from "../../src/errors.ts";
import { openCheckpoint } from "../../src/model/checkpoint/openCheckpoint.ts";
import * as browser from "../../src/platform/browser.ts";
import * as node from "../../src/platform/node.ts";

// A small file server: /ranges/ honours Range, /whole/ ignores it, /packed/ compresses, /pages/ answers all with a page.
const model = "test/golden/marian/model";
const requests: string[] = [];
const server = createServer((request, response) => {
  void (async () => {
    const [, mode = "", file = ""] = (request.url ?? "").split("/");
    requests.push(`${request.method} ${file} ${request.headers.range ?? ""}`.trim());
    if (mode === "pages") return response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end("<p>");
    if (!(await readdir(model)).includes(file)) return response.writeHead(404).end();
    const content = await readFile(join(model, file));
    const body = mode === "packed" ? gzipSync(content) : content;
    const headers = mode === "packed" ? { "content-encoding": "gzip" } : {};
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
    const part = range && mode === "ranges" ? body.subarray(Number(range[1]), Number(range[2]) + 1) : body;
    response.writeHead(part === body ? 200 : 206, { ...headers, "content-length": part.byteLength });
    return response.end(request.method === "HEAD" ? undefined : part);
  })();
});
const at = { url: "" };

beforeAll(async () => {
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  if (typeof address === "object" && address !== null) at.url = `http://127.0.0.1:${address.port}`;
});
afterAll(() => new Promise((done) => server.close(done)));

test("node.ts and browser.ts export the same functions", () => {
  expect(Object.keys(browser).sort()).toEqual(Object.keys(node).sort());
});

test.each(["ranges", "whole", "packed"])("a checkpoint is read from a server (%s) as from a folder", async (mode) => {
  const remote = await browser.openFolder(`${at.url}/${mode}`);
  const local = await node.openFolder(model);
  expect([...(await remote.list())].sort()).toEqual([...(await local.list())].sort());
  const [ours, theirs] = [await openCheckpoint(remote), await openCheckpoint(local)];
  expect(ours.names).toEqual(theirs.names);
  for (const name of ours.names.slice(0, 5)) expect(await ours.read(name)).toEqual(await theirs.read(name));
});

test("a tensor is fetched as a range, not with its whole file", async () => {
  const checkpoint = await openCheckpoint(await browser.openFolder(`${at.url}/ranges/`));
  requests.length = 0;
  await checkpoint.read("final_logits_bias");
  expect(requests).toHaveLength(1);
  expect(requests[0]).toMatch(/^GET model\.safetensors bytes=\d+-\d+$/);
});

test("what is no model, no URL, or not reachable is a FileError", async () => {
  await expect(browser.openFolder(`${at.url}/pages`)).rejects.toThrow(/expected a file config\.json/);
  await expect(browser.openFolder("/home/user/model")).rejects.toThrow(/expected the http or https URL/);
  await expect(browser.openFolder("http://127.0.0.1:1/")).rejects.toBeInstanceOf(FileError);
  await expect(browser.readBytes(`${at.url}/ranges/absent`)).rejects.toThrow(/status 404/);
  expect(await browser.fileExists(`${at.url}/ranges/config.json`)).toBe(true);
  expect(await browser.fileExists(`${at.url}/ranges/absent`)).toBe(false);
});

test("writing a file in a browser is refused with what to do instead", async () => {
  await expect(browser.writeFileAtomically("out.json", "")).rejects.toBeInstanceOf(UnsupportedError);
});
