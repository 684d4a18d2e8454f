import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AttributionModel } from "../../src/attributionModel.ts";
import { attributeContext } from "../../src/context/attributeContext.ts";
import type { ContextOptions, ContextQuestions } from "../../src/context/options.ts";
import { loadModel } from "../../src/loadModel.ts";

const folder = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

let stories: AttributionModel;
let translation: AttributionModel;
beforeAll(async () => {
  stories = await loadModel(folder("models/demo/stories-gpt2"));
  translation = await loadModel(folder("models/demo/translation-marian"));
});
afterAll(() => {
  for (const model of [stories, translation]) model.dispose();
});

const story: ContextOptions = {
  inputContextText: "Anna hid the ring in the cellar.",
  inputCurrentText: "In the end, the ring was still in the",
  generationArgs: { max_new_tokens: 6 },
};
const turkish: ContextOptions = {
  inputContextText: "Annem bir mühendis.",
  inputCurrentText: "O hastanede çalışıyor.",
  outputTemplate: "{context} {current}",
};
const mother = "My mother is an engineer.";
const works = "She works at the hospital.";

/** Answers, and what was asked. */
function answering(context: string, word: string | null = null) {
  const asked: unknown[][] = [];
  const questions: ContextQuestions = {
    outputContext: async (...question) => {
      asked.push(question);
      return context;
    },
    nextToken: async (...question) => {
      asked.push(question);
      return word;
    },
  };
  return { asked, questions };
}

describe("attributeContext", { timeout: 120_000 }, () => {
  test("finds the word that depends on the context, and in the context the word it depends on", async () => {
    const { inputContextTokens, outputCurrentTokens, cciScores } = await attributeContext(stories, {
      ...story,
      attributedFn: "contrast_prob_diff",
    });
    expect(outputCurrentTokens[0]).toBe("Ġcellar");
    const [cues] = cciScores;
    expect([cues?.ctiIdx, cues?.contrastToken === "Ġcellar"]).toEqual([0, false]);
    const scores = cues?.inputContextScores ?? [];
    expect(inputContextTokens?.[scores.indexOf(Math.max(...scores))]).toBe("Ġcellar");
  });

  test("nothing depends on a context that is there either way", async () => {
    const { ctiScores, cciScores } = await attributeContext(stories, {
      ...story,
      outputCurrentText: "cellar. She was",
      contextlessInputCurrentText: `${story.inputContextText} {current}`,
      attributedFn: "kl_divergence",
      contextSensitivityStdThreshold: null,
      contextSensitivityTopk: 2,
    });
    for (const score of ctiScores) expect(Math.abs(score)).toBeLessThan(1e-6);
    for (const cues of cciScores) {
      expect(cues.contextlessOutput).toBe(cues.contextualOutput);
      // The gradient of a divergence from itself is zero but for rounding.
      for (const score of cues.inputContextScores ?? []) expect(Math.abs(score)).toBeLessThan(1e-5);
    }
  });

  test("says how far it is, and refuses texts without any context", async () => {
    const told: (readonly [number, number])[] = [];
    await attributeContext(stories, {
      ...story,
      outputCurrentText: "cellar. She was",
      attributionMethod: "integrated_gradients",
      attribution: { nSteps: 4, internalBatchSize: 2 },
      contextSensitivityStdThreshold: null,
      contextSensitivityTopk: 2,
      onProgress: (...progress) => told.push(progress),
    });
    expect(told).toEqual([0, 0.5, 1, 1, 1.5, 2, 2].map((done) => [done, 2]));
    const none = attributeContext(stories, { inputCurrentText: "In the", outputCurrentText: "cellar." });
    await expect(none).rejects.toThrow(/inputContextText: expected a context of the input or of the output/);
  });

  test("gives every token of a context its own score, also behind a BOS token", async () => {
    const llama = await loadModel(folder("test/golden/llama/model"));
    const text = { inputContextText: "The dog sleeps.", inputCurrentText: "It is here.", outputCurrentText: "A dog" };
    const result = await attributeContext(llama, {
      ...text,
      contextSensitivityTopk: 1,
      contextSensitivityStdThreshold: null,
    });
    const whole = "The dog sleeps. It is here. A dog";
    const { tokens, spans } = llama.encode(whole);
    const [cues] = result.cciScores;
    const first = spans.findIndex((span) => span?.[0] === whole.indexOf("A dog"));
    const at = first + (cues?.ctiIdx ?? 0);
    const output = await llama.attribute(whole, whole, { attrPosStart: at, attrPosEnd: at + 1 });
    llama.dispose();
    const [sequence] = output.aggregate({ normalize: false }).sequenceAttributions;
    const length = result.inputContextTokens?.length ?? 0;
    expect(tokens.slice(1, length + 1)).toEqual(result.inputContextTokens);
    expect(cues?.inputContextScores).toEqual([...(sequence?.targetAttributions?.values.slice(1, length + 1) ?? [])]);
  });

  test("takes the beginning of what the model wrote for the context, as guessed or as answered", async () => {
    const auto = await attributeContext(translation, { ...turkish, handleOutputContextStrategy: "auto" });
    expect([auto.outputContext, auto.outputCurrent]).toEqual([mother, works]);

    const { asked, questions } = answering("My mother");
    const manual = await attributeContext(translation, { ...turkish, questions });
    expect(asked).toEqual([[`${mother} ${works}`, mother]]);
    expect([manual.outputContext, manual.outputCurrent]).toEqual(["My mother", `is an engineer. ${works}`]);

    const forced = await attributeContext(translation, {
      ...turkish,
      outputCurrentText: "He works.",
      handleOutputContextStrategy: "auto",
    });
    expect([forced.outputContext, forced.outputCurrent]).toEqual([mother, "He works."]);

    const noContext = await attributeContext(translation, { ...turkish, questions: answering("").questions });
    expect([noContext.outputContext, noContext.outputContextTokens]).toEqual(["", []]);
  });

  test("goes on behind a context of the output that is given", async () => {
    const behind = await attributeContext(translation, { ...turkish, outputContextText: mother });
    expect([behind.outputContext, behind.outputCurrent]).toEqual([mother, works]);
    const chain = await attributeContext(stories, {
      ...story,
      inputCurrentText: "Nobody said a word.",
      outputContextText: "In the end, the ring was still in",
    });
    expect(chain.outputCurrent).toMatch(/^the cellar\b/);
  });

  test("compares with the words that are given or answered", async () => {
    const compared = { ...story, outputCurrentText: "cellar.", attributedFn: "contrast_prob_diff" } as const;
    const only = { ...compared, contextSensitivityTopk: 1, contextSensitivityStdThreshold: null };
    const given = await attributeContext(stories, { ...only, contextlessOutputNextTokens: ["garden"] });
    const { asked, questions } = answering("", "garden");
    const prompts = { promptUserForContextlessOutputNextTokens: true, questions };
    const answered = await attributeContext(stories, { ...only, ...prompts });
    expect(asked).toEqual([["In the end, the ring was still in the ", " cellar"]]);
    expect(given.cciScores[0]?.contextlessOutput).toBe("In the end, the ring was still in the garden");
    expect(answered.cciScores).toEqual(given.cciScores);
    const natural = await attributeContext(stories, {
      ...only,
      promptUserForContextlessOutputNextTokens: true,
      questions: answering("").questions,
    });
    expect(natural.cciScores).toEqual((await attributeContext(stories, only)).cciScores);
  });

  test("shows what both steps saw", async () => {
    const methods: unknown[] = [];
    await attributeContext(stories, {
      ...story,
      outputCurrentText: "cellar.",
      contextSensitivityStdThreshold: null,
      onIntermediateOutput: ({ info }) => methods.push(info.attribution_method),
    });
    expect(methods).toEqual(["dummy", "saliency", "saliency"]);
  });

  test("leaves no tensor behind", async () => {
    const { memory } = await import("../../src/tensor.ts");
    await attributeContext(translation, { ...turkish, outputTemplate: undefined });
    const before = memory().numTensors;
    await attributeContext(translation, { ...turkish, outputTemplate: undefined });
    expect(memory().numTensors).toBe(before);
  });
});

