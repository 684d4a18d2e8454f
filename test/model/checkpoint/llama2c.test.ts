/** llama2.c checkpoints written as its export.py writes them: all versions hold the same model, and damage is named. */

import { beforeAll, describe, expect, test } from "vitest";
import { FileError } from "../../../src/errors.ts";
import { filesFromMemory } from "../../../src/files.ts";
import { loadModel } from "../../../src/loadModel.ts";
import { openCheckpoint } from "../../../src/model/checkpoint/openCheckpoint.ts";
import { useCpu } from "../../support/backend.ts";
import { noise } from "../../support/variants.ts";

beforeAll(useCpu);

const [D, F, L, H, G, V, S] = [8, 12, 2, 2, 1, 264, 16] as const;
const K = (D / H) * G;
const GROUP = 4;

/** The tensors of every layer together, as llama2.c counts them. */
const sizes = {
  tokens: V * D,
  attentionNorm: L * D,
  query: L * D * D,
  key: L * K * D,
  value: L * K * D,
  output: L * D * D,
  mlpNorm: L * D,
  gate: L * F * D,
  down: L * D * F,
  up: L * F * D,
  norm: D,
  head: V * D,
} as const;
type Name = keyof typeof sizes;

/** Sixteenths: with a scale of 1/16 a group of int8 holds them exactly. */
const numbers = (name: Name): Float32Array =>
  noise(name, sizes[name]).map((u) => (Math.round(u * 100) + 0) / 16 / (name === "tokens" || name === "head" ? 1 : 4));

function bytesOf(...parts: readonly ArrayBufferView[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts.map((p) => new Uint8Array(p.buffer, p.byteOffset, p.byteLength))));
}

function checkpoint(version: 0 | 1 | 2, tied: boolean): Uint8Array {
  const head: Name[] = tied ? [] : ["head"];
  const ints = Int32Array.of(D, F, L, H, G, version === 0 && !tied ? -V : V, S);
  if (version === 0) {
    const before = (["tokens", "attentionNorm", "query", "key", "value", "output", "mlpNorm"] as const).map(numbers);
    const after = (["gate", "down", "up", "norm"] as const).map(numbers);
    return bytesOf(ints, ...before, ...after, new Float32Array((S * D) / H), ...head.map(numbers));
  }
  const start = new Uint8Array(256);
  start.set(bytesOf(Int32Array.of(0x616b3432, version), ints, Uint8Array.of(tied ? 1 : 0), Int32Array.of(GROUP)));
  const norms = (["attentionNorm", "mlpNorm", "norm"] as const).map(numbers);
  const matrices: Name[] = ["tokens", "query", "key", "value", "output", "gate", "down", "up", ...head];
  if (version === 1) return bytesOf(start, ...norms, ...matrices.map(numbers));
  const quantised = matrices.flatMap((name) => {
    const count = name === "tokens" || name === "head" ? 1 : L;
    const size = sizes[name] / count;
    return Array.from({ length: count }, (_, layer) => {
      const values = numbers(name).subarray(layer * size, (layer + 1) * size);
      const scale = count === 1 ? 1 / 16 : 1 / 64;
      return [Int8Array.from(values, (w) => w / scale), new Float32Array(size / GROUP).fill(scale)];
    }).flat();
  });
  return bytesOf(start, ...norms, ...quantised);
}

/** Byte pieces only, but for "▁" and "ab". */
function vocabulary(): Uint8Array {
  const bytes = Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, "0")}>`);
  const pieces = ["<unk>", "\n<s>\n", "\n</s>\n", ...bytes, " ", "a", "b", "ab", "c"];
  expect(pieces.length).toBe(V);
  const parts = pieces.flatMap((piece, id) => {
    const text = new TextEncoder().encode(piece);
    return [Float32Array.of(piece === "ab" ? -1 : -id), Int32Array.of(text.length), text];
  });
  return bytesOf(Int32Array.of(6), ...parts);
}

const folder = (files: Record<string, Uint8Array>) => filesFromMemory("folder", files);

describe.each([
  [0, true],
  [0, false],
  [1, true],
  [1, false],
  [2, true],
  [2, false],
] as const)("version %i, tied head: %s", (version, tied) => {
  test("holds its tensors under Hugging Face's names, rotary pairs half a head apart", async () => {
    const opened = await openCheckpoint(folder({ "model.bin": checkpoint(version, tied) }));
    expect(opened.names.length).toBe(2 + 9 * L + (tied ? 0 : 1));
    expect(opened.names.includes("lm_head.weight")).toBe(!tied);
    expect(opened.info("model.layers.1.mlp.down_proj.weight")).toEqual({ dtype: "F32", shape: [D, F] });
    const second = (name: Name) => numbers(name).slice(sizes[name] / 2);
    expect(await opened.read("model.embed_tokens.weight")).toEqual(numbers("tokens"));
    expect(await opened.read("model.layers.1.mlp.down_proj.weight")).toEqual(second("down"));
    expect(await opened.read("model.layers.1.post_attention_layernorm.weight")).toEqual(second("mlpNorm"));
    const rows = [0, 2, 1, 3].flatMap((row) => [...second("key").subarray(row * D, (row + 1) * D)]);
    expect(await opened.read("model.layers.1.self_attn.k_proj.weight")).toEqual(Float32Array.from(rows));
  });

  test("is a model with a tokenizer", async () => {
    const files = folder({ "any name.bin": checkpoint(version, tied), "tokenizer.bin": vocabulary() });
    const model = await loadModel(files, "saliency", { backend: "cpu" });
    expect(model.encode("ab c").tokens).toEqual(["<s>", "▁", "ab", "▁", "c"]);
    expect(model.decode(model.encode("abé").ids)).toBe("abé");
    const { sequenceAttributions } = await model.attribute("ab c", null, { generationArgs: { max_new_tokens: 2 } });
    // The same numbers in every version: q / scale is exact.
    const values = sequenceAttributions[0]?.targetAttributions?.values ?? new Float32Array();
    first[String(tied)] ??= values;
    expect(values).toEqual(first[String(tied)]);
    expect(values.some((value) => value > 0)).toBe(true);
    model.dispose();
  });
});

/** What the first version gave. */
const first: Record<string, Float32Array> = {};

describe("what is no llama2.c checkpoint", () => {
  const load = (files: Record<string, Uint8Array>) => loadModel(folder(files), "saliency", { backend: "cpu" });
  const whole = checkpoint(1, true);

  test.each([
    ["cut off", { "m.bin": whole.subarray(0, whole.length - 4) }, /ask for \d+ bytes, it has \d+; it is truncated/],
    ["too short", { "m.bin": new Uint8Array(100) }, /it has only 100 bytes/],
    [
      "of another kind",
      { "m.bin": new Uint8Array(4096).fill(200) },
      /no llama2.c checkpoint either: its sizes would be/,
    ],
    ["of a later version", { "m.bin": bytesOf(Int32Array.of(0x616b3432, 7), whole.subarray(8)) }, /its version is 7/],
    ["one of two", { "a.bin": whole, "b.bin": whole }, /or one llama2.c checkpoint, found a.bin, b.bin/],
    ["without a tokenizer", { "m.bin": whole }, /expected a tokenizer: .*tokenizer\.bin/],
    ["with half a tokenizer", { "m.bin": whole, "tokenizer.bin": vocabulary().subarray(0, 60) }, /piece \d+ (is|has)/],
  ])("%s", async (_, files, message) => {
    await expect(load(files)).rejects.toThrow(FileError);
    await expect(load(files)).rejects.toThrow(message);
  });
});
