import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FileError, NumericError } from "../../src/errors.ts";
import type { Checkpoint } from "../../src/model/checkpoint/checkpoint.ts";
import { openCheckpoint } from "../../src/model/checkpoint/openCheckpoint.ts";
import { transposed } from "../../src/model/weightPieces.ts";
import { matchWeights, type WeightTable } from "../../src/model/weights.ts";
import { openFolder } from "../../src/platform/node.ts";

interface Tensor {
  readonly shape: readonly number[];
  readonly values: readonly number[];
  readonly dtype?: "F32" | "I64";
}

/** A checkpoint in memory; `reads` counts how often each tensor was read. */
function checkpointOf(tensors: Readonly<Record<string, Tensor>>): Checkpoint & { readonly reads: string[] } {
  const reads: string[] = [];
  const find = (name: string): Tensor => tensors[name] ?? { shape: [], values: [] };
  return {
    reads,
    description: "test.safetensors",
    names: Object.keys(tensors),
    info: (name) => ({ dtype: find(name).dtype ?? "F32", shape: find(name).shape }),
    read: async (name) => {
      reads.push(name);
      return new Float32Array(find(name).values);
    },
  };
}

/** The numbers 0, 1, 2, … in a tensor of that shape. */
function counting(...shape: number[]): Tensor {
  const count = shape.reduce((product, size) => product * size, 1);
  return { shape, values: Array.from({ length: count }, (_, i) => i) };
}

/** What `action` throws. */
function thrown(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}

test("rows are repeated by their letters, the last one counting fastest", async () => {
  const table: WeightTable = {
    counts: { i: 2, e: 2 },
    rows: {
      "first.weight": { to: "first", shape: [1] },
      "h.{i}.x.{e}.w": { to: "blocks.{i}.experts.{e}.kernel", shape: [1] },
    },
  };
  const tensors = Object.fromEntries(
    [0, 1].flatMap((i) => [0, 1].map((e) => [`h.${i}.x.${e}.w`, { shape: [1], values: [10 * i + e] }])),
  );
  const weights = matchWeights(table, checkpointOf({ ...tensors, "first.weight": counting(1) }));
  expect(weights.names).toEqual([
    "first",
    "blocks.0.experts.0.kernel",
    "blocks.0.experts.1.kernel",
    "blocks.1.experts.0.kernel",
    "blocks.1.experts.1.kernel",
  ]);
  expect(await weights.read("blocks.1.experts.0.kernel")).toEqual(new Float32Array([10]));
});

test("a tensor of several matrices becomes a weight for each, and is read once for all of them", async () => {
  const table: WeightTable = {
    counts: { i: 1, e: 2 },
    rows: {
      "h.{i}.fused": {
        to: { "blocks.{i}.experts.{e}.gate": 1, "blocks.{i}.experts.{e}.up": 2 },
        shape: [2, 3, 2],
        slices: "e",
        transpose: true,
      },
      other: { to: "other", shape: [1] },
    },
  };
  const checkpoint = checkpointOf({ "h.0.fused": counting(2, 3, 2), other: counting(1) });
  const weights = matchWeights(table, checkpoint);
  const parts = ["experts.0.gate", "experts.0.up", "experts.1.gate", "experts.1.up"].map((name) => `blocks.0.${name}`);
  expect(weights.names).toEqual([...parts, "other"]);
  expect(parts.map((name) => weights.shape(name))).toEqual([
    [2, 1],
    [2, 2],
    [2, 1],
    [2, 2],
  ]);
  const values = [];
  for (const name of weights.names) values.push([...(await weights.read(name))]);
  // The second expert's matrix is [[6, 7], [8, 9], [10, 11]] in the checkpoint, its transpose is cut after a column.
  expect(values).toEqual([[0, 1], [2, 4, 3, 5], [6, 7], [8, 10, 9, 11], [0]]);
  expect(checkpoint.reads).toEqual(["h.0.fused", "other"]);
});

test("nothing is read before it is asked for, and then only that", async () => {
  const checkpoint = checkpointOf({ a: counting(2), b: counting(3) });
  const weights = matchWeights({ rows: { a: { to: "x", shape: [2] }, b: { to: "y", shape: [3] } } }, checkpoint);
  expect(checkpoint.reads).toEqual([]);
  await weights.read("y");
  expect(checkpoint.reads).toEqual(["b"]);
});

test("a matrix is transposed when its row says so", async () => {
  const table = { rows: { w: { to: "kernel", shape: [2, 3], transpose: true } } };
  const weights = matchWeights(table, checkpointOf({ w: counting(2, 3) }));
  expect(weights.shape("kernel")).toEqual([3, 2]);
  expect(await weights.read("kernel")).toEqual(new Float32Array([0, 3, 1, 4, 2, 5]));
});

