import { describe, expect, it } from "vitest";
import { FileError, UnsupportedError } from "../../src/errors.ts";
import { openFolder } from "../../src/platform/node.ts";
import { loadTokenizer } from "../../src/text/loadTokenizer.ts";
import { changedFiles, memoryFiles } from "./memoryFiles.ts";

const model = async (name: string) => openFolder(new URL(`../golden/${name}/model`, import.meta.url).pathname);
const json = async (name: string) =>
  JSON.parse(new TextDecoder().decode(await (await model(name)).read("tokenizer.json")));

describe("tokenizers without a tokenizer.json", () => {
  it("T5 from spiece.model equals T5 from tokenizer.json", async () => {
    const files = await model("t5");
    const fromJson = await loadTokenizer(files);
    const fromPieces = await loadTokenizer(await changedFiles(files, { "tokenizer.json": undefined }));
    for (const text of ["The girl had a ﬁne ball.", "  two  spaces ", "日本 <extra_id_1> é", ""]) {
      expect(fromPieces.encode(text)).toEqual(fromJson.encode(text));
      expect(fromPieces.decode(fromPieces.encode(text).ids)).toBe(fromJson.decode(fromJson.encode(text).ids));
    }
    expect(fromPieces.className).toBe("TokenizersBackend");
    expect(fromPieces.vocabSize).toBe(fromJson.vocabSize);
  });

  it("GPT-2 from vocab.json and merges.txt equals GPT-2 from tokenizer.json", async () => {
    const files = await model("gpt2");
    const { model: bpe } = await json("gpt2");
    const pairs = bpe.merges.map((pair: string | string[]) => (typeof pair === "string" ? pair : pair.join(" ")));
    const fromFiles = await loadTokenizer(
      await changedFiles(files, {
        "tokenizer.json": undefined,
        "vocab.json": bpe.vocab,
        "merges.txt": ["#version: 0.2", ...pairs, ""].join("\n"),
      }),
    );
    const fromJson = await loadTokenizer(files);
    for (const text of ["The girl didn't see 42 big balls.", "naïve  café\n🙂", "a<|endoftext|>b", ""]) {
      expect(fromFiles.encode(text)).toEqual(fromJson.encode(text));
      expect(fromFiles.decode(fromFiles.encode(text).ids)).toBe(fromJson.decode(fromJson.encode(text).ids));
    }
  });

  it("Llama from a SentencePiece BPE model falls back to bytes and puts a space before the text", async () => {
    const tokenizer = await loadTokenizer(memoryFiles({ "tokenizer.model": llamaPieces() }));
    const { tokens, spans } = tokenizer.encode("abab é");
    expect(tokens).toEqual(["<s>", "▁ab", "ab", "▁", "<0xC3>", "<0xA9>"]);
    expect(spans).toEqual([null, [0, 2], [2, 4], [4, 5], [5, 6], [5, 6]]);
    expect(tokenizer.decode(tokenizer.encode("abab é").ids, { skipSpecialTokens: true })).toBe("abab é");
  });
});

describe("MarianMT", () => {
  it("keeps a language code at the start as one token, and gives unknown codes the unknown token", async () => {
    const files = await model("marian");
    const vocab = JSON.parse(new TextDecoder().decode(await files.read("vocab.json")));
    const size = Object.keys(vocab).length;
    const tokenizer = await loadTokenizer(await changedFiles(files, { "vocab.json": { ...vocab, ">>fra<<": size } }));
    const { ids, tokens, spans } = tokenizer.encode(">>fra<< The girl");
    expect([ids[0], tokens[0], spans[0]]).toEqual([size, ">>fra<<", [0, 7]]);
    expect(tokens.slice(1)).toEqual(tokenizer.encode("The girl").tokens);
    expect(tokenizer.encode(">>xyz<< The girl").tokens[0]).toBe("<unk>");
    expect(tokenizer.encode("The >>fra<<").ids).not.toContain(size);
  });

  it("reads a target vocabulary of its own", async () => {
    const files = await model("marian");
    const vocab: Record<string, number> = JSON.parse(new TextDecoder().decode(await files.read("vocab.json")));
    const size = Object.keys(vocab).length;
    const reversed = Object.fromEntries(Object.entries(vocab).map(([token, id]) => [token, size - 1 - id]));
    const changes = {
      "target_vocab.json": reversed,
      "tokenizer_config.json": { tokenizer_class: "MarianTokenizer", separate_vocabs: true },
    };
    const shared = await loadTokenizer(files);
    const separate = await loadTokenizer(await changedFiles(files, changes));
    const text = "She was very happy.";
    expect(separate.encode(text).ids).toEqual(shared.encode(text).ids);
    const target = separate.encode(text, { asTarget: true });
    expect(target.tokens).toEqual(shared.encode(text, { asTarget: true }).tokens);
    expect(target.ids).toEqual(shared.encode(text, { asTarget: true }).ids.map((id) => size - 1 - id));
    expect(separate.decode(target.ids, { skipSpecialTokens: true })).toBe(text);
    expect(separate.decode(separate.encode(text).ids, { skipSpecialTokens: true, asTarget: false })).toBe(text);
  });
});

