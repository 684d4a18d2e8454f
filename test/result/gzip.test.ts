import { gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { FileError } from "../../src/errors.ts";
import { Random } from "../../src/random.ts";
import { decodeBase64, encodeBase64 } from "../../src/result/base64.ts";
import { gunzip, gzip } from "../../src/result/gzip.ts";

test("bytes survive base64 and gzip, and other programs read both", async () => {
  await fc.assert(
    // Around a piece of 32 KiB and two of them; the bytes come from a generator of ours, which does not try to make them small.
    fc.asyncProperty(fc.integer({ min: 0, max: 70_000 }), fc.integer(), async (length, seed) => {
      const random = new Random(seed);
      const bytes = Uint8Array.from({ length }, () => random.below(256));
      const same = (other: Uint8Array) => expect(Buffer.compare(other, bytes)).toBe(0);
      const text = encodeBase64(bytes);
      expect(text === Buffer.from(bytes).toString("base64")).toBe(true);
      same(decodeBase64(text, "data"));
      const packed = await gzip(bytes);
      same(await gunzip(packed, "data"));
      same(gunzipSync(packed));
    }),
    {
      numRuns: 30,
      examples: [
        [0, 1],
        [1, 1],
        [2, 1],
        [3, 1],
      ],
    },
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
