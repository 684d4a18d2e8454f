import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FileError, OptionError } from "../../src/errors.ts";
import { fileExists, makeFolder, openFolder, readBytes, writeFileAtomically } from "../../src/platform/node.ts";

const scratch = { folder: "" };
beforeEach(async () => {
  scratch.folder = await mkdtemp(join(tmpdir(), "inseq-node-"));
});
afterEach(async () => {
  await rm(scratch.folder, { recursive: true });
});

describe("openFolder", () => {
  test("lists files, not folders, and reads any range of a file", async () => {
    const content = Uint8Array.from({ length: 1023 }, (_, i) => (i * 7) % 256);
    await writeFile(join(scratch.folder, "config.json"), "{}");
    await writeFile(join(scratch.folder, "weights"), content);
    await mkdir(join(scratch.folder, "onnx"));
    const files = await openFolder(scratch.folder);
    expect([...(await files.list())].sort()).toEqual(["config.json", "weights"]);
    expect(await files.size("weights")).toBe(1023);
    expect(await files.read("weights")).toEqual(content);
    await fc.assert(
      fc.asyncProperty(fc.nat(1023), fc.nat(1023), async (a, b) => {
        const [start, end] = [Math.min(a, b), Math.max(a, b)];
        expect(await files.read("weights", start, end)).toEqual(content.slice(start, end));
      }),
      { numRuns: 50 },
    );
  });

  test("follows symbolic links, as the Hugging Face cache has them", async () => {
    await writeFile(join(scratch.folder, "blob"), "{}");
    await symlink("blob", join(scratch.folder, "config.json"));
    const files = await openFolder(scratch.folder);
    expect(await files.list()).toContain("config.json");
    expect(await files.size("config.json")).toBe(2);
  });

  test("says what it expected of something that is no model's folder", async () => {
    await expect(openFolder(join(scratch.folder, "nothing"))).rejects.toThrow(/expected a model's folder.*nothing of/);
    await writeFile(join(scratch.folder, "a.txt"), "");
    await expect(openFolder(join(scratch.folder, "a.txt"))).rejects.toThrow(/received a file/);
    await expect(openFolder(scratch.folder)).rejects.toThrow(/config\.json.*found a\.txt/);
    await expect(openFolder(scratch.folder)).rejects.toBeInstanceOf(FileError);
  });

  test("refuses ranges outside a file, missing files, and paths", async () => {
    await writeFile(join(scratch.folder, "config.json"), "{}");
    const files = await openFolder(scratch.folder);
    await expect(files.read("config.json", 1, 3)).rejects.toThrow(/at least 3 bytes.*received 2/);
    await expect(files.read("config.json", -1, 1)).rejects.toBeInstanceOf(FileError);
    await expect(files.read("absent")).rejects.toThrow(/expected a file absent, found config\.json/);
    await expect(files.read("../secret")).rejects.toThrow(/received the path "\.\.\/secret"/);
    await expect(files.size("..")).rejects.toBeInstanceOf(FileError);
  });
});

describe("writeFileAtomically", () => {
  test("writes text and bytes, makes the folder, and leaves nothing beside the file", async () => {
    const path = join(scratch.folder, "new", "out.json");
    await writeFileAtomically(path, "first");
    expect(await readFile(path, "utf8")).toBe("first");
    await writeFileAtomically(path, new Uint8Array([1, 2, 3]), { overwrite: true });
    expect(await readBytes(path)).toEqual(new Uint8Array([1, 2, 3]));
    expect(await readdir(join(scratch.folder, "new"))).toEqual(["out.json"]);
  });

  test("does not touch an existing file unless asked to", async () => {
    const path = join(scratch.folder, "out.json");
    await writeFileAtomically(path, "first");
    await expect(writeFileAtomically(path, "second")).rejects.toBeInstanceOf(OptionError);
    expect(await readFile(path, "utf8")).toBe("first");
    expect(await readdir(scratch.folder)).toEqual(["out.json"]);
  });

  test("leaves nothing behind when it fails", async () => {
    await mkdir(join(scratch.folder, "out.json"));
    await writeFile(join(scratch.folder, "out.json", "child"), "");
    await expect(writeFileAtomically(join(scratch.folder, "out.json"), "x", { overwrite: true })).rejects.toThrow();
    expect(await readdir(scratch.folder)).toEqual(["out.json"]);
  });
});

describe("makeFolder", () => {
  test("makes what is missing on the way, and minds neither what is there nor others that make it", async () => {
    const path = join(scratch.folder, "a", "b", "c");
    await Promise.all(Array.from({ length: 5 }, () => makeFolder(path)));
    await makeFolder(path);
    expect(await readdir(join(scratch.folder, "a"))).toEqual(["b"]);
  });

  test("fails where there can be no folder", async () => {
    await writeFile(join(scratch.folder, "file"), "");
    await expect(makeFolder(join(scratch.folder, "file"))).rejects.toThrow(/EEXIST/);
    await expect(makeFolder(join(scratch.folder, "file", "a", "b"))).rejects.toThrow(/ENOTDIR/);
  });

  test.runIf(process.platform === "linux")("fails in /proc, where Node's own recursive way never ends", async () => {
    await expect(makeFolder("/proc/inseq/a")).rejects.toThrow(/ENOENT/);
  });
});

test("fileExists tells what is there; readBytes names what is not", async () => {
  expect(await fileExists(scratch.folder)).toBe(true);
  expect(await fileExists(join(scratch.folder, "absent"))).toBe(false);
  await expect(readBytes(join(scratch.folder, "absent"))).rejects.toBeInstanceOf(FileError);
});