const { generationArgs: _unused, ...given } = { ...story, outputCurrentText: "cellar." };
test.each<[string, Record<string, unknown>, RegExp]>([
  ["an unknown option", { contextText: "a" }, /unknown option "contextText"/],
  ["no text", { inputCurrentText: " " }, /inputCurrentText: expected a text/],
  ["a context without a place", { inputTemplate: "{current}" }, /inputTemplate: expected \{context\}/],
  [
    "a place without a context",
    { inputContextText: undefined, inputTemplate: "{context}{current}" },
    /inputContextText/,
  ],
  ["no place for the current text", { outputTemplate: "It was" }, /outputTemplate: expected \{current\}/],
  ["the current text before its context", { outputTemplate: "{current} {context}", outputContextText: "a" }, /before/],
  [
    "pre without an output context",
    { outputTemplate: "{context} {current}", handleOutputContextStrategy: "pre" },
    /"pre"/,
  ],
  ["nobody to ask", { outputTemplate: "{context} {current}" }, /nobody can be asked/],
  ["a score that does not compare", { contextSensitivityMetric: "entropy" }, /unknown context sensitivity metric/],
  ["words for nothing", { contextlessOutputNextTokens: ["a"] }, /attributedFn that compares/],
  ["too many words", { attributedFn: "pcxmi", contextlessOutputNextTokens: ["a", "b", "c"] }, /one for each of the/],
  ["an option that is decided", { attribution: { attrPosStart: 1 } }, /no attrPosStart/],
  [
    "merged tokens",
    { aggregation: [{ aggregator: ["vnorm", "words"] }], contextSensitivityStdThreshold: 0 },
    /one score/,
  ],
  [
    "a prefix that the model does not write",
    { outputTemplate: "So: {current}", outputCurrentText: undefined },
    /begins/,
  ],
  ["a method without scores", { attributionMethod: "dummy" }, /scores tokens/],
  ["a method that scores steps", { attributionMethod: "logit_lens" }, /scores tokens/],
])("%s is refused", async (_what, wrong, message) => {
  await expect(attributeContext(stories, { ...given, ...wrong } as ContextOptions)).rejects.toThrow(message);
});
