/** Readers of data files, and items that are made. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FileError, OptionError } from "../../src/errors.ts";
import { inductionItems, needleItems } from "../../src/evaluate/data/generated.ts";
import { jsonErrorAt } from "../../src/evaluate/data/jsonPosition.ts";
import { type ReadItemsOptions, readItems } from "../../src/evaluate/data/readItems.ts";

const cut = ({
  input,
  evidence = [],
}: {
  input: string;
  evidence?: readonly (readonly [number, number])[];
}): string[] => evidence.map(([start, end]) => input.slice(start, end));
const lines = (...rows: readonly object[]): string => rows.map((row) => JSON.stringify(row)).join("\n");

describe("readItems", () => {
  it("reads JSON lines for decoder-only models; spans count characters as Python does", () => {
    const text = lines(
      { id: 7, prompt: "😀 Tom hid it.", target: "He", foil: "She", evidence: [[2, 5]] },
      { prompt: "A ", target: "A b", id: null, foil: null, evidence: null },
    );
    const [first, second] = readItems(`\uFEFF${text}\r\n\n`);
    expect(first).toEqual({
      id: "7",
      input: "😀 Tom hid it.",
      target: "😀 Tom hid it. He",
      foil: "😀 Tom hid it. She",
      evidence: [[3, 6]],
    });
    expect(cut(first as never)).toEqual(["Tom"]);
    expect(second).toEqual({ id: "line 2", input: "A ", target: "A b" });
  });

  it("reads JSON lines for encoder-decoder models", () => {
    const items = readItems(lines({ source: "Babam geldi.", target: "My father came." }), { kind: "encoder-decoder" });
    expect(items).toEqual([{ id: "line 1", input: "Babam geldi.", target: "My father came." }]);
  });

  it("recognises BLiMP: the first words that differ are target and foil", () => {
    const row = {
      sentence_good: "The teacher thanked herself today.",
      sentence_bad: "The teacher thanked itself today.",
      UID: "anaphor",
      pairID: "3",
    };
    const [item] = readItems(lines(row));
    expect(item).toEqual({
      id: "anaphor 3",
      input: "The teacher thanked",
      target: "The teacher thanked herself",
      foil: "The teacher thanked itself",
    });
  });

  it.each([
    ["anaphor_gender_agreement", "Anna thanked herself.", "Anna thanked himself.", ["Anna"]],
    ["anaphor_number_agreement", "A lot of girls hid themselves.", "A lot of girls hid himself.", ["girls"]],
    ["distractor_agreement_relative_clause", "Those boys that saw Ann run.", "Those boys that saw Ann runs.", ["boys"]],
    ["regular_plural_subject_verb_agreement_1", "Ann's cat sleeps.", "Ann's cat sleep.", ["cat"]],
    [
      "determiner_noun_agreement_with_adj_irregular_1",
      "That man saw these big men.",
      "That man saw these big man.",
      ["these"],
    ],
    ["determiner_noun_agreement_2", "Ann saw this man.", "Ann saw these man.", []],
    ["wh_island", "Who did Ann see there?", "Who did Ann saw there?", []],
  ])("knows the evidence of BLiMP's %s", (UID, sentence_good, sentence_bad, expected) => {
    const [item] = readItems(lines({ sentence_good, sentence_bad, UID }));
    expect(cut(item as never)).toEqual(expected);
    expect(item !== undefined && "evidence" in item).toBe(expected.length > 0);
  });

  it("takes the evidence that a minimal pair brings along", () => {
    const row = { sentence_good: "🦉 It saw itself.", sentence_bad: "🦉 It saw himself.", evidence: [[2, 4]] };
    expect(cut(readItems(lines(row))[0] as never)).toEqual(["It"]);
    expect(() => readItems(lines({ ...row, evidence: [[2, 10]] }))).toThrow("inside the 8 characters of the text");
  });

  it("recognises SVA: the word in which the prefixes differ is the evidence", () => {
    const row = {
      clean_prefix: "The cook near the bakers",
      patch_prefix: "The cooks near the bakers",
      clean_answer: " sings",
      patch_answer: " sing",
    };
    const [item] = readItems(lines(row));
    expect(item).toMatchObject({ target: "The cook near the bakers sings", foil: "The cook near the bakers sing" });
    expect(cut(item as never)).toEqual(["cook"]);
  });

  it("recognises IOI, as a list: the name that is there twice is the foil", () => {
    const rows = [{ prompt: "When Ann and Annabel left, Annabel gave a pear to", answer: "Ann", case_id: 0 }];
    const [item] = readItems(JSON.stringify(rows, null, 2));
    expect(item).toMatchObject({ foil: `${rows[0]?.prompt} Annabel`, evidence: [[5, 8]] });
  });

  it("recognises CounterFact and the Knowns: the subject is the evidence", () => {
    const requested_rewrite = {
      prompt: "The home of {} is",
      subject: "Old $& Tom",
      target_true: { str: "Bath" },
      target_new: { str: "York" },
    };
    const [counterfact] = readItems(JSON.stringify([{ case_id: 1, requested_rewrite }]));
    expect(counterfact).toMatchObject({
      target: "The home of Old $& Tom is Bath",
      foil: "The home of Old $& Tom is York",
    });
    const [known] = readItems(lines({ subject: "Tom", prompt: "Tom lives in", attribute: "Bath", known_id: 4 }));
    expect(known).toEqual({ id: "line 1", input: "Tom lives in", target: "Tom lives in Bath", evidence: [[0, 3]] });
    expect([counterfact, known].map((item) => cut(item as never))).toEqual([["Old $& Tom"], ["Tom"]]);
  });

  const good = '{"prompt": "a", "target": "b"}';
  const pair = { sentence_good: "a b", sentence_bad: "c b" };
  it.each<[string, string, RegExp, ReadItemsOptions?]>([
    ["no rows", "\n", /items\.jsonl: expected at least one row/],
    ["broken JSON", `${good}\n{"prompt": "a",, }`, /items\.jsonl, line 2, column 16: expected JSON, received ", }"/],
    ["a row that ends", `${good}\n\n{"prompt": "a"`, /line 3, column 15: expected JSON, received the end/],
    ["a broken list", '[\n  {"prompt": x}\n]', /line 2, column 14: expected JSON, received "x}/],
    ["no object", `${good}\n[1]`, /line 2: expected an object/],
    ["no target", '{"prompt": "a", "answers": "b"}', /line 1: expected the fields of one of the formats jsonl, blimp/],
    [
      "no prompt",
      `${good}\n{"text": "a", "target": "b"}`,
      /line 2: expected a text as "prompt", received only text, target/,
    ],
    ["a number", `${good}\n{"prompt": 3, "target": "b"}`, /line 2, column 2: expected a text as "prompt", received 3/],
    [
      "a span outside",
      '{"prompt": "abc", "target": "b", "evidence": [[0, 4]]}',
      /column 34: .*3 characters.*received \[0,4\]/,
    ],
    ["no span", '{"prompt": "abc", "target": "b", "evidence": [2]}', /expected "evidence" as spans .* received 2/],
    [
      "no evidence",
      '{"prompt": "abc", "target": "b", "evidence": []}',
      /expected "evidence" as spans .* received \[\]/,
    ],
    [
      "an id that is none",
      '{"prompt": "abc", "target": "b", "id": {"a": 1}}',
      /column 34: expected a text or a number as "id"/,
    ],
    ["nothing in common", lines(pair), /line 1, column 24: expected two sentences that begin/],
    ["no second name", lines({ prompt: "Ann and Bob went to", answer: "Ann" }), /another one twice/, { format: "ioi" }],
    [
      "another subject",
      lines({ subject: "X", prompt: "Y is", attribute: "Z" }),
      /expected the subject "X" in the prompt/,
    ],
  ])("refuses %s", (_, text, message, options) => {
    expect(() => readItems(text, { name: "items.jsonl", ...options })).toThrow(FileError);
    expect(() => readItems(text, { name: "items.jsonl", ...options })).toThrow(message);
  });

  it.each([
    [
      "lines",
      `{"text": "a", "target": "b"}\n${good}\n{"prompt"\n[1]\n\n{"prompt": "c", "target": "d"}`,
      ["line 2", "line 6"],
    ],
    [
      "a list",
      `[{"text": "a", "target": "b"}, ${good}, 3, {"prompt": "c"}, {"prompt": "c", "target": "d"}]`,
      ["row 2", "row 5"],
    ],
  ])("leaves out of %s what cannot be read, if somebody is told", (_, text, left) => {
    const faults: string[] = [];
    const items = readItems(text, { name: "items", onFault: ({ message }) => void faults.push(message) });
    expect(items.map(({ id }) => id)).toEqual(left);
    expect(faults).toHaveLength(3);
    for (const fault of faults) expect(fault).toMatch(/^items, (line|row) [1345]\b.*: expected .* received/);
    expect(() => readItems("{}", { onFault: () => {} })).toThrow(/expected the fields of one of the formats/);
    expect(() => readItems("[3]", { onFault: () => {} })).toThrow(/expected at least one row/);
  });

  it("refuses a format for other models", () => {
    expect(() => readItems(lines(pair), { kind: "encoder-decoder" })).toThrow(OptionError);
  });
});

describe("the place where JSON is wrong", () => {
  it("is the end for what is JSON, and for its beginnings; else the first character that is wrong", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 3 }), fc.nat(), (text, n) => {
        expect(jsonErrorAt(text)).toBe(text.length);
        // A vertical tab stands nowhere in JSON.
        const at = n % (text.length + 1);
        const broken = `${text.slice(0, at)}\v${text.slice(at)}`;
        expect(() => JSON.parse(broken)).toThrow();
        expect(jsonErrorAt(broken)).toBeLessThanOrEqual(at);
        if (at === 0 || /(?<!\\)[,:[{]$/.test(text.slice(0, at))) expect(jsonErrorAt(broken)).toBe(at);
      }),
    );
  });
});

describe("made items", () => {
  it("are of the length that was asked for, and the evidence is what answers", () => {
    fc.assert(
      fc.property(fc.integer({ min: 30, max: 400 }), fc.nat(1000), (length, seed) => {
        const options = { length, seed, count: 3 };
        for (const item of needleItems(options)) {
          expect(Math.abs(item.input.split(" ").length - length)).toBeLessThan(20);
          expect(item.target).toBe(`${item.input} ${cut(item)[0]}`);
          expect(item.foil?.slice(item.input.length, item.input.length + 2)).not.toBe(
            item.target.slice(item.input.length, item.input.length + 2),
          );
        }
        for (const item of inductionItems(options)) {
          const words = item.input.split(" ");
          expect(words).toHaveLength(length);
          const target = item.target.split(" ").at(-1);
          // The word before the target is the last of the prompt.
          expect(words[words.indexOf(target ?? "") - 1]).toBe(words.at(-1));
          expect(cut(item)).toEqual([target]);
          expect(item.foil).not.toBe(item.target);
        }
        expect(needleItems(options)).toEqual(needleItems(options));
      }),
      { numRuns: 20 },
    );
  });

  it("are refused where there is no room", () => {
    expect(() => needleItems({ length: 29 })).toThrow(/from 30 on, received 29/);
    expect(() => inductionItems({ count: 0 })).toThrow(/count/);
    expect(() => inductionItems({ lenght: 9 } as never)).toThrow(/did you mean "length"/);
  });
});
