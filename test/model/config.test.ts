import { describe, expect, test } from "vitest";
import { ConfigError, FileError } from "../../src/errors.ts";
import { filesFromMemory } from "../../src/files.ts";
import type { JsonObject } from "../../src/json.ts";
import { readConfig, strictConfig } from "../../src/model/config.ts";
import { choice, flag, json, number, orNull, size, text, tokenId, tokenIds } from "../../src/model/configField.ts";
import { openFolder } from "../../src/platform/node.ts";

const spec = {
  model: "test",
  fields: {
    width: size(["n_embd", "hidden_size"], 768),
    inner: orNull(size("n_inner")),
    activation: choice("activation_function", ["gelu_new", "relu"], "gelu_new"),
    epsilon: number("layer_norm_epsilon", 1e-5),
    tied: flag("tie_word_embeddings", true),
  },
  ignored: ["n_ctx", "summary_*"],
  onlyIf: { reorder_and_upcast_attn: [false], scale: [1, "none"] },
};
const read = (raw: JsonObject) => strictConfig(raw, spec);

/** The lines of the error that reading `raw` gives. */
function problems(raw: JsonObject): string[] {
  try {
    read(raw);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return error instanceof Error ? error.message.split("\n").map((line) => line.trim()) : [];
  }
  return [];
}

describe("strictConfig", () => {
  test("absent attributes have their published defaults", () => {
    expect(read({})).toEqual({ width: 768, inner: null, activation: "gelu_new", epsilon: 1e-5, tied: true });
  });

  test("attributes are read under any of their names", () => {
    expect(read({ hidden_size: 5 }).width).toBe(5);
    expect(read({ n_embd: 5 }).width).toBe(5);
    expect(read({ n_embd: 5, hidden_size: 5 }).width).toBe(5);
    expect(problems({ n_embd: 5, hidden_size: 6 })[1]).toBe("n_embd: 5 contradicts its other name hidden_size: 6");
  });

  test("what is known not to matter is accepted with any value", () => {
    const raw = {
      n_ctx: 4,
      summary_type: "mean",
      resid: null,
      torch_dtype: "float16",
      id2label: { "0": "A" },
      num_beams: 6,
    };
    expect(read(raw).width).toBe(768);
  });

  test("what is not implemented is refused by name, all of it in one error", () => {
    const raw = { n_embed: 4, quantization_config: { bits: 4 }, reorder_and_upcast_attn: true, n_inner: 0, scale: 2 };
    expect(problems(raw)).toEqual([
      "config.json of a test model: expected only what is implemented, received 5 attributes that cannot be followed:",
      "n_inner: expected a positive integer or null, received 0",
      'n_embed: 4 is not implemented; did you mean "n_embd"?',
      'quantization_config: {"bits":4} is not implemented',
      "reorder_and_upcast_attn: only false is implemented, received true",
      'scale: only 1 or "none" is implemented, received 2',
    ]);
  });

  test("an attribute that is null asks for nothing", () => {
    expect(read({ quantization_config: null, reorder_and_upcast_attn: null }).width).toBe(768);
  });

  test("null is no value for a field that does not say so", () => {
    expect(problems({ layer_norm_epsilon: null })[1]).toBe("layer_norm_epsilon: expected a number, received null");
  });

  test("conditions that hold for all models can be replaced by the architecture", () => {
    const raw = { is_encoder_decoder: true, is_decoder: false, pruned_heads: {} };
    expect(problems(raw)).toHaveLength(2);
    const translator = { model: "test", fields: {}, onlyIf: { is_encoder_decoder: [true] } };
    expect(strictConfig(raw, translator)).toEqual({});
    expect(problems({ pruned_heads: { "0": [1] } })[1]).toMatch(/^pruned_heads: only \{\} is implemented/);
  });

  test("names that all objects have are attributes like others", () => {
    expect(problems({ constructor: 1, toString: 2 })).toHaveLength(3);
  });

  test("a field without a default must be there", () => {
    const required = { model: "test", fields: { vocabulary: size("vocab_size") } };
    expect(() => strictConfig({}, required)).toThrow(/vocab_size: expected a positive integer, but it is missing/);
    expect(strictConfig({ vocab_size: 3 }, required)).toEqual({ vocabulary: 3 });
  });
});

test("each kind of field accepts its values and no others", () => {
  const accepted = <Value>(field: { accept: (value: never) => Value | undefined }, values: readonly unknown[]) =>
    values.filter((value) => field.accept(value as never) !== undefined);
  const values = [0, 1, -1, 1.5, 2 ** 53, "a", "", true, false, null, [], [1], [-1], {}];
  expect(accepted(size("x"), values)).toEqual([1]);
  expect(accepted(number("x"), values)).toEqual([0, 1, -1, 1.5, 2 ** 53]);
  expect(accepted(flag("x"), values)).toEqual([true, false]);
  expect(accepted(text("x"), values)).toEqual(["a", ""]);
  expect(accepted(choice("x", ["a"]), values)).toEqual(["a"]);
  expect(accepted(tokenId("x"), values)).toEqual([0, 1]);
  expect(accepted(tokenIds("x"), values)).toEqual([0, 1, [1]]);
  expect(accepted(json("x"), values)).toEqual(values.filter((value) => value !== null));
  expect(accepted(orNull(size("x")), values)).toEqual([1, null]);
  expect(tokenIds("x").accept(2)).toEqual([2]);
  expect(orNull(size("x", 3)).fallback).toBe(3);
});

describe("readConfig", () => {
  const memory = (content: string) => filesFromMemory("model", { "config.json": new TextEncoder().encode(content) });

  test("reads the file of a real model", async () => {
    expect(await readConfig(await openFolder("test/golden/llama/model"))).toMatchObject({
      model_type: "llama",
      head_dim: 8,
    });
  });

  test.each([
    ["[]", /expected a JSON object/],
    ["{", /expected JSON/],
    ['{"a": NaN}', /expected JSON/],
    ['{"a": {"b": 1, "b": 2}}', /"b" occurs twice/],
    ['{"a": 1, "b": ["a", "a", {"a": "a"}], "\\u0061": 2}', /"a" occurs twice/],
  ])("%s is a FileError", async (content, message) => {
    await expect(readConfig(memory(content))).rejects.toThrow(message);
    await expect(readConfig(memory(content))).rejects.toBeInstanceOf(FileError);
  });

  test("strings that look like keys are not keys", async () => {
    const raw = { a: ["b", 'b": "b', "b"], b: { a: "{", c: "}" }, c: 'x\\"' };
    expect(await readConfig(memory(JSON.stringify(raw)))).toEqual(raw);
  });

  test("a folder without config.json is a FileError that lists what is there", async () => {
    const files = filesFromMemory("model", { "model.safetensors": new Uint8Array(0) });
    await expect(readConfig(files)).rejects.toThrow(/model: expected a file config\.json, found model\.safetensors/);
  });
});
