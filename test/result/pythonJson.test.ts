import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FileError } from "../../src/errors.ts";
import type { Json } from "../../src/result/attribution.ts";
import { formatPythonJson, parsePythonJson } from "../../src/result/pythonJson.ts";

const values = fc.jsonValue({ noUnicodeString: false }) as fc.Arbitrary<Json>;

test("every JSON value survives, and reads as JSON.parse reads it", () => {
  fc.assert(
    fc.property(values, (value) => {
      const text = formatPythonJson(value);
      expect(parsePythonJson(text, "text")).toEqual(value);
      // Not by way of JSON.stringify, which writes −0 as 0.
      expect(JSON.parse(text)).toEqual(value);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
      expect(text).toMatch(/^[\u0000-\u007f]*$/);
      expect(parsePythonJson(JSON.stringify(value), "text")).toEqual(JSON.parse(JSON.stringify(value)));
    }),
    { examples: [[[{ "": -0 }]]] },
  );
});

test("strings with every kind of character survive", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string(), (key, text) => {
      const value = { [key]: [text, key] };
      expect(parsePythonJson(formatPythonJson(value), "text")).toEqual(value);
      expect(parsePythonJson(JSON.stringify(value), "text")).toEqual(value);
    }),
  );
});

test("NaN and the infinities are numbers, but not within strings", () => {
  const text = '{"a": [NaN, Infinity, -Infinity, -0.0, 1e-07], "NaN": "NaN, \\"NaN\\", -Infinity"}';
  const value = { a: [NaN, Infinity, -Infinity, -0, 1e-7], NaN: 'NaN, "NaN", -Infinity' };
  expect(parsePythonJson(text, "text")).toEqual(value);
  expect(parsePythonJson(formatPythonJson(value), "text")).toEqual(value);
});

test("the layout is Python's: an indent of 4, sorted keys, ASCII", () => {
  expect(formatPythonJson({ b: [], a: [1, { c: "Ġ😀", d: {} }], e: null })).toBe(
    `{
    "a": [
        1,
        {
            "c": "\\u0120\\ud83d\\ude00",
            "d": {}
        }
    ],
    "b": [],
    "e": null
}`,
  );
});

test("a key named __proto__ is a key", () => {
  const value = parsePythonJson('{"__proto__": {"polluted": 1}}', "text") as { [key: string]: Json };
  expect(Object.keys(value)).toEqual(["__proto__"]);
  expect("polluted" in value).toBe(false);
});

describe("bad texts are refused with their line", () => {
  test.each([
    ["", /a value at line 1, received the end of the file/],
    ['{\n"a": nan}', /a value at line 2, received "nan}"/],
    ["[1,]", /a value at line 1, received "]"/],
    ["[1 2]", /"," or "]" at line 1, received "2]"/],
    ['{"a" 1}', /":" at line 1/],
    ["{a: 1}", /a string at line 1/],
    ['"abc', /a closing quote/],
    ['"a\\x"', /valid escapes/],
    ['"a\nb"', /valid escapes/],
    ["01", /the end of the file at line 1, received "1"/],
    ["[1]]", /the end of the file/],
    ["- 1", /a value/],
    ["[".repeat(300), /at most 200 levels/],
  ])("%j", (text, message) => {
    expect(() => parsePythonJson(text, "file.json")).toThrow(FileError);
    expect(() => parsePythonJson(text, "file.json")).toThrow(message);
  });
});
