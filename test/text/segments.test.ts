import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type SegmentKind, segmentKinds, segmentRanges } from "../../src/text/segments.ts";
import { spelledText } from "../../src/text/tokenText.ts";

const pieces = (tokens: readonly string[]) => tokens.map((token) => ({ token, span: null }));
const segments = (tokens: readonly string[], kind: SegmentKind, pattern?: RegExp) =>
  segmentRanges(pieces(tokens), kind, pattern).map(([start, end]) => tokens.slice(start, end).join("|"));

describe("sentences", () => {
  test("end at full stops, quotes included, and not inside numbers", () => {
    const tokens = ["Tom", "Ġhid", ".", 'Ġ"', "No", '!"', "ĠHe", "Ġpaid", "Ġ3", ".", "5", "."];
    expect(segments(tokens, "sentences")).toEqual(["Tom|Ġhid|.", 'Ġ"|No|!"', "ĠHe|Ġpaid|Ġ3|.|5|."]);
  });

  test("are found in scripts without spaces, and in characters that are several tokens", () => {
    const tokens = ["▁今", "日は", "いい", "天気", "。", "<0xE6>", "<0x99>", "<0xB4>", "れ", "。", "</s>"];
    expect(segments(tokens, "sentences")).toEqual(["▁今|日は|いい|天気|。", "<0xE6>|<0x99>|<0xB4>|れ|。", "</s>"]);
  });
});

test("words are apart from punctuation, and one where they share a token", () => {
  expect(segments(["▁Do", "n't", "▁go", ",", "▁Tom!▁Sta", "y", "."], "words")).toEqual([
    "▁Do|n't",
    "▁go",
    ",",
    "▁Tom!▁Sta",
    "y",
    ".",
  ]);
});

test("paragraphs are apart by empty lines, whichever tokens hold those", () => {
  expect(segments(["A", "Ċ", "b", "ĊĊ", "c", ".Ċ", "Ċ", "Ġd"], "paragraphs")).toEqual(["A|Ċ|b|ĊĊ", "c|.Ċ|Ċ", "Ġd"]);
});

describe("documents", () => {
  test("begin where lines announce them, and end before the question", () => {
    const tokens = [
      "Read",
      "!",
      "Ċ",
      "[",
      "1",
      "]",
      "Ġone",
      "Ċ",
      "Document",
      "Ġ2",
      ":",
      "Ġtwo",
      "Ċ",
      "Question",
      ":",
      "Ġwhich",
    ];
    expect(segments(tokens, "documents")).toEqual([
      "Read|!|Ċ",
      "[|1|]|Ġone|Ċ",
      "Document|Ġ2|:|Ġtwo|Ċ",
      "Question|:|Ġwhich",
    ]);
  });

  test("are what the caller says", () => {
    expect(segments(["▁#", "a", "▁b", "▁#", "c"], "documents", /#/g)).toEqual(["▁#|a|▁b", "▁#|c"]);
    expect(segments(["▁a", "▁b"], "documents")).toEqual(["▁a|▁b"]);
  });
});

test("segments cover all tokens in order, whatever the tokens", () => {
  const token = fc.oneof(
    fc.constantFrom("▁a", "Ġb", "Ċ", ".", "!", "</s>", "<0xE6>", "<0x0A>", "▁", "。", "▁Mr", "Ã", "¼", "he → she"),
    fc.string({ maxLength: 4 }),
  );
  fc.assert(
    fc.property(fc.array(token, { maxLength: 12 }), fc.constantFrom(...segmentKinds), (tokens, kind) => {
      const ranges = segmentRanges(pieces(tokens), kind);
      expect(ranges.flatMap(([start, end]) => tokens.slice(start, end))).toEqual(tokens);
      expect(ranges.every(([start, end]) => start < end)).toBe(true);
      for (const [start, end] of ranges) if (tokens.slice(start, end).includes("</s>")) expect(end - start).toBe(1);
    }),
  );
});

test("tokens spell their text, and begin where their first character does", () => {
  expect(spelledText(["Ġgr", "Ã", "¼", "n"])).toEqual({ text: " grün", starts: [0, 3, 3, 4] });
  expect(spelledText(["▁he → ▁she", "▁is"])).toEqual({ text: " she is", starts: [0, 4] });
});
