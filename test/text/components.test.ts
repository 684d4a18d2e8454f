import { describe, expect, it } from "vitest";
import { FileError } from "../../src/errors.ts";
import { byteCharacters } from "../../src/text/bytes.ts";
import { readCharsMap } from "../../src/text/charsMap.ts";
import { createDecoder } from "../../src/text/decoder.ts";
import { createNormalizer } from "../../src/text/normalizer.ts";
import { createPreTokenizer } from "../../src/text/preTokenizer.ts";
import { createSubwordModel } from "../../src/text/subwordModel.ts";
import { origin, rewrite, track, trimSpan } from "../../src/text/trackedText.ts";

// The examples of `split` are those of the documentation of the Rust library `tokenizers`.

const cut = (config: object, text: string) =>
  createPreTokenizer({ ...config }, "test")(track(text)).map((piece) => piece.text);

describe("split", () => {
  it.each([
    ["Removed", ["the", "final", "countdown"]],
    ["Isolated", ["the", "-", "final", "-", "-", "countdown"]],
    ["MergedWithPrevious", ["the-", "final-", "-", "countdown"]],
    ["MergedWithNext", ["the", "-final", "-", "-countdown"]],
    ["Contiguous", ["the", "-", "final", "--", "countdown"]],
  ])("with %s does that to the matches", (behavior, expected) => {
    expect(cut({ type: "Split", pattern: { String: "-" }, behavior, invert: false }, "the-final--countdown")).toEqual(
      expected,
    );
  });

  it("inverted, treats what lies between the matches as the match", () => {
    const config = { type: "Split", pattern: { Regex: "\\w+" }, behavior: "Removed", invert: true };
    expect(cut(config, "ab, cd! é")).toEqual(["ab", "cd", "é"]);
  });

  it("knows digits beyond ASCII, one by one or together", () => {
    expect(cut({ type: "Digits", individual_digits: true }, "a12٣b")).toEqual(["a", "1", "2", "٣", "b"]);
    expect(cut({ type: "Digits", individual_digits: false }, "a12٣b")).toEqual(["a", "12٣", "b"]);
  });

  it("puts a metaspace before the first word only, when asked to", () => {
    const first = createPreTokenizer({ type: "Metaspace", prepend_scheme: "first" });
    expect(first(track("a b")).map((piece) => piece.text)).toEqual(["▁a", "▁b"]);
    expect(cut({ type: "Metaspace", prepend_scheme: "never", split: false }, "a b")).toEqual(["a▁b"]);
  });
});

describe("normalisers", () => {
  it("keep the origin of every character", () => {
    const normalize = createNormalizer({ type: "NFKC" });
    const text = normalize(track("aﬁe\u0301 Ⅷ"));
    expect(text.text).toBe("afié VIII");
    expect(origin(text, 1, 2)).toEqual([1, 2]);
    expect(origin(text, 2, 3)).toEqual([1, 2]);
    expect(origin(text, 3, 4)).toEqual([2, 4]);
    expect(origin(text, 6, 8)).toEqual([5, 6]);
  });

  it("compose Hangul letters and half-width sound marks inside their cluster", () => {
    const text = createNormalizer({ type: "NFKC" })(track("x\u1112\u1161\u11abｶﾞy"));
    expect(text.text).toBe("x한ガy");
    expect([1, 2, 3].map((at) => origin(text, at, at + 1))).toEqual([
      [1, 4],
      [4, 6],
      [6, 7],
    ]);
  });

  it("lower-case character by character", () => {
    expect(createNormalizer({ type: "Lowercase" })(track("ΑΣ İI")).text).toBe("ασ i̇i");
  });

  it("clean a text as BERT does", () => {
    const bert = createNormalizer({
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      lowercase: true,
    });
    expect(bert(track("É\u0000a\t日\u{20000}")).text).toBe("ea  日  \u{20000} ");
  });
});

describe("tracked text", () => {
  it("gives inserted characters an empty span, and both halves of a pair the pair", () => {
    const text = rewrite(track("🙂b"), [{ start: 2, end: 2, content: "▁" }]);
    expect(text.text).toBe("🙂▁b");
    expect([0, 1, 2, 3].map((at) => origin(text, at, at + 1))).toEqual([
      [0, 2],
      [0, 2],
      [2, 2],
      [2, 3],
    ]);
  });

  it("trims white space off spans, but not spans of nothing else", () => {
    expect(trimSpan("a bc d", [1, 5])).toEqual([2, 4]);
    expect(trimSpan("a   b", [1, 4])).toEqual([1, 4]);
    expect(trimSpan("ab", [1, 1])).toEqual([1, 1]);
  });
});

