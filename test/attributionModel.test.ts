/** What a caller of `attribute` can rely on, and what every wrong call is told. */

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { AttributeOptions } from "../src/attribution/options.ts";
import type { AttributionModel } from "../src/attributionModel.ts";
import { loadModel } from "../src/loadModel.ts";
import { memory } from "../src/tensor.ts";
import { goldenPath } from "./support/goldenResults.ts";

let gpt2: AttributionModel;
let t5: AttributionModel;
beforeAll(async () => {
  gpt2 = await loadModel(goldenPath("gpt2", "model"));
  t5 = await loadModel(goldenPath("t5", "model"), "input_x_gradient");
});
afterAll(() => {
  gpt2.dispose();
  t5.dispose();
});

const prompts = ["One day, a little", "The king was not so", "I"];
const full = ["One day, a little girl was happy.", "The king was not so he said.", "I saw."];

describe("attribute", () => {
  test("a batch equals its single runs, in any order", async () => {
    const together = await gpt2.attribute(prompts, full, { stepScores: ["probability", "entropy"] });
    const reversed = await gpt2.attribute([...prompts].reverse(), [...full].reverse(), {
      stepScores: ["probability", "entropy"],
    });
    for (const [i, sequence] of together.sequenceAttributions.entries()) {
      const alone = await gpt2.attribute(prompts[i] ?? "", full[i], { stepScores: ["probability", "entropy"] });
      expect(sequence.equals(alone.sequenceAttributions[0] ?? sequence, 1e-6)).toBe(true);
      expect(sequence.equals(reversed.sequenceAttributions[2 - i] ?? sequence, 1e-6)).toBe(true);
    }
    expect(together.sequenceAttributions[0]?.equals(together.sequenceAttributions[1] as never, 1e-6)).toBe(false);
  });

  test("generated tokens are attributed as they were generated, whatever the batch", async () => {
    const generationArgs = { max_new_tokens: 4 };
    const together = await gpt2.attribute(prompts, null, { generationArgs });
    for (const [i, prompt] of prompts.entries()) {
      const alone = await gpt2.attribute(prompt, undefined, { generationArgs, batchSize: 1 });
      expect(together.sequenceAttributions[i]?.equals(alone.sequenceAttributions[0] as never, 1e-5)).toBe(true);
      expect(alone.sequenceAttributions[0]?.attrPosEnd).toBe((gpt2.encode(prompt).ids.length ?? 0) + 4);
    }
    const translated = await t5.attribute("The girl had a big ball.", null, { generationArgs: { max_new_tokens: 3 } });
    const [sequence] = translated.sequenceAttributions;
    // No end token was generated, so none is attributed; Inseq adds one.
    expect(sequence?.target.length).toBe(4);
    expect(sequence?.target[0]?.id).toBe(0);
    expect(translated.info.generated_texts).toEqual([t5.decode(sequence?.target.map(({ id }) => id) ?? [])]);
  });

  test("nothing of a call that continues a prefix stays for the next one", async () => {
    const input = "The girl had a big ball.";
    const generationArgs = { max_new_tokens: 3 };
    const first = await t5.attribute(input, null, { generationArgs });
    await t5.attribute(input, "She was", { generateFromTargetPrefix: true, generationArgs });
    expect(generationArgs).toEqual({ max_new_tokens: 3 });
    const again = await t5.attribute(input, null, { generationArgs });
    expect(again.sequenceAttributions[0]?.equals(first.sequenceAttributions[0] as never, 1e-6)).toBe(true);
  });

  test("prompt tokens can be attributed, too", async () => {
    const output = await gpt2.attribute(prompts[0] ?? "", full[0], { attrPosStart: 3, attrPosEnd: 6 });
    const whole = await gpt2.attribute("On", full[0], { attrPosStart: 3, attrPosEnd: 6 });
    expect([...(output.sequenceAttributions[0]?.targetAttributions?.values ?? [])]).toEqual([
      ...(whole.sequenceAttributions[0]?.targetAttributions?.values ?? []),
    ]);
  });

  test("tokens know the characters they stand for", async () => {
    const { sequenceAttributions } = await gpt2.attribute(prompts[0] ?? "", full[0]);
    const text = full[0] ?? "";
    const words = sequenceAttributions[0]?.target.map(({ span }) => text.slice(span?.[0], span?.[1]));
    expect(words?.join("")).toBe(text.replaceAll(" ", ""));
  });

  test("progress counts every row once, and an abort stops between passes", async () => {
    const seen: number[] = [];
    let total = 0;
    const options: AttributeOptions = {
      method: "integrated_gradients",
      nSteps: 6,
      internalBatchSize: 4,
      onProgress: (progress) => {
        seen.push(progress.rows);
        total = progress.total;
      },
    };
    await gpt2.attribute(prompts[0] ?? "", full[0], options);
    expect(seen.reduce((sum, rows) => sum + rows, 0)).toBe(total);
    expect(total).toBe(6 * 8);
    const controller = new AbortController();
    const before = memory().numTensors;
    const aborted = gpt2.attribute(prompts[0] ?? "", full[0], {
      ...options,
      onProgress: () => controller.abort(),
      signal: controller.signal,
    });
    await expect(aborted).rejects.toThrow(/abort/);
    expect(memory().numTensors).toBe(before);
  });

  test("the result says what was asked and where it was computed", async () => {
    const output = await gpt2.attribute(prompts[0] ?? "", full[0], {
      method: "integrated_gradients",
      nSteps: 3,
      quadrature: "riemann_left",
      attributedFn: "contrast_prob_diff",
      contrastTargets: "One day, a little boy had fun.",
    });
    expect(output.info).toMatchObject({
      attribution_method: "integrated_gradients",
      attribution_args: { n_steps: 3, method: "riemann_left" },
      attributed_fn: "contrast_prob_diff_fn",
      attributed_fn_args: { contrast_targets: "One day, a little boy had fun." },
      constrained_decoding: true,
      model_class: "GPT2LMHeadModel",
      backend: gpt2.backend.name,
    });
    expect((output.info.inseq_tfjs as { peak_bytes: number }).peak_bytes).toBeGreaterThan(0);
  });

  test("a method given for one call is not the next call's, unless it is told so", async () => {
    await gpt2.attribute(prompts[0] ?? "", full[0], { method: "attention" });
    expect(gpt2.method).toBe("saliency");
    const own = await loadModel(goldenPath("gpt2", "model"));
    await own.attribute(prompts[0] ?? "", full[0], { method: "attention", overrideDefaultAttribution: true });
    expect(own.method).toBe("attention");
    own.dispose();
  });

  test("leaves no tensor behind", async () => {
    const before = memory().numTensors;
    await gpt2.attribute(prompts, null, { generationArgs: { max_new_tokens: 2, num_beams: 2 }, stepScores: ["logit"] });
    await t5.attribute("The girl had a big ball.", "She was very happy.", { attributeTarget: true });
    expect(memory().numTensors).toBe(before);
  });
});

