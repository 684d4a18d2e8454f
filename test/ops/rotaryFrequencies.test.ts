/** Rotary angles against Hugging Face's, for every scaling and below, within and beyond the context lengths. */

import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { ConfigError } from "../../src/errors.ts";
import type { JsonObject } from "../../src/json.ts";
import { readRotary } from "../../src/model/rotaryConfig.ts";
import { type RotaryConfig, rotation } from "../../src/ops/rotaryFrequencies.ts";
import { range, reshape, tensor, tidy } from "../../src/tensor.ts";
import { useCpu } from "../support/backend.ts";
import { goldenPath } from "../support/goldenResults.ts";
import { floats, relativeDifference } from "../support/models.ts";

interface Golden {
  readonly head_dim: number;
  readonly max_position_embeddings: number;
  readonly cases: readonly {
    readonly name: string;
    readonly rope_parameters: JsonObject;
    readonly tables: readonly { length: number; rows: number[]; cos: number[]; sin: number[] }[];
  }[];
}

const golden = JSON.parse(readFileSync(goldenPath("rope.json"), "utf8")) as Golden;
const none = { ropeTheta: null, ropeScaling: null, ropeParameters: null, originalMaxPositions: null };
const sizes = { headWidth: golden.head_dim, maxPositions: golden.max_position_embeddings };

beforeAll(useCpu);

/** Angles up to 75 in single precision: 75 · 6e-8, and twice that because the powers of θ are rounded, too. */
const TOLERANCE = 1e-5;

describe.each(golden.cases)("rotary positions: $name", ({ rope_parameters, tables }) => {
  test.each(tables)("match the reference's for $length positions", ({ length, rows, cos, sin }) => {
    const config = readRotary("llama", { ...none, ...sizes, ropeParameters: rope_parameters });
    const [actualCos, actualSin] = angles(config, length, rows);
    expect(relativeDifference(actualCos, Float32Array.from(cos))).toBeLessThan(TOLERANCE);
    expect(relativeDifference(actualSin, Float32Array.from(sin))).toBeLessThan(TOLERANCE);
  });

  test("are the same when written as transformers 4 does", () => {
    const { rope_type, rope_theta = 10000, ...rest } = rope_parameters;
    const old = { ...none, ...sizes, ropeTheta: Number(rope_theta), ropeScaling: { ...rest, type: rope_type ?? null } };
    expect(readRotary("llama", old)).toEqual(
      readRotary("llama", { ...none, ...sizes, ropeParameters: rope_parameters }),
    );
  });
});

function angles(config: RotaryConfig, length: number, rows: readonly number[]): [Float32Array, Float32Array] {
  const { cos_BTC, sin_BTC } = tidy(() => rotation(config, reshape(range(0, length), [1, length])));
  const C = config.headWidth / 2;
  const pick = (all: Float32Array) => Float32Array.from(rows.flatMap((row) => [...all.subarray(row * C, row * C + C)]));
  return [pick(floats(cos_BTC)), pick(floats(sin_BTC))];
}

test("a row's angles depend on its own length only, not on the longest row of the batch", () => {
  const config = readRotary("llama", { ...none, ...sizes, ropeParameters: { rope_type: "dynamic", factor: 2 } });
  const short = [0, 1, 2];
  const positions = Int32Array.from([...short, 97, 98, 99]);
  const both = floats(tidy(() => rotation(config, tensor(positions, [2, 3], "int32")).cos_BTC));
  const alone = floats(tidy(() => rotation(config, tensor(Int32Array.from(short), [1, 3], "int32")).cos_BTC));
  expect(both.subarray(0, alone.length)).toEqual(alone);
});

describe("rotary parameters are refused", () => {
  const read = (attributes: object) => () => readRotary("llama", { ...none, ...sizes, ...attributes });
  test.each([
    ["an unknown type", { ropeScaling: { type: "spiral", factor: 2 } }, /rope_type.*"yarn"|type: expected one of/],
    ["an unknown parameter", { ropeScaling: { type: "linear", factor: 2, faktor: 3 } }, /faktor: 3 is not implemented/],
    ["a parameter of another type", { ropeScaling: { type: "linear", factor: 2, beta_fast: 3 } }, /beta_fast/],
    ["a missing factor", { ropeScaling: { type: "linear" } }, /factor: expected a positive number, but it is missing/],
    ["a factor of zero", { ropeScaling: { type: "dynamic", factor: 0 } }, /factor: expected a positive number/],
    ["a part of the head", { ropeParameters: { partial_rotary_factor: 0.5 } }, /partial_rotary_factor: only 1/],
    ["two types", { ropeScaling: { type: "linear", rope_type: "dynamic", factor: 2 } }, /contradicts/],
    ["two values of theta", { ropeTheta: 100, ropeParameters: { rope_theta: 200 } }, /rope_theta/],
    ["a negative theta", { ropeParameters: { rope_theta: -2 } }, /rope_theta: expected one positive number/],
    ["two objects", { ropeScaling: { type: "default" }, ropeParameters: { type: "linear", factor: 2 } }, /contradicts/],
    ["no object", { ropeScaling: 3 }, /expected an object, received 3/],
    ["an odd head width", { headWidth: 7 }, /head_dim: expected an even number/],
    [
      "too few divisors",
      { ropeScaling: { type: "longrope", short_factor: [1, 1, 1], long_factor: [1, 1, 1, 1] } },
      /short_factor: expected a list of 4 positive numbers/,
    ],
  ])("%s", (_name, attributes, message) => {
    expect(read(attributes)).toThrow(ConfigError);
    expect(read(attributes)).toThrow(message);
  });
});