describe("models", () => {
  it("BPE joins the earliest pair first, the leftmost of equals, and fuses unknown characters", () => {
    const vocab = { "<unk>": 0, a: 1, b: 2, c: 3, ab: 4, bc: 5, aa: 6 };
    const model = createSubwordModel({
      type: "BPE",
      vocab,
      merges: ["b c", "a b", ["a", "a"]],
      unk_token: "<unk>",
      fuse_unk: true,
    });
    const ids = (text: string) => model.segment(text).map((token) => token.id);
    expect(ids("abc")).toEqual([vocab.a, vocab.bc]);
    expect(ids("aaa")).toEqual([vocab.aa, vocab.a]);
    expect(model.segment("x🙂ab")).toEqual([
      { id: 0, start: 0, end: 3 },
      { id: vocab.ab, start: 3, end: 5 },
    ]);
  });

  it("the unigram model takes the best sum, and bytes for what it does not know", () => {
    const bytes = Array.from({ length: 256 }, (_, byte) => [
      `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
      -9,
    ]);
    const vocab = [["<unk>", 0], ["ab", -3], ["a", -1], ["b", -1.5], ...bytes];
    const model = createSubwordModel({ type: "Unigram", vocab, unk_id: 0, byte_fallback: true });
    expect(model.segment("abé")).toEqual([
      { id: 2, start: 0, end: 1 },
      { id: 3, start: 1, end: 2 },
      { id: 4 + 0xc3, start: 2, end: 3 },
      { id: 4 + 0xa9, start: 2, end: 3 },
    ]);
  });

  it("WordPiece takes the longest match, and one unknown token for a word that it cannot cover", () => {
    const vocab = { "[UNK]": 0, play: 1, "##ing": 2, p: 3 };
    const model = createSubwordModel({ type: "WordPiece", vocab, unk_token: "[UNK]", continuing_subword_prefix: "##" });
    expect(model.segment("playing").map(({ id, start, end }) => [id, start, end])).toEqual([
      [1, 0, 4],
      [2, 4, 7],
    ]);
    expect(model.segment("played").map(({ id }) => id)).toEqual([0]);
  });

  it("byte characters are 256 different ones, with Ġ for the space", () => {
    expect(new Set(byteCharacters).size).toBe(256);
    expect(byteCharacters[0x20]).toBe("Ġ");
    expect(byteCharacters[0x0a]).toBe("Ċ");
  });
});

describe("decoders", () => {
  const decode = (config: object, tokens: string[]) => createDecoder({ ...config })(tokens).join("");

  it("spell runs of bytes, and give each byte of a run that is no UTF-8 a replacement character", () => {
    expect(decode({ type: "ByteFallback" }, ["a", "<0xE2>", "<0x82>", "<0xAC>", "b"])).toBe("a€b");
    expect(decode({ type: "ByteFallback" }, ["<0xE2>", "<0x82>", "b"])).toBe("��b");
  });

  it("read byte-level tokens together, and other tokens as they are written", () => {
    expect(decode({ type: "ByteLevel" }, ["ðŁĻ", "Ĥ", "Ġa", "日"])).toBe("🙂 a日");
  });

  it("drop every metaspace of the first token", () => {
    expect(decode({ type: "Metaspace" }, ["▁▁a", "▁b"])).toBe("a b");
    expect(decode({ type: "Metaspace", prepend_scheme: "never" }, ["▁a", "▁b"])).toBe(" a b");
  });
});

describe("character maps", () => {
  it("find the longest and the shortest key of a hand-made trie", () => {
    // Keys "a" → "x" and "ab" → "yz". Units: root, then the children of each node at its offset XOR their byte.
    const units = new Uint32Array(1024);
    units[0] = 256 << 10;
    const a = 256 ^ 0x61;
    units[a] = ((a ^ 512) << 10) | 0x100 | 0x61;
    units[512] = (1 << 31) | 0;
    const b = 512 ^ 0x62;
    units[b] = ((b ^ 768) << 10) | 0x100 | 0x62;
    units[768] = (1 << 31) | 2;
    const bytes = new Uint8Array([
      ...new Uint8Array(Uint32Array.of(4096).buffer),
      ...new Uint8Array(units.buffer),
      120,
      0,
      121,
      122,
      0,
    ]);
    const map = readCharsMap(bytes);
    const text = new TextEncoder().encode("cabd");
    expect(map.longest(text, 1)).toEqual({ length: 2, content: "yz" });
    expect(map.shortest(text, 1)).toEqual({ length: 1, content: "x" });
    expect(map.longest(text, 0)).toBeUndefined();
    expect(map.longest(text, 2)).toBeUndefined();
  });

  it("refuse lengths that contradict each other", () => {
    expect(() => readCharsMap(Uint8Array.of(9, 0, 0, 0, 1))).toThrow(FileError);
    expect(() => readCharsMap(Uint8Array.of(0xff, 0xff, 0, 0, 1, 2, 3, 4))).toThrow(FileError);
  });
});
