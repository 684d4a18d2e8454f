import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openFolder } from "../../src/platform/node.ts";
import { loadTokenizer } from "../../src/text/loadTokenizer.ts";
import type { Tokenizer } from "../../src/text/tokenizer.ts";
import { architectures, referenceArchitectures } from "../support/goldenResults.ts";
import { changedFiles } from "./memoryFiles.ts";

/** Written by `test/golden/make_golden.py` with transformers 5.18. */
interface Golden {
  readonly tokenizer_samples: readonly {
    readonly text: string;
    readonly ids: readonly number[];
    readonly tokens: readonly string[];
    readonly ids_without_special: readonly number[];
    readonly decoded: string;
    readonly decoded_skip_special: string;
    readonly target_ids?: readonly number[];
  }[];
  readonly inputs: readonly {
    readonly text: string;
    readonly input_ids: readonly number[];
    readonly target_text?: string;
    readonly decoder_input_ids?: readonly number[];
  }[];
}

const golden = (name: string) => new URL(`../golden/${name}/`, import.meta.url).pathname;
const demo = (name: string) => new URL(`../../models/demo/${name}`, import.meta.url).pathname;
const load = async (path: string) => loadTokenizer(await openFolder(path));

describe.each(architectures)("the tokenizer of %s", (name) => {
  const expected: Golden = JSON.parse(readFileSync(`${golden(name)}forward.json`, "utf8"));

  it("encodes and decodes as transformers does", async () => {
    const tokenizer = await load(`${golden(name)}model`);
    expect(expected.tokenizer_samples.length).toBeGreaterThan(5);
    for (const sample of expected.tokenizer_samples) {
      const encoding = tokenizer.encode(sample.text);
      expect(encoding.ids).toEqual(sample.ids);
      expect(encoding.tokens).toEqual(sample.tokens);
      expect(tokenizer.encode(sample.text, { addSpecialTokens: false }).ids).toEqual(sample.ids_without_special);
      expect(tokenizer.decode(sample.ids)).toBe(sample.decoded);
      expect(tokenizer.decode(sample.ids, { skipSpecialTokens: true })).toBe(sample.decoded_skip_special);
      if (sample.target_ids) expect(tokenizer.encode(sample.text, { asTarget: true }).ids).toEqual(sample.target_ids);
    }
  });

  it("encodes the texts of the golden cases", async () => {
    const tokenizer = await load(`${golden(name)}model`);
    expect(expected.inputs.length).toBeGreaterThan(0);
    for (const input of expected.inputs) expect(tokenizer.encode(input.text).ids).toEqual(input.input_ids);
  });
});