test("the blocked transpose moves element [r, c] to [c, r] for sizes around its block size", () => {
  const size = fc.oneof(fc.integer({ min: 0, max: 70 }), fc.constantFrom(1, 31, 32, 33, 64, 97));
  fc.assert(
    fc.property(size, size, (rows, columns) => {
      const matrix = Float32Array.from({ length: rows * columns }, (_, i) => i);
      const result = transposed(matrix, rows, columns);
      expect(result).toHaveLength(rows * columns);
      for (let r = 0; r < rows; r++) {
        for (let c = 0; c < columns; c++) if (result[c * rows + r] !== r * columns + c) expect([r, c]).toBe("moved");
      }
    }),
    { numRuns: 50 },
  );
});

describe("splitting and joining", () => {
  test("one tensor is split along its last axis into several weights", async () => {
    const table = { rows: { qkv: { to: { q: 1, k: 2, v: 3 }, shape: [2, 6] } } };
    const weights = matchWeights(table, checkpointOf({ qkv: counting(2, 6) }));
    expect(weights.names).toEqual(["q", "k", "v"]);
    expect(weights.shape("k")).toEqual([2, 2]);
    expect(await weights.read("q")).toEqual(new Float32Array([0, 6]));
    expect(await weights.read("k")).toEqual(new Float32Array([1, 2, 7, 8]));
    expect(await weights.read("v")).toEqual(new Float32Array([3, 4, 5, 9, 10, 11]));
  });

  test("a split counts columns after the transposition", async () => {
    const table = { rows: { qkv: { to: { q: 1, k: 2 }, shape: [3, 2], transpose: true } } };
    const weights = matchWeights(table, checkpointOf({ qkv: counting(3, 2) }));
    expect(await weights.read("q")).toEqual(new Float32Array([0, 1]));
    expect(await weights.read("k")).toEqual(new Float32Array([2, 4, 3, 5]));
  });

  test("rows of the same name are joined along the last axis; splitting the result gives them back", async () => {
    const rows = { q: { to: "qkv", shape: [1, 2], transpose: true }, k: { to: "qkv", shape: [2, 2], transpose: true } };
    const weights = matchWeights({ rows }, checkpointOf({ q: counting(1, 2), k: counting(2, 2) }));
    expect(weights.shape("qkv")).toEqual([2, 3]);
    expect(await weights.read("qkv")).toEqual(new Float32Array([0, 0, 2, 1, 1, 3]));
  });

  test("vectors are joined and split too", async () => {
    const rows = { a: { to: "ab", shape: [2] }, b: { to: "ab", shape: [1] }, c: { to: { c1: 1, c2: 1 }, shape: [2] } };
    const weights = matchWeights({ rows }, checkpointOf({ a: counting(2), b: counting(1), c: counting(2) }));
    expect(await weights.read("ab")).toEqual(new Float32Array([0, 1, 0]));
    expect(await weights.read("c2")).toEqual(new Float32Array([1]));
  });
});

describe("names", () => {
  const table: WeightTable = {
    counts: { i: 1 },
    prefixes: ["transformer."],
    rows: {
      "wte.weight": { to: "embedding", shape: [2], copies: ["lm_head.weight"] },
      "h.{i}.b": { to: "blocks.{i}.bias", shape: [1] },
    },
    ignored: ["h.{i}.attn.bias", "rotary*"],
  };

  test("a common prefix may be there or not", async () => {
    for (const prefix of ["", "transformer."]) {
      const tensors = { [`${prefix}wte.weight`]: counting(2), [`${prefix}h.0.b`]: counting(1) };
      const weights = matchWeights(table, checkpointOf(tensors));
      expect(await weights.read("embedding")).toEqual(new Float32Array([0, 1]));
    }
  });

  test("ignored names are accepted for any number, with and without prefix", () => {
    const ignored = ["h.0.attn.bias", "transformer.h.11.attn.bias", "rotary.inv_freq"];
    const tensors = Object.fromEntries(ignored.map((name) => [name, counting(3)]));
    const present = { "wte.weight": counting(2), "h.0.b": counting(1) };
    expect(matchWeights(table, checkpointOf({ ...present, ...tensors })).names).toHaveLength(2);
    expect(() => matchWeights(table, checkpointOf({ ...present, "h.x.attn.bias": counting(1) }))).toThrow(/unexpected/);
    expect(() => matchWeights(table, checkpointOf({ ...present, "h.0xattn.bias": counting(1) }))).toThrow(/unexpected/);
  });

  test("a tied tensor may be stored under one of its names, or under several with the same values", async () => {
    const rest = { "h.0.b": counting(1) };
    const other = matchWeights(table, checkpointOf({ ...rest, "lm_head.weight": counting(2) }));
    expect(await other.read("embedding")).toEqual(new Float32Array([0, 1]));
    const both = { ...rest, "wte.weight": counting(2), "lm_head.weight": counting(2) };
    expect(await matchWeights(table, checkpointOf(both)).read("embedding")).toEqual(new Float32Array([0, 1]));
    const differing = { ...both, "lm_head.weight": { shape: [2], values: [0, 9] } };
    await expect(matchWeights(table, checkpointOf(differing)).read("embedding")).rejects.toThrow(
      /expected wte\.weight and lm_head\.weight to be the same tensor, but they differ at index 1/,
    );
  });

  test("an optional row may be absent", () => {
    const rows = { a: { to: "x", shape: [1] }, b: { to: "y", shape: [1], optional: true } };
    const weights = matchWeights({ rows }, checkpointOf({ a: counting(1) }));
    expect([weights.has("x"), weights.has("y")]).toEqual([true, false]);
    expect(weights.names).toEqual(["x"]);
    expect(() => weights.shape("y")).toThrow(FileError);
  });
});

