import { describe, expect, test } from "vitest";
import { OptionError } from "../src/errors.ts";
import { readModelArguments, readTokenizerArguments } from "../src/pretrainedArguments.ts";

describe("keyword arguments of the model", () => {
  test("say where its files come from", () => {
    const place = { revision: "v2", token: false, cache_dir: "/c", local_files_only: true };
    expect(readModelArguments(place)).toEqual({ revision: "v2", token: false, cacheDir: "/c", localFilesOnly: true });
    expect(readModelArguments({})).toEqual({});
  });

  test("are refused unless they ask for what is done anyway", () => {
    expect(readModelArguments({ attn_implementation: "eager", torch_dtype: "float32" })).toEqual({});
    expect(() => readModelArguments({ torch_dtype: "float16" })).toThrow(/"float16" cannot be.*only "float32" is/);
    expect(() => readModelArguments({ load_in_8bit: true })).toThrow(OptionError);
    expect(() => readModelArguments({ revison: "v2" })).toThrow(/did you mean "revision"\?/);
    expect(() => readModelArguments({ revision: 2 })).toThrow(
      /model_kwargs: "revision": expected a string, received 2/,
    );
  });
});

describe("keyword arguments of the tokenizer", () => {
  test("are places, settings, or refused", () => {
    expect(readTokenizerArguments({ revision: "v2", src_lang: "en", use_fast: true })).toEqual({
      place: { revision: "v2" },
      settings: { src_lang: "en" },
    });
    expect(() => readTokenizerArguments({ use_fast: false })).toThrow(/only true is possible/);
    expect(() => readTokenizerArguments({ tgt_language: "de" })).toThrow(/tokenizer_kwargs: "tgt_language".*cannot be/);
    expect(() => readTokenizerArguments({ tgt_lng: "de" })).toThrow(/did you mean "tgt_lang"\?/);
  });
});
