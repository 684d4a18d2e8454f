import fc from "fast-check";
import { expect, test } from "vitest";
import { displayToken, displayTokens } from "../../src/render/displayToken.ts";
import { labelText, lineText, runningText } from "../../src/render/visibleText.ts";
import { decodeTokens } from "../../src/text/tokenText.ts";
import { hostileTokens } from "./cases.ts";

test("SentencePiece: spaces as dots, bytes as the characters they are", () => {
  expect(displayTokens(["▁The", "▁girl", "s", "<0x0A>", "<0xE2>", "<0x41>", "</s>"])).toEqual([
    "·The",
    "·girl",
    "s",
    "↵",
    "⟨E2⟩",
    "A",
    "</s>",
  ]);
});

test("byte-level tokens are recognised by the list and decoded", () => {
  expect(decodeTokens(["The", "Ġcaf", "Ã©", "Ċ", "ĠâĤ¬", "Ġæ", "Ĺ", "¥", "<|endoftext|>"])).toEqual([
    "The",
    " caf",
    "é",
    "\n",
    " €",
    " ⟨E6⟩",
    "⟨97⟩",
    "⟨A5⟩",
    "<|endoftext|>",
  ]);
});

test("byte-level text without a single space is recognised by being valid UTF-8", () => {
  expect(decodeTokens(["Ã¼ber", "all"])).toEqual(["über", "all"]);
});

test("accented text of other vocabularies is left alone", () => {
  expect(decodeTokens(["▁Genç", "▁kadın", "▁üniversitede", "Ġ"])).toEqual([" Genç", " kadın", " üniversitede", "Ġ"]);
  expect(decodeTokens(["größer", "café"])).toEqual(["größer", "café"]);
});

test("contrastive tokens are decoded on both sides of the arrow", () => {
  expect(displayTokens(["▁She", "▁he → ▁she"])).toEqual(["·She", "·he → she"]);
  expect(decodeTokens(["ĠHe", "Ġhe → ĊĠshe"])).toEqual([" He", " he → \n she"]);
});

test("one token alone is displayed as far as it can be known", () => {
  expect(displayToken("▁the")).toBe("·the");
  expect(displayToken("Ġthe")).toBe("·the");
  expect(displayToken("<0x0A>")).toBe("↵");
});

test("what cannot be seen gets a name", () => {
  expect(labelText("\u001b[31m\u0007\u009b")).toBe("⟨ESC⟩[31m⟨BEL⟩⟨U+009B⟩");
  expect(labelText("\u202Eabc\u2066\u200B\uFEFF\u00AD")).toBe("⟨RLO⟩abc⟨LRI⟩⟨ZWSP⟩⟨BOM⟩⟨SHY⟩");
  expect(labelText("\uD83D|\uFFFE|\u{E0041}|\u0000")).toBe("⟨U+D83D⟩|⟨U+FFFE⟩|⟨U+E0041⟩|⟨NUL⟩");
  expect(runningText("a\r\nb\u2028\u00a0c")).toBe("a↵\nb⟨LS⟩ c");
  expect(lineText("a\nb")).toBe("a↵b");
});

test("joiners inside emoji and words stay; alone they are named", () => {
  expect(labelText("👩‍👩‍👧‍👦 ❤️ 👍🏽")).toBe("👩‍👩‍👧‍👦·❤️·👍🏽");
  expect(labelText("نمی‌خواهم")).toBe("نمی‌خواهم");
  expect(labelText("\u200D")).toBe("⟨ZWJ⟩");
});

test("accents pile up to six", () => {
  expect(labelText(`z${"\u0335".repeat(300)}`)).toBe(`z${"\u0335".repeat(6)}…`);
});

test("no text keeps a control, format or surrogate character, whatever it was", () => {
  const anything = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(...hostileTokens));
  fc.assert(
    fc.property(fc.array(anything), (tokens) => {
      for (const text of displayTokens(tokens)) {
        expect(text).not.toMatch(/[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}\u202A-\u202E\u2066-\u2069\u2028\u2029 ]/u);
      }
    }),
  );
});

test("as many labels as tokens", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "grapheme" })), (tokens) => {
      expect(decodeTokens(tokens)).toHaveLength(tokens.length);
    }),
  );
});