test("all differences stand in one error", () => {
  const rows = {
    missing: { to: "a", shape: [2, 3] },
    misshapen: { to: "b", shape: [4] },
    mistyped: { to: "c", shape: [1] },
    "half.0": { to: "d", shape: [1], optional: true },
    "half.1": { to: "d", shape: [1], optional: true },
  };
  const tensors = {
    misshapen: counting(2, 2),
    mistyped: { ...counting(1), dtype: "I64" as const },
    extra: counting(7),
    "half.1": counting(1),
  };
  const error = thrown(() => matchWeights({ rows }, checkpointOf(tensors)));
  expect(error).toBeInstanceOf(FileError);
  const message = error instanceof Error ? error.message : "";
  expect(message.split("\n")).toEqual([
    expect.stringMatching(
      /^test\.safetensors: expected the tensors that config\.json describes, but 5 tensors differ;/,
    ),
    "  missing missing of shape [2, 3]",
    "  misshapen misshapen: expected [4], received [2, 2]",
    "  mistyped mistyped: expected floating-point numbers, received I64",
    "  only a part of d is there",
    "  unexpected extra of shape [7]",
  ]);
});

test.each([
  [Number.NaN, /w: expected finite numbers, received NaN at index \[1, 2\]/],
  [Number.POSITIVE_INFINITY, /received Infinity at index \[1, 2\]/],
  [Number.NEGATIVE_INFINITY, /received -Infinity at index \[1, 2\]/],
])("a weight that is %d is named where it is first seen", async (value, message) => {
  const tensor = { shape: [3, 4], values: [1, 2, 3, 4, 5, 6, value, 8, 9, value, 11, 12] };
  const weights = matchWeights(
    { rows: { w: { to: "x", shape: [3, 4], transpose: true } } },
    checkpointOf({ w: tensor }),
  );
  await expect(weights.read("x")).rejects.toThrow(message);
  await expect(weights.read("x")).rejects.toBeInstanceOf(NumericError);
});

describe("a table that contradicts itself is a defect, not a damaged file:", () => {
  test.each<[string, WeightTable["rows"], RegExp]>([
    ["a letter that is not counted", { "h.{j}": { to: "x", shape: [1] } }, /counts \{j\}/],
    ["parts of another width", { h: { to: { a: 1, b: 1 }, shape: [1, 3] } }, /3 wide, but its parts are 2/],
  ])("%s", (_, rows, message) => {
    const error = thrown(() => matchWeights({ rows }, checkpointOf({ h: counting(1, 3) })));
    expect(error).not.toBeInstanceOf(FileError);
    expect(String(error)).toMatch(message);
  });

  test("a transposed vector", async () => {
    const weights = matchWeights(
      { rows: { w: { to: "x", shape: [3], transpose: true } } },
      checkpointOf({ w: counting(3) }),
    );
    expect(() => weights.shape("x")).toThrow(/can be transposed only as a matrix/);
  });

  test("pieces that cannot be joined", () => {
    const rows = { a: { to: "x", shape: [2, 1] }, b: { to: "x", shape: [3, 1] } };
    const weights = matchWeights({ rows }, checkpointOf({ a: counting(2, 1), b: counting(3, 1) }));
    expect(() => weights.shape("x")).toThrow(/cannot be joined/);
  });
});

test("a real GPT-2 checkpoint matches its table", async () => {
  const [D, V, P] = [32, 420, 96];
  const table: WeightTable = {
    counts: { i: 3 },
    prefixes: ["transformer."],
    rows: {
      "wte.weight": { to: "tokens", shape: [V, D], copies: ["lm_head.weight"] },
      "wpe.weight": { to: "positions", shape: [P, D] },
      "h.{i}.ln_1.weight": { to: "blocks.{i}.scale", shape: [D] },
    },
    ignored: ["h.{i}.*", "ln_f.*"],
  };
  const checkpoint = await openCheckpoint(await openFolder("test/golden/gpt2/model"));
  const weights = matchWeights(table, checkpoint);
  expect(weights.names).toEqual(["tokens", "positions", "blocks.0.scale", "blocks.1.scale", "blocks.2.scale"]);
  expect(await weights.read("tokens")).toEqual(await checkpoint.read("transformer.wte.weight"));
});
