import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OptionError } from "../../src/errors.ts";
import type { JsonObject } from "../../src/json.ts";
import { loadTokenizer } from "../../src/text/loadTokenizer.ts";
import type { Tokenizer } from "../../src/text/tokenizer.ts";
import { memoryFiles } from "./memoryFiles.ts";

/** Written by `test/golden/make_tokenizers.py` with transformers 4.57.6. */
interface Golden {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly config: JsonObject;
  readonly given: JsonObject;
  readonly samples: readonly {
    readonly text: string;
    readonly ids: readonly number[];
    readonly tokens: readonly string[];
    readonly ids_without_special: readonly number[];
    readonly target_ids: readonly number[];
    readonly decoded: string;
    readonly decoded_skip_special: string;
  }[];
}

const golden = (path: string) => readFileSync(new URL(`../golden/${path}`, import.meta.url));
const all: readonly Golden[] = JSON.parse(golden("tokenizers/expected.json").toString());

function load({ files, config, given }: Golden, changes: JsonObject = {}): Promise<Tokenizer> {
  const contents = Object.entries(files).map(([name, path]) => [name, new Uint8Array(golden(path))]);
  return loadTokenizer(memoryFiles({ ...Object.fromEntries(contents), "tokenizer_config.json": config }), {
    ...given,
    ...changes,
  });
}

const named = (name: string): Golden => {
  const found = all.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no golden tokenizer ${name}`);
  return found;
};

it("are as many as the README says", () => {
  const classes = new Set(all.map(({ config }) => config.tokenizer_class));
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  expect(readme).toContain(
    `${all.length} tokenizers of ${classes.size} classes on ${all[0]?.samples.length} awkward texts`,
  );
});

describe.each(all)("$name without a tokenizer.json", (expected) => {
  it("encodes and decodes as transformers does", async () => {
    const tokenizer = await load(expected);
    expect(expected.samples.length).toBeGreaterThan(30);
    for (const sample of expected.samples) {
      const { ids, tokens, spans } = tokenizer.encode(sample.text);
      expect(ids).toEqual(sample.ids);
      expect(tokens).toEqual(sample.tokens);
      expect(spans.length).toBe(ids.length);
      expect(tokenizer.encode(sample.text, { addSpecialTokens: false }).ids).toEqual(sample.ids_without_special);
      expect(tokenizer.encode(sample.text, { asTarget: true }).ids).toEqual(sample.target_ids);
      expect(tokenizer.decode(sample.ids)).toBe(sample.decoded);
      expect(tokenizer.decode(sample.ids, { skipSpecialTokens: true })).toBe(sample.decoded_skip_special);
    }
  });

  it("knows the characters behind every token of a plain text", async () => {
    const tokenizer = await load(expected);
    const words = fc.array(fc.stringMatching(/^[a-z]{1,8}$/), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(words, (list) => {
        const text = list.join(" ");
        const { ids, tokens, spans } = tokenizer.encode(text, { addSpecialTokens: false });
        const { unk } = tokenizer.special;
        tokenizer.readable(tokens).forEach((readable, at) => {
          if (ids[at] !== unk) expect(text.slice(...(spans[at] ?? [0, 0])).trim()).toBe(readable.trim());
        });
      }),
      { numRuns: 30 },
    );
  });
});

describe("language codes", () => {
  it("say which languages are in use, and where the target's stands", async () => {
    expect((await load(named("mbart"))).languages).toMatchObject({
      source: "fr_XX",
      target: "de_DE",
      startsDecoder: true,
    });
    const { languages } = await load(named("m2m"));
    expect(languages).toMatchObject({ source: "de", target: "fr", startsDecoder: false });
    expect(languages?.codes.size).toBe(100);
    expect((await load(named("seamless"), { src_lang: "__cmn_Hant__" })).languages?.source).toBe("cmn_Hant");
    expect((await load(named("t5"))).languages).toBeNull();
  });

  it("default to the class's, and the target's to the source's", async () => {
    const files = { ...named("m2m"), given: {} };
    expect((await load(files)).languages).toMatchObject({ source: "en", target: "en" });
    expect((await load({ ...named("mbart50"), given: {} })).languages).toMatchObject({ source: "en_XX" });
  });

  it.each([
    ["m2m", "src_lang", "frr", /unknown source language "frr"; did you mean "fr"\?/],
    ["mbart", "tgt_lang", "ro_RU", /unknown target language "ro_RU"; did you mean "(ro_RO|ru_RU)"\?/],
    ["nllb", "tgt_lang", "deu_Ltan", /did you mean "deu_Latn"\?/],
    ["gpt2", "src_lang", "en", /expected a tokenizer with language codes, but GPT2Tokenizer has none/],
    ["byt5", "tgt_lang", "en", /ByT5Tokenizer has none/],
  ])("of %s refuse %s %s", async (name, setting, code, message) => {
    const attempt = load(named(name), { [setting]: code });
    await expect(attempt).rejects.toThrow(OptionError);
    await expect(attempt).rejects.toThrow(message);
  });

  it("of mBART are special tokens, though a tokenizer.json does not say so", async () => {
    const vocab = ["<s>", "<pad>", "</s>", "<unk>", "a", "en_XX", "ro_RO"].map((token) => [token, 0]);
    const files = memoryFiles({
      "tokenizer.json": { model: { type: "Unigram", vocab, unk_id: 3 } },
      "tokenizer_config.json": { tokenizer_class: "MBartTokenizer" },
    });
    const tokenizer = await loadTokenizer(files, { src_lang: "ro_RO" });
    expect(tokenizer.encode("a").ids).toEqual([4, 2, 6]);
    expect(tokenizer.decode([4, 2, 6], { skipSpecialTokens: true })).toBe("a");
    await expect(loadTokenizer(files, { src_lang: "fr_XX" })).rejects.toThrow(/known: en_XX, ro_RO/);
  });

  it("of a tokenizer.json without a class of its own take the place of the one in its template", async () => {
    const json = {
      added_tokens: ["</s>", "eng_Latn", "fra_Latn"].map((content, id) => ({ id, content, special: true })),
      model: { type: "WordLevel", vocab: { "</s>": 0, eng_Latn: 1, fra_Latn: 2, a: 3 }, unk_token: "a" },
      post_processor: {
        type: "TemplateProcessing",
        single: [{ SpecialToken: { id: "eng_Latn" } }, { Sequence: { id: "A" } }, { SpecialToken: { id: "</s>" } }],
        special_tokens: { eng_Latn: { ids: [1] }, "</s>": { ids: [0] } },
      },
    };
    const files = memoryFiles({ "tokenizer.json": json });
    expect((await loadTokenizer(files)).encode("a").ids).toEqual([1, 3, 0]);
    const french = await loadTokenizer(files, { tgt_lang: "fra_Latn" });
    expect(french.encode("a", { asTarget: true }).ids).toEqual([2, 3, 0]);
    expect(french.encode("a").ids).toEqual([1, 3, 0]);
  });
});

describe("ByT5", () => {
  it("gives every byte of a character the character's place", async () => {
    const tokenizer = await load(named("byt5"));
    const { spans } = tokenizer.encode("é🙂", { addSpecialTokens: false });
    expect(spans).toEqual([
      [0, 1],
      [0, 1],
      [1, 3],
      [1, 3],
      [1, 3],
      [1, 3],
    ]);
    expect(tokenizer.readable(tokenizer.encode("é!").tokens)).toEqual(["⟨C3⟩", "⟨A9⟩", "!", "</s>"]);
  });
});