const [prompt, text] = ["One day, a little", "One day, a little girl was happy."];

test.each<[string, unknown[], RegExp]>([
  ["no text", [[]], /inputTexts: expected at least one text, received none/],
  ["something else than a text", [[7]], /inputTexts: expected a text, a list of texts, messages .* received 7/],
  ["lists of different lengths", [[prompt, prompt], [text]], /expected as many as inputTexts \(2\), received 1/],
  ["a text that does not begin with its prompt", [prompt, "Two days"], /begins with its prompt "One day, a little"/],
  ["nothing behind the prompt", [prompt, prompt], /no token left to attribute/],
  ["a position before the text", [prompt, text, { attrPosStart: -99 }], /attrPosStart: expected an integer ≥ -17/],
  ["the first position", [prompt, text, { attrPosStart: 0 }], /attrPosStart: expected a position ≥ 1/],
  ["positions in the wrong order", [prompt, text, { attrPosStart: 12, attrPosEnd: 11 }], /attrPosStart < attrPosEnd/],
  ["a fraction of a position", [prompt, text, { attrPosEnd: 11.5 }], /attrPosEnd: expected an integer/],
  ["a text longer than the model's positions", [prompt, text.repeat(9).replace(/^/, "")], /at most 96 tokens/],
  [
    "an unknown method",
    [prompt, text, { method: "salience" }],
    /unknown attribution method "salience"; did you mean "saliency"/,
  ],
  [
    "an unknown score",
    [prompt, text, { stepScores: ["probabilty"] }],
    /unknown step function "probabilty"; did you mean "probability"/,
  ],
  [
    "a score that only Inseq's documentation has",
    [prompt, text, { stepScores: ["logits"] }],
    /unknown step function "logits"; did you mean "logit"/,
  ],
  ["an unknown option", [prompt, text, { nStep: 3 }], /unknown option "nStep"/],
  ["another method's option", [prompt, text, { nSteps: 3 }], /saliency and probability: unknown option "nSteps"/],
  [
    "a misspelt option of the method alone",
    [prompt, text, { attributionArgs: { ab: true } }],
    /attributionArgs of saliency: unknown option "ab"; did you mean "abs"/,
  ],
  ["a contrast without a text", [prompt, text, { attributedFn: "contrast_prob_diff" }], /contrastTargets/],
  [
    "a contrast without a token left",
    [prompt, text, { attributedFn: "contrast_prob_diff", contrastTargets: "a" }],
    /at least one token after the first/,
  ],
  [
    "several contrasts for one text",
    [prompt, text, { attributedFn: "contrast_prob_diff", contrastTargets: [text, text] }],
    /contrastTargets: expected as many as sequences \(1\), received 2/,
  ],
  [
    "a pair outside the contrast",
    [prompt, text, { attributedFn: "contrast_prob_diff", contrastTargets: text, contrastTargetsAlignments: [[9, 99]] }],
    /received \(9, 99\)/,
  ],
  [
    "a source to contrast with",
    [prompt, text, { attributedFn: "contrast_prob_diff", contrastSources: text }],
    /expected an encoder-decoder model/,
  ],
  [
    "a target to attribute",
    [prompt, text, { attributeTarget: true }],
    /attributeTarget: expected an encoder-decoder model/,
  ],
  [
    "a score without a gradient",
    [prompt, text, { attributedFn: "top_p_size", topP: 0.9 }],
    /expected a differentiable function/,
  ],
  [
    "a divergence within one context",
    [prompt, text, { attributedFn: "kl_divergence", contrastTargets: text }],
    /contrastForceInputs: true/,
  ],
  [
    "step scores of attention",
    [prompt, text, { method: "attention", stepScores: ["probability"] }],
    /in a second call with method "dummy"/,
  ],
  [
    "generation options beside given texts",
    [prompt, text, { generationArgs: { max_new_tokens: 3 } }],
    /nothing is generated when generatedTexts are given/,
  ],
  ["an unknown generation option", [prompt, null, { generationArgs: { max_new_token: 3 } }], /max_new_token/],
  ["a batch of nothing", [prompt, null, { batchSize: 0 }], /batchSize: expected a positive integer/],
  ["no steps", [prompt, text, { method: "integrated_gradients", nSteps: 0 }], /nSteps: expected an integer ≥ 1/],
  [
    "a probability mass above one",
    [prompt, text, { stepScores: ["top_p_size"], topP: 1.5 }],
    /topP: expected a number in \(0, 1\]/,
  ],
])("%s is refused", async (_name, args, message) => {
  const before = memory().numTensors;
  await expect(gpt2.attribute(...(args as [string]))).rejects.toThrow(message);
  await expect(gpt2.attribute(...(args as [string]))).rejects.toMatchObject({ name: "OptionError" });
  expect(memory().numTensors).toBe(before);
});

