import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FileError } from "../../src/errors.ts";
import { openModel, openRepository } from "../../src/platform/browserHub.ts";
import { type HubServer, startHub } from "../support/hubServer.ts";

const NAME = "org/tiny";
const config = new TextEncoder().encode('{"model_type":"gpt2"}');
const weights = Uint8Array.from({ length: 5003 }, (_, i) => (i * 31) % 256);
const WEIGHTS = "model.safetensors";

let hub: HubServer;
beforeEach(async () => {
  hub = await startHub(NAME, { "config.json": config, [WEIGHTS]: weights });
});
afterEach(async () => {
  vi.unstubAllGlobals();
  await hub.close();
});

/** The part of a browser's Cache API that is used. */
function stubCaches(): Map<string, Response> {
  const kept = new Map<string, Response>();
  const store = {
    match: async (url: string) => kept.get(url)?.clone(),
    put: async (url: string, response: Response) => void kept.set(url, response),
  };
  vi.stubGlobal("caches", { open: async () => store });
  return kept;
}

describe("a model of the hub in a browser", () => {
  test("is read in ranges, downloaded once, and kept in the page's cache under its commit", async () => {
    const kept = stubCaches();
    const files = await openRepository(NAME, {}, hub.endpoint);
    expect(await files.read(WEIGHTS, 5, 9)).toEqual(weights.slice(5, 9));
    expect(await files.read(WEIGHTS)).toEqual(weights);
    expect(await files.size("config.json")).toBe(config.byteLength);
    expect([...kept.keys()]).toEqual([`${hub.endpoint}/${NAME}/resolve/${hub.commit}/${WEIGHTS}`]);
    const downloads = () => hub.asked.filter(({ host }) => host === "cdn").length;
    expect(downloads()).toBe(1);
    expect(await (await openRepository(NAME, {}, hub.endpoint)).read(WEIGHTS)).toEqual(weights);
    expect(downloads()).toBe(1);
  });

  test("works without a cache, goes on after a break, and is checked", async () => {
    let left = 1;
    hub.trouble = ({ host }, response) => {
      if (host !== "cdn" || left === 0) return false;
      left--;
      response.writeHead(200, { "Content-Length": weights.byteLength });
      response.write(weights.subarray(0, 1000), () => setTimeout(() => response.destroy(), 5));
      return true;
    };
    expect(await (await openRepository(NAME, {}, hub.endpoint)).read(WEIGHTS)).toEqual(weights);
    expect(hub.asked.at(-1)?.range).toBe("bytes=1000-");
    hub.trouble = ({ host }, response) => {
      if (host === "cdn") response.end(new Uint8Array(weights.byteLength));
      return host === "cdn";
    };
    await expect((await openRepository(NAME, {}, hub.endpoint)).read(WEIGHTS)).rejects.toThrow(/content with the hash/);
  });

  test("refuses what a page cannot do, and says what a place may be", async () => {
    await expect(openRepository(NAME, { cacheDir: "/c" }, hub.endpoint)).rejects.toThrow(/cacheDir: expected Node/);
    await expect(openRepository(NAME, { localFilesOnly: true }, hub.endpoint)).rejects.toThrow(FileError);
    await expect(openModel("../models/x")).rejects.toThrow(
      /expected the http or https URL of a model's folder, or a name/,
    );
    const files = await openRepository(NAME, {}, hub.endpoint);
    await expect(files.read("absent")).rejects.toThrow(/expected a file absent/);
    await expect(files.read("config.json", 0, 999)).rejects.toThrow(/at least 999 bytes/);
    vi.stubGlobal("crypto", {});
    await expect(files.read(WEIGHTS)).rejects.toThrow(/expected a page served over https/);
  });
});
