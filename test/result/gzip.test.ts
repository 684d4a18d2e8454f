import { gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { FileError } from "../../src/errors.ts";
import { decodeBase64, encodeBase64 } from "../../src/result/base64.ts";
import { gunzip, gzip } from "../../src/result/gzip.ts";

test("bytes survive base64 and gzip, and other programs read both", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 70_000, size: "max" }), async (data) => {
      const bytes = new Uint8Array(data);
      expect(encodeBase64(bytes)).toBe(Buffer.from(bytes).toString("base64"));
      expect(decodeBase64(encodeBase64(bytes), "data")).toEqual(bytes);
      const packed = await gzip(bytes);
      expect(await gunzip(packed, "data")).toEqual(bytes);
      expect(new Uint8Array(gunzipSync(packed))).toEqual(bytes);
    }),
    { numRuns: 30 },
  );
});

test("damaged gzip files are refused by name", async () => {
  const packed = new Uint8Array(gzipSync("some text, some text, some text"));
  const damaged = packed.map((byte, i) => (i === packed.length - 6 ? byte ^ 1 : byte));
  for (const bytes of [packed.slice(0, -3), damaged, new TextEncoder().encode("plain text"), new Uint8Array(0)]) {
    await expect(gunzip(bytes, "result.json.gz")).rejects.toThrow(FileError);
    await expect(gunzip(bytes, "result.json.gz")).rejects.toThrow(/^result\.json\.gz: expected a complete gzip file/);
  }
});