describe("told before anything is computed", () => {
  const long = "One day, a little girl was happy and the king was not so happy. ".repeat(2);
  /** The rows and positions of each pass of the model until the call was refused. */
  async function passesUntilRefused(
    model: AttributionModel,
    call: Parameters<AttributionModel["attribute"]>,
    message: RegExp,
  ): Promise<(readonly number[])[]> {
    const language = model.model;
    const spy = language.kind === "decoder-only" ? vi.spyOn(language, "forward") : vi.spyOn(language, "encode");
    try {
      await expect(model.attribute(...call)).rejects.toThrow(message);
      return spy.mock.calls.map(([pass]) =>
        "embeddings_BTD" in pass ? pass.embeddings_BTD.shape : pass.embeddings_BSD.shape,
      );
    } finally {
      spy.mockRestore();
    }
  }

  test("too many players: of a prompt, of a source, of the last text of several", async () => {
    const method = "shapley_values";
    const message = /shapley_values: expected at most 16 players/;
    expect(await passesUntilRefused(gpt2, [long, null, { method }], message)).toEqual([]);
    expect(await passesUntilRefused(t5, [long, null, { method }], message)).toEqual([]);
    const given: [string[], string[]] = [
      ["I", long],
      ["I saw.", `${long}I saw.`],
    ];
    const options = { method, stepScores: ["probability"] } as const;
    expect(await passesUntilRefused(gpt2, [...given, options], message)).toEqual([]);
    expect(await passesUntilRefused(gpt2, [...given, { ...options, players: "word" }], message)).toEqual([]);
  });

  test("a layer or a unit that is not there, by one token at most", async () => {
    const layer = { method: "layer_gradient_x_activation", targetLayer: "decoder.9.mlpOutput" } as const;
    const neuron = { method: "saliency", neuron: { layer: "decoder.0.mlpOutput", unit: 10 ** 6 } } as const;
    for (const [options, message] of [
      [layer, /targetLayer: expected a site of the model/],
      [neuron, /neuron: expected a unit from 0/],
    ] as const) {
      for (const shape of await passesUntilRefused(gpt2, [prompt ?? "", null, options], message)) {
        expect(shape.slice(0, 2)).toEqual([1, 1]);
      }
    }
  });
});

test("an empty source is refused, an empty prompt starts from BOS", async () => {
  await expect(t5.attribute("")).rejects.toThrow(/expected a text for the encoder, received an empty one/);
  const output = await gpt2.attribute("", null, { generationArgs: { max_new_tokens: 2 } });
  expect(output.sequenceAttributions[0]?.source.map(({ id }) => id)).toEqual([0]);
});

test("loadModel refuses what it does not know", async () => {
  const folder = goldenPath("gpt2", "model");
  await expect(loadModel(folder, "salience" as never)).rejects.toThrow(/did you mean "saliency"/);
  await expect(loadModel(folder, "saliency", { nSteps: 3 } as never)).rejects.toThrow(/unknown option "nSteps"/);
  await expect(loadModel(folder, "saliency", { memoryBudget: -1 })).rejects.toThrow(/positive number of bytes/);
  await expect(loadModel(folder, "saliency", { backend: "cuda" })).rejects.toThrow(/cuda backend is absent/);
  await expect(loadModel(goldenPath("gpt2"))).rejects.toThrow(/expected a Hugging Face model's folder/);
  await expect(loadModel(goldenPath("nothing"))).rejects.toThrow(/nothing of that name/);
});
