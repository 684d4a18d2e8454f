import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createLanguageModel, inTargetLanguage } from "../src/attribution/texts/languageModel.ts";
import { encodeTarget } from "../src/attribution/texts/texts.ts";
import { FileError, OptionError } from "../src/errors.ts";
import type { JsonObject } from "../src/json.ts";
import { loadModel } from "../src/loadModel.ts";
import { readGenerationArgs, readGenerationDefaults } from "../src/model/generation/options.ts";
import type { Model } from "../src/model/model.ts";
import { loadTokenizer } from "../src/text/loadTokenizer.ts";
import { type HubServer, startHub } from "./support/hubServer.ts";
import { memoryFiles } from "./text/memoryFiles.ts";

const golden = (path: string) => join(import.meta.dirname, "golden", path);
const folderContents = (folder: string) =>
  Object.fromEntries(readdirSync(folder).map((file) => [file, new Uint8Array(readFileSync(join(folder, file)))]));

describe("loadModel by a name on the hub", () => {
  const scratch = { folder: "" };
  let hub: HubServer;
  beforeEach(async () => {
    scratch.folder = await mkdtemp(join(tmpdir(), "inseq-load-"));
    hub = await startHub("org/tiny", folderContents(golden("gpt2/model")));
    vi.stubEnv("HF_ENDPOINT", hub.endpoint);
    vi.stubEnv("HF_HUB_CACHE", scratch.folder);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await hub.close();
    await rm(scratch.folder, { recursive: true });
  });

  test("gives the model of the folder, and fetches what it needs only", async () => {
    const [remote, local] = [await loadModel("org/tiny"), await loadModel(golden("gpt2/model"))];
    const text = "The girl had a big";
    expect(await remote.generate(text)).toEqual(await local.generate(text));
    expect(remote.name).toBe("org/tiny");
    const fetched = hub.paths().filter((path) => path.includes("/resolve/"));
    expect(fetched.map((path) => path.split("/").at(-1)).sort()).toEqual([
      "config.json",
      "generation_config.json",
      "model.safetensors",
      "special_tokens_map.json",
      "tokenizer.json",
      "tokenizer_config.json",
    ]);
    remote.dispose();
    local.dispose();
  });

  test("takes the revision of an option or of model_kwargs, for model and tokenizer", async () => {
    await expect(loadModel("org/tiny", "saliency", { revision: "v9" })).rejects.toThrow(/revision "v9"/);
    await expect(loadModel("org/tiny", "saliency", { modelKwargs: { revision: "v8" } })).rejects.toThrow(/"v8"/);
    await expect(loadModel("org/tiny", "saliency", { tokenizerKwargs: { revision: "v7" } })).rejects.toThrow(/"v7"/);
    await expect(loadModel("org/tiny", "saliency", { localFilesOnly: true })).rejects.toThrow(/in the cache/);
  });

  test("that is neither a folder nor on the hub says both", async () => {
    await expect(loadModel("models/nowhere")).rejects.toThrow(
      /there is none of that name here, and http:.* has no such/,
    );
  });
});

describe("loadModel", () => {
  test("refuses a tokenizer of another model", async () => {
    const attempt = loadModel(golden("gpt2/model"), "saliency", { tokenizer: "models/demo/stories-gpt2" });
    await expect(attempt).rejects.toThrow(FileError);
    await expect(attempt).rejects.toThrow(
      /expected ids below 4\d\d, the number of the model's embeddings, received \d+ for/,
    );
  });

  test("refuses a language of a tokenizer without languages, and options that it does not know", async () => {
    const load = (options: object) => loadModel(golden("gpt2/model"), "saliency", options);
    await expect(load({ tgtLang: "fr" })).rejects.toThrow(OptionError);
    await expect(load({ tgtlang: "fr" })).rejects.toThrow(/did you mean "tgtLang"\?/);
    await expect(load({ tokenizerKwargs: { src_lang: "fr" } })).rejects.toThrow(
      /expected a tokenizer with language codes/,
    );
  });
});

describe("a target language", () => {
  const spiece = new Uint8Array(readFileSync(golden("t5/model/spiece.model")));
  const model = { kind: "encoder-decoder", facts: { vocabSize: 1000 } } as Model;
  const settings = { tgt_lang: "fr_XX" };
  const load = (className: string, extra: JsonObject = {}) =>
    loadTokenizer(
      memoryFiles({
        "sentencepiece.bpe.model": spiece,
        "tokenizer_config.json": { tokenizer_class: className, ...extra },
      }),
      settings,
    );
  const defaults = () => readGenerationDefaults(memoryFiles({ "config.json": {} }), {});

  test("of mBART is what the decoder starts from, and its labels lose the code at their end", async () => {
    const tokenizer = await load("MBartTokenizer");
    const generation = inTargetLanguage(tokenizer, await defaults());
    const french = tokenizer.tokenToId("fr_XX");
    expect(generation).toMatchObject({ decoderStartTokenId: french, forcedBosTokenId: null });
    const language = createLanguageModel(model, tokenizer, {}, generation);
    const { ids } = encodeTarget(language, "the ball", "added");
    expect([ids[0], ids.at(-1)]).toEqual([french, tokenizer.special.eos]);
    expect(ids.filter((id) => id === french).length).toBe(1);
  });

  test("of mBART-50 is the first token that is written, which the caller may still choose", async () => {
    const tokenizer = await load("MBart50Tokenizer");
    const generation = inTargetLanguage(tokenizer, { ...(await defaults()), decoderStartTokenId: 2 });
    const french = tokenizer.tokenToId("fr_XX");
    expect(generation).toMatchObject({ decoderStartTokenId: 2, forcedBosTokenId: french });
    expect(readGenerationArgs({ forced_bos_token_id: 7 }, generation).forcedBosTokenId).toBe(7);
    const { ids } = encodeTarget(createLanguageModel(model, tokenizer, {}, generation), "the ball", "added");
    expect(ids.slice(0, 2)).toEqual([2, french]);
    expect(ids.at(-1)).toBe(2);
  });

  test("of SeamlessM4T stands behind one decoder start, not two", async () => {
    const codes = { additional_special_tokens: ["__eng__", "__fra__"] };
    const files = {
      "sentencepiece.bpe.model": spiece,
      "tokenizer_config.json": { tokenizer_class: "SeamlessM4TTokenizer", ...codes },
    };
    const tokenizer = await loadTokenizer(memoryFiles(files), { tgt_lang: "fra" });
    const generation = inTargetLanguage(tokenizer, { ...(await defaults()), decoderStartTokenId: 3 });
    const { ids } = encodeTarget(createLanguageModel(model, tokenizer, {}, generation), "the ball", "added");
    expect(ids.slice(0, 2)).toEqual([3, tokenizer.tokenToId("__fra__")]);
    expect(ids.filter((id) => id === 3)).toEqual([3, 3]);
  });
});
