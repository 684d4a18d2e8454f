import { describe, expect, test } from "vitest";
import { ConfigError, FileError, OptionError } from "../../../src/errors.ts";
import { filesFromMemory } from "../../../src/files.ts";
import {
  generationOptions,
  readGenerationArgs,
  readGenerationDefaults,
} from "../../../src/model/generation/options.ts";

const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

describe("a model's options", () => {
  test("are Hugging Face's defaults where its files say nothing", () => {
    expect(generationOptions({}, {})).toEqual({
      maxLength: null,
      maxNewTokens: null,
      minLength: 0,
      minNewTokens: null,
      numBeams: 1,
      lengthPenalty: 1,
      earlyStopping: false,
      doSample: false,
      temperature: 1,
      topK: 50,
      topP: 1,
      minP: null,
      typicalP: 1,
      seed: 0,
      repetitionPenalty: 1,
      noRepeatNgramSize: 0,
      encoderNoRepeatNgramSize: 0,
      badWordsIds: null,
      suppressTokens: null,
      beginSuppressTokens: null,
      forcedBosTokenId: null,
      forcedEosTokenId: null,
      exponentialDecayLengthPenalty: null,
      renormalizeLogits: false,
      numReturnSequences: 1,
      bosTokenId: null,
      eosTokenId: null,
      decoderStartTokenId: null,
      useCache: true,
    });
  });

  test("come from generation_config.json alone when there is one", () => {
    const options = generationOptions(
      { eos_token_id: [1, 2], top_k: null, transformers_version: "5", text_decoder_lang_to_code_id: { tur: 256088 } },
      { max_length: 9 },
    );
    expect(options).toMatchObject({ eosTokenId: [1, 2], topK: 50, maxLength: null });
  });

  test("come from config.json when there is no generation_config.json, whatever else stands there", async () => {
    const config = {
      model_type: "marian",
      d_model: 8,
      eos_token_id: 0,
      num_beams: 6,
      bad_words_ids: [[7]],
      max_length: 512,
    };
    const files = filesFromMemory("folder", { "config.json": json(config) });
    const expected = { eosTokenId: [0], numBeams: 6, badWordsIds: [[7]], maxLength: 512 };
    expect(await readGenerationDefaults(files, config)).toMatchObject(expected);
    const forced = { bos_token_id: 3, force_bos_token_to_be_generated: true };
    expect(generationOptions(null, forced).forcedBosTokenId).toBe(3);
  });

  test("are read from the file of a folder, and a damaged one is named", async () => {
    const good = filesFromMemory("folder", { "generation_config.json": json({ num_beams: 3 }) });
    expect((await readGenerationDefaults(good, {})).numBeams).toBe(3);
    const bad = filesFromMemory("folder", { "generation_config.json": new Uint8Array([123]) });
    await expect(readGenerationDefaults(bad, {})).rejects.toThrow(FileError);
  });

  test("are refused by name when they are not known, not implemented or impossible", () => {
    const read = () =>
      generationOptions({ penalty_alpha: 0.6, num_beems: 2, top_p: 7, do_sample: 1, guidance_scale: 1 }, {});
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(/penalty_alpha: 0.6, which is not implemented/);
    expect(read).toThrow(/num_beems: no such option; did you mean "numBeams"/);
    expect(read).toThrow(/top_p: 7, but it has to be a number from 0 to 1/);
    expect(read).toThrow(/do_sample: 1, but it has to be true or false/);
    expect(read).not.toThrow(/guidance_scale/);
  });
});

describe("the options of a call", () => {
  const model = generationOptions({ eos_token_id: 1, max_new_tokens: 30, num_beams: 4, forced_eos_token_id: 1 }, {});

  test("win over the model's, in either spelling; null turns one off", () => {
    expect(readGenerationArgs({ max_new_tokens: 3, topK: null, doSample: true, eos_token_id: null }, model)).toEqual({
      ...model,
      maxNewTokens: 3,
      topK: 0,
      doSample: true,
      eosTokenId: null,
    });
    expect(readGenerationArgs({ forcedEosTokenId: [2, 3], seed: undefined }, model).forcedEosTokenId).toEqual([2, 3]);
  });

  test("replace the other length that would count instead", () => {
    expect(readGenerationArgs({ max_length: 9 }, model)).toMatchObject({ maxLength: 9, maxNewTokens: null });
    const least = { ...model, minNewTokens: 4 };
    expect(readGenerationArgs({ minLength: 5 }, least)).toMatchObject({ minLength: 5, minNewTokens: null });
  });

  test.each([
    [{ max_length: 9, max_new_tokens: 3 }, "give only one of them"],
    [{ topK: 3, top_k: 4 }, "given twice"],
    [{ temperature: 0.5 }, "no effect unless doSample"],
    [{ numBeams: 1, length_penalty: 2 }, "no effect unless numBeams"],
    [{ numReturnSequences: 2 }, "it has to be 1"],
    [{ maxNewTokens: 0 }, "an integer from 1"],
    [{ maxNewTokens: 2.5 }, "an integer from 1"],
    [{ doSample: true, temperature: 0 }, "a number above 0"],
    [{ earlyStopping: "always" }, 'true, false or "never"'],
    [{ badWordsIds: [[]] }, "none of them empty"],
    [{ stop_strings: ["."] }, "not implemented"],
    [{ toString: 1 }, "no such option"],
    [{ nothing: null }, "no such option"],
  ])("are refused: %j", (args, message) => {
    expect(() => readGenerationArgs(args, model)).toThrow(OptionError);
    expect(() => readGenerationArgs(args, model)).toThrow(message);
  });

  test("may name what has no effect on the tokens", () => {
    expect(readGenerationArgs({ pad_token_id: 0, output_scores: true, stop_strings: null }, model)).toEqual(model);
  });
});