describe("bad files", () => {
  it("a folder without a tokenizer gives one error that lists what was looked for", async () => {
    const attempt = loadTokenizer(memoryFiles({ "config.json": {} }));
    await expect(attempt).rejects.toThrow(FileError);
    await expect(attempt).rejects.toThrow(
      /tokenizer\.json.*source\.spm.*spiece\.model.*tokenizer\.model.*merges\.txt.*config\.json/,
    );
  });

  it.each([
    ["no JSON", "{"],
    ["no UTF-8", Uint8Array.from([0xff, 0xfe, 0])],
    ["a list", []],
    ["no model", { added_tokens: [] }],
    ["a vocabulary of strings", { model: { type: "BPE", vocab: { a: "0" }, merges: [] } }],
    ["a merge of unknown tokens", { model: { type: "BPE", vocab: { a: 0 }, merges: ["a b"] } }],
    ["an unknown id that is not there", { model: { type: "Unigram", vocab: [["a", 0]], unk_id: 7 } }],
  ])("a tokenizer.json with %s is a FileError", async (_, content) => {
    await expect(loadTokenizer(memoryFiles({ "tokenizer.json": content }))).rejects.toThrow(FileError);
  });

  it.each(["source.spm", "target.spm"])("a damaged %s is a FileError", async (file) => {
    const files = await model("marian");
    const whole = await files.read(file);
    for (const bytes of [new Uint8Array(), whole.slice(0, 1000), whole.map((byte, at) => (at === 1 ? 200 : byte))]) {
      await expect(loadTokenizer(await changedFiles(files, { [file]: bytes }))).rejects.toThrow(FileError);
    }
  });

  it("a Marian vocabulary without an unknown token is a FileError", async () => {
    const files = await changedFiles(await model("marian"), { "vocab.json": { "</s>": 0 } });
    await expect(loadTokenizer(files)).rejects.toThrow(/expected the tokens "<unk>" and "<\/s>"/);
  });

  it.each(["normalizer", "pre_tokenizer", "post_processor", "decoder", "model"])(
    "an unknown %s is refused by name",
    async (component) => {
      const content = { ...(await json("gpt2")), [component]: { type: "Sorcery" } };
      const attempt = loadTokenizer(memoryFiles({ "tokenizer.json": content }));
      await expect(attempt).rejects.toThrow(UnsupportedError);
      await expect(attempt).rejects.toThrow(/received "Sorcery"/);
    },
  );
});

/** A SentencePiece model written by hand: `<unk> <s> </s>`, the 256 bytes, and a few pieces. */
function llamaPieces(): Uint8Array {
  const types = { normal: 1, unknown: 2, control: 3, byte: 6 };
  const pieces: [string, number, number][] = [
    ["<unk>", 0, types.unknown],
    ["<s>", 0, types.control],
    ["</s>", 0, types.control],
  ];
  for (let byte = 0; byte < 256; byte++) {
    pieces.push([`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`, 0, types.byte]);
  }
  for (const [text, score] of [
    ["ab", -1],
    ["▁ab", -2],
    ["▁", -3],
    ["a", -4],
    ["b", -5],
  ] as const) {
    pieces.push([text, score, types.normal]);
  }
  const message = (field: number, body: readonly number[]) => [(field << 3) | 2, body.length, ...body];
  const bytes = pieces.flatMap(([text, score, type]) => {
    const float = new Uint8Array(Float32Array.of(score).buffer);
    return message(1, [...message(1, [...new TextEncoder().encode(text)]), (2 << 3) | 5, ...float, 3 << 3, type]);
  });
  return Uint8Array.from([...bytes, ...message(2, [3 << 3, 2])]);
}
