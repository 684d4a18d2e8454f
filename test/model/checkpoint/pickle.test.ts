import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FileError } from "../../../src/errors.ts";
import { type PickleWorld, unpickle } from "../../../src/model/checkpoint/pickle.ts";

/** A world of one function that returns its arguments, and of persistent ids that stand for themselves. */
const world: PickleWorld = {
  what: "test.pkl",
  globals: new Map([["m.pair", "pair"]]),
  call: (callee, args) => ({ callee, args }),
  load: (id) => ({ id }),
};

/** Bytes of a pickle: numbers are bytes, strings their ASCII characters. */
function pickle(...parts: readonly (number | string)[]): Uint8Array {
  return Uint8Array.from(
    parts.flatMap((part) => (typeof part === "number" ? [part] : Array.from(part, (char) => char.charCodeAt(0)))),
  );
}
const run = (...parts: readonly (number | string)[]) => unpickle(pickle(0x80, 2, ...parts, "."), world);

describe("values", () => {
  // Bytes written by Python: pickle.dumps(value, protocol=2..4).
  test.each<[string, readonly (number | string)[], unknown]>([
    ["None", ["N"], null],
    ["booleans", [0x88, 0x89, 0x86], [true, false]],
    ["a negative integer", ["J", 0xfe, 0xff, 0xff, 0xff], -2],
    ["a byte", ["K", 255], 255],
    ["two bytes", ["M", 1, 2], 513],
    ["a long", [0x8a, 5, 0, 0, 0, 0, 1], 2 ** 32],
    ["a negative long", [0x8a, 1, 0xff], -1],
    ["a long that float64 cannot hold", [0x8a, 8, 1, 0, 0, 0, 0, 0, 0, 0x40], 2n ** 62n + 1n],
    ["an empty long", [0x8a, 0], 0],
    ["a float, big-endian", ["G", 0x3f, 0xf8, 0, 0, 0, 0, 0, 0], 1.5],
    ["text", ["X", 3, 0, 0, 0, "a", 0xc3, 0xa9], "aé"],
    ["short text", [0x8c, 2, "ab"], "ab"],
    ["an empty tuple", [")"], []],
    ["a tuple", ["(", "K", 1, "K", 2, "t"], [1, 2]],
    ["a list", ["]", "K", 1, "a", "(", "K", 2, "K", 3, "e"], [1, 2, 3]],
    ["a dictionary", ["}", 0x8c, 1, "a", "K", 1, "s"], new Map([["a", 1]])],
    ["a dictionary from the stack", ["(", 0x8c, 1, "a", "K", 1, "d"], new Map([["a", 1]])],
    ["a stored object twice", ["]", "q", 0, "h", 0, 0x86], [[], []]],
    ["a call", ["cm\npair\n", ")", "R"], { callee: "pair", args: [] }],
    ["a call by the stack", [0x8c, 1, "m", 0x8c, 4, "pair", 0x93, ")", "R"], { callee: "pair", args: [] }],
    ["a persistent id", ["K", 7, "Q"], { id: 7 }],
  ])("%s", (_, parts, value) => {
    expect(run(...parts)).toEqual(value);
  });

  test("frames and memoization of protocol 4", () => {
    const framed = pickle(0x80, 4, 0x95, 9, 0, 0, 0, 0, 0, 0, 0, "]", 0x94, "K", 1, "a", "h", 0, 0x86, ".");
    expect(unpickle(framed, world)).toEqual([[1], [1]]);
  });

  test("a dictionary's attributes are read and left out", () => {
    expect(run("}", "}", "b")).toEqual(new Map());
  });
});

describe("refusals", () => {
  test.each<[string, readonly (number | string)[], RegExp]>([
    ["os.system", ["cos\nsystem\n", 0x8c, 2, "ls", 0x85, "R"], /asks for the Python object os\.system/],
    ["eval by the stack", [0x8c, 8, "builtins", 0x8c, 4, "eval", 0x93], /builtins\.eval/],
    ["a name of all objects", ["cm\nconstructor\n"], /m\.constructor/],
    ["making an object (NEWOBJ)", ["cm\npair\n", ")", 0x81], /opcode 0x81/],
    ["making an object (NEWOBJ_EX)", ["cm\npair\n", ")", "}", 0x92], /opcode 0x92/],
    ["making an object (INST)", ["(", "ios\nsystem\n"], /opcode 0x69/],
    ["making an object (OBJ)", ["(", "cm\npair\n", "o"], /opcode 0x6f/],
    ["a registered extension", [0x82, 1], /opcode 0x82/],
    ["a set", [0x8f], /opcode 0x8f/],
    ["bytes", ["C", 1, "a"], /opcode 0x43/],
    ["attributes of an object", ["cm\npair\n", ")", "R", "}", "b"], /attributes of an object/],
    ["items of an object", ["K", 1, "K", 2, "K", 3, "s"], /set items of/],
    ["an integer of 17 bytes", [0x8a, 17, "aaaaaaaaaaaaaaaaa"], /integer of 17 bytes/],
  ])("%s", (_, parts, message) => {
    expect(() => run(...parts)).toThrow(message);
    expect(() => run(...parts)).toThrow(FileError);
  });

  test.each([0, 1, 6])("protocol %d", (version) => {
    expect(() => unpickle(pickle(0x80, version, "N."), world)).toThrow(`pickle protocol ${version}`);
  });

  test.each<[string, readonly (number | string)[]]>([
    ["no value", []],
    ["two values", ["N", "N"]],
    ["a mark as value", ["("]],
    ["an unknown reference", ["h", 9]],
    ["an end without a mark", ["t"]],
    ["items for no list", ["K", 1, "K", 2, "a"]],
    ["a key without a value", ["}", "(", "K", 1, "u"]],
    ["a key twice", ["}", "(", "K", 1, "K", 2, "K", 1, "K", 3, "u"]],
    ["a call without arguments", ["cm\npair\n", "N", "R"]],
    ["a name without an end", ["cm"]],
    ["text longer than the file", ["X", 0xff, 0xff, 0xff, 0xff]],
    ["text of 2^64 - 1 bytes", [0x8d, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]],
    ["text that is not UTF-8", [0x8c, 1, 0xff]],
  ])("a damaged pickle: %s", (_, parts) => {
    expect(() => run(...parts)).toThrow(FileError);
  });

  test("whatever the bytes are, the outcome is a value or a FileError", () => {
    const opcodes = fc.constantFrom(..."(.0N]})etuasdqhjrRbQcJKMGX2", ..."\x85\x86\x88\x8a\x8c\x93\x94");
    const program = fc.array(
      fc.oneof({ weight: 4, arbitrary: opcodes.map((char) => char.charCodeAt(0)) }, fc.nat(255)),
    );
    fc.assert(
      fc.property(program, (bytes) => {
        try {
          run(...bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(FileError);
        }
      }),
      { numRuns: 3000 },
    );
  });
});