describe.each([
  ...referenceArchitectures.map((name) => [name, `${golden(name)}model`] as const),
  ["demo stories", demo("stories-gpt2")] as const,
  ["demo translation", demo("translation-marian")] as const,
])("spans of %s", (_, path) => {
  const characters = fc.constantFrom(
    ..."abcdefghij XYZ   .,!?'0123 éÅßğŞı ﬁ½Ｆ① 日本어 ру אב 🙂👍🏽",
    "e\u0301",
    "\u1112\u1161\u11ab",
    "ｶﾞ",
    "👩‍👩‍👧",
    "\u{20000}",
    "\t",
    "\n",
  );
  const texts = fc.array(characters, { maxLength: 40 }).map((parts) => parts.join(""));

  it("are in order, lie in the text, and cover every character that is no space", async () => {
    const tokenizer = await load(path);
    fc.assert(
      fc.property(texts, (text) => {
        const { ids, tokens, spans } = tokenizer.encode(text, { addSpecialTokens: false });
        expect([tokens.length, spans.length]).toEqual([ids.length, ids.length]);
        const covered = new Uint8Array(text.length);
        let [lastStart, lastEnd] = [0, 0];
        for (const span of spans) {
          if (span === null) throw new Error("a token of the text has no span");
          const [start, end] = span;
          expect(start).toBeGreaterThanOrEqual(lastStart);
          expect(end).toBeGreaterThanOrEqual(Math.max(lastEnd, start));
          covered.fill(1, start, end);
          [lastStart, lastEnd] = [start, end];
        }
        expect(lastEnd).toBeLessThanOrEqual(text.length);
        const missed = Array.from(text, (_, at) => at).filter((at) => covered[at] === 0 && /\S/u.test(text[at] ?? " "));
        expect(missed).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  it("slice a plain text into what the tokens say", async () => {
    const tokenizer = await load(path);
    const words = fc.array(fc.stringMatching(/^[a-z]{1,8}$/), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(words, (list) => {
        const text = list.join(" ");
        const { ids, tokens, spans } = tokenizer.encode(text, { addSpecialTokens: false });
        const unknown = tokenizer.special.unk;
        tokenizer.readable(tokens).forEach((readable, at) => {
          if (ids[at] === unknown && tokens[at] !== "▁") return;
          expect(text.slice(...(spans[at] ?? [0, 0])).trim()).toBe(readable.trim());
        });
      }),
      { numRuns: 100 },
    );
  });
});

describe("ground truth of the demo models", () => {
  it.each([
    ["stories", "stories-gpt2"],
    ["translation", "translation-marian"],
  ])("evidence of the %s begins and ends where tokens do", async (name, folder) => {
    const tokenizer = await load(demo(folder));
    const lines = readFileSync(demo(`${name}_groundtruth.jsonl`), "utf8")
      .trim()
      .split("\n");
    let evidence = 0;
    for (const line of lines) {
      const row: { prompt?: string; source?: string; evidence: [number, number][] } = JSON.parse(line);
      const text = row.prompt ?? row.source ?? "";
      const { spans } = tokenizer.encode(text);
      for (const codePoints of row.evidence) {
        const [start, end] = codePoints.map((count) => [...text].slice(0, count).join("").length);
        const inside = spans.filter((span) => span !== null && span[1] > (start ?? 0) && span[0] < (end ?? 0));
        expect([inside.at(0)?.[0], inside.at(-1)?.[1]]).toEqual([start, end]);
        evidence++;
      }
    }
    expect(evidence).toBeGreaterThan(lines.length / 2);
  });
});

describe("special tokens", () => {
  it("are null spans around a text, and found in it as one token", async () => {
    const tokenizer = await load(`${golden("marian")}model`);
    const { tokens, spans } = tokenizer.encode("ball</s> big");
    expect(tokens.at(-1)).toBe("</s>");
    expect(spans.at(-1)).toBeNull();
    expect(spans[tokens.indexOf("</s>")]).toEqual([4, 8]);
  });

  it("come from all of the small files, as strings or objects", async () => {
    const files = await changedFiles(await openFolder(`${golden("llama")}model`), {
      "tokenizer_config.json": { tokenizer_class: "LlamaTokenizerFast", bos_token: { content: "<s>" } },
      "special_tokens_map.json": {
        eos_token: "</s>",
        pad_token: { content: "<unk>" },
        additional_special_tokens: ["▁the"],
      },
    });
    const tokenizer = await loadTokenizer(files);
    expect(tokenizer.className).toBe("LlamaTokenizer");
    expect(tokenizer.special).toMatchObject({ bos: 1, eos: 2, pad: 0, unk: 0, sep: null, cls: null, mask: null });
    expect(tokenizer.specialIds).toEqual(new Set([0, 1, 2, tokenizer.tokenToId("▁the")]));
  });

  it.each([...architectures])("alone remain of an empty text (%s)", async (name) => {
    const tokenizer = await load(`${golden(name)}model`);
    const { ids, spans } = tokenizer.encode("");
    // A language code is special only where the files say so; m2m_100's here do not.
    const codes = new Set(tokenizer.languages?.codes.values());
    expect(ids.every((id) => tokenizer.specialIds.has(id) || codes.has(id))).toBe(true);
    expect(spans.every((span) => span === null)).toBe(true);
    const others = ids.filter((id) => !codes.has(id));
    expect(tokenizer.decode(others, { skipSpecialTokens: true })).toBe("");
    expect(tokenizer.decode([])).toBe("");
  });

  it("keep the name of a class that transformers makes of older names", async () => {
    expect((await load(`${golden("gpt2")}model`)).className).toBe("TokenizersBackend");
    expect((await load(demo("stories-gpt2"))).className).toBe("GPT2Tokenizer");
    expect((await load(`${golden("marian")}model`)).className).toBe("MarianTokenizer");
  });
});

describe("readable tokens", () => {
  const show = (tokenizer: Tokenizer, text: string) =>
    tokenizer.readable(tokenizer.encode(text, { addSpecialTokens: false }).tokens);

  it("put together are the text, for plain text", async () => {
    for (const [name, space] of [
      ["gpt2", ""],
      ["llama", " "],
      ["marian", " "],
      ["t5", " "],
    ] as const) {
      const tokenizer = await load(`${golden(name)}model`);
      expect(show(tokenizer, "the big dog").join("")).toBe(`${space}the big dog`);
    }
  });

  it("show bytes that only together are a character", async () => {
    const gpt2 = await load(`${golden("gpt2")}model`);
    expect(gpt2.readable(["Ġthe", "Ã©", "ðŁĻ", "Ĥ"])).toEqual([" the", "é", "⟨F0⟩⟨9F⟩⟨99⟩", "⟨82⟩"]);
    const llama = await load(`${golden("llama")}model`);
    expect(llama.readable(["▁the", "<0x0A>", "<0xE2>", "</s>"])).toEqual([" the", "\n", "⟨E2⟩", "</s>"]);
  });
});

it("a text of two thousand words is encoded in well under a tenth of a second", async () => {
  const text = "The quick brown fox, naïve café — jumps over 42 lazy dogs. ".repeat(182);
  for (const name of referenceArchitectures) {
    const tokenizer = await load(`${golden(name)}model`);
    tokenizer.encode(text);
    const start = performance.now();
    tokenizer.encode(text);
    // Measured 10 to 40 ms; ten times that for a busy machine, and still far below a quadratic algorithm's seconds.
    expect(performance.now() - start).toBeLessThan(400);
  }
});
