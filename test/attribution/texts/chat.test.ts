import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chatTokens, readInputs } from "../../../src/attribution/texts/inputs.ts";
import type { AttributionModel } from "../../../src/attributionModel.ts";
import { OptionError } from "../../../src/errors.ts";
import { loadModel } from "../../../src/loadModel.ts";
import { FeatureAttributionOutput, mergeAttributions } from "../../../src/output.ts";
import { runHere } from "../../cli/runInseq.ts";

const golden = (name: string) => join(import.meta.dirname, "..", "..", "golden", name, "model");

/** In the manner of Llama's: it writes BOS, which the tokenizer would add, too. */
const chat_template =
  "{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m.content | trim }}{{ eos_token if m.role == 'assistant' }} {% endfor %}" +
  "{% if add_generation_prompt %}[assistant]{% endif %}";
const talk = [
  { role: "system", content: "The girl was happy." },
  { role: "user", content: " She had a ball. " },
];

describe("attributing a conversation", { timeout: 60_000 }, () => {
  let model: AttributionModel;
  beforeAll(async () => {
    model = await loadModel(golden("llama"), "saliency", { tokenizerKwargs: { chat_template } });
  });
  afterAll(() => model.dispose());
  const generationArgs = { max_new_tokens: 3 };

  test("has the tokens of its text, with one BOS, and generates from them", async () => {
    const { text } = model.tokenizer.applyChatTemplate(talk);
    const ids = model.tokenizer.encode(text, { addSpecialTokens: false }).ids;
    const output = await model.attribute(talk, null, { generationArgs });
    const target = output.sequenceAttributions[0]?.target.map(({ id }) => id) ?? [];
    expect(target.slice(0, ids.length)).toEqual(ids);
    expect(target.length).toBe(ids.length + 3);
    const bos = model.tokenizer.special.bos;
    expect(target.filter((id) => id === bos)).toEqual([bos]);
    expect(output.info.input_texts).toEqual([text]);
    const [reply] = await model.generate(talk, generationArgs);
    expect(reply).toBe(model.decode(target.slice(ids.length)));
  });

  test("keeps whose tokens are whose, for aggregation, through files and merging", async () => {
    const output = await model.attribute([talk, talk.slice(1)], null, { generationArgs });
    const spans = output.chatSpans();
    expect(spans.map(({ role, message }) => [role, message])).toEqual([
      ["template", null],
      ["system", 0],
      ["template", null],
      ["user", 1],
      ["template", null],
    ]);
    const sequence = output.sequenceAttributions[0];
    const words = (at: number) =>
      model.decode((sequence?.target ?? []).slice(...(spans[at]?.span ?? [])).map(({ id }) => id)).trim();
    expect([words(1), words(3)]).toEqual(["The girl was happy.", "She had a ball."]);
    expect(output.chatSpans(1).map(({ role }) => role)).toEqual(["template", "user", "template"]);

    const merged = sequence?.aggregate({ aggregator: ["vnorm", "spans"], targetSpans: spans.map(({ span }) => span) });
    expect(merged?.target.length).toBe(5 + 3);
    expect(merged?.targetAttributions?.shape).toEqual([5 + 3, 3]);

    const reloaded = await FeatureAttributionOutput.deserialize(output.serialize());
    expect(reloaded.chatSpans()).toEqual(spans);
    const text = await model.attribute("The girl", null, { generationArgs });
    const together = mergeAttributions([text, output]);
    expect(together.chatSpans(1)).toEqual(spans);
    expect(() => together.chatSpans(0)).toThrow(/sequence 0 was attributed as a text/);
    expect(() => text.chatSpans()).toThrow(OptionError);
  });

  test("explains a reply that is given, and contrasts it with another", async () => {
    const prompt = model.tokenizer.applyChatTemplate(talk).text;
    const options = { attributedFn: "contrast_prob_diff" as const, contrastTargets: " The dog" };
    const output = await model.attribute(talk, " The girl", options);
    expect(output.info.generated_texts).toEqual([`${prompt} The girl`]);
    const sequence = output.sequenceAttributions[0];
    const tokens = model.tokenizer.encode(`${prompt} The girl`, { addSpecialTokens: false }).ids;
    const start = sequence?.attrPosStart ?? 0;
    // The attributed tokens are pairs of both replies' tokens.
    expect(sequence?.target.slice(0, start).map(({ id }) => id)).toEqual(tokens.slice(0, start));
    expect(sequence?.target.length).toBe(tokens.length);
    expect(output.chatSpans().at(-1)?.span[1]).toBe(sequence?.attrPosStart);
    expect(sequence?.targetAttributions?.values.some((value) => value !== 0)).toBe(true);
  });

  test("of the assistant's own last words continues them, as encoded again, too", async () => {
    const begun = [...talk, { role: "assistant", content: "The girl" }];
    const output = await model.attribute(begun, null, { generationArgs });
    expect(output.chatSpans().at(-1)?.role).toBe("assistant");
    const again = await model.attribute(begun, null, { generationArgs, retokenize: true });
    expect(String(again.info.generated_texts).startsWith(String(again.info.input_texts))).toBe(true);
  });

  test("refuses what does not fit", async () => {
    const attempt = (inputs: unknown, options = {}) => model.attribute(inputs as string, null, options);
    await expect(attempt(talk, { skipSpecialTokens: true })).rejects.toThrow(/expected false for messages/);
    await expect(attempt("a", { chat: {} })).rejects.toThrow(/chat: expected messages/);
    await expect(attempt(["a", talk])).rejects.toThrow(/expected a text, a list of texts, messages/);
    await expect(attempt([])).rejects.toThrow(/at least one text/);
    await expect(attempt(5)).rejects.toThrow(/received 5/);
    await expect(attempt([{ content: "x" }])).rejects.toThrow(/received \{"content":"x"\}/);
  });
});

describe("tokens of messages", () => {
  test("cover the prompt side by side, whatever the tokens", async () => {
    const model = await loadModel(golden("t5"), "saliency", { tokenizerKwargs: { chat_template } });
    const inputs = readInputs(model.tokenizer, [talk, talk], undefined);
    for (const { text, chat } of inputs) {
      const encoding = model.tokenizer.encode(text, { addSpecialTokens: false });
      const found = chat === null ? [] : chatTokens(chat, encoding);
      expect(found.map(({ span }) => span[0])).toEqual([0, ...found.slice(0, -1).map(({ span }) => span[1])]);
      expect(found.at(-1)?.span[1]).toBe(encoding.ids.length);
    }
    const output = await model.attribute(talk, "She was happy.");
    expect(output.chatSpans().at(-1)?.span[1]).toBe(output.sequenceAttributions[0]?.source.length);
    model.dispose();
  });
});

describe("on the command line", { timeout: 120_000 }, () => {
  const scratch = { folder: "" };
  beforeAll(async () => {
    scratch.folder = await mkdtemp(join(tmpdir(), "inseq-chat-"));
  });
  afterAll(() => rm(scratch.folder, { recursive: true }));
  const common = [
    ...["attribute", "-m", golden("llama"), "--tokenizer_kwargs", JSON.stringify({ chat_template })],
    ...["--generation_kwargs", '{"max_new_tokens": 2}'],
  ];

  test("messages come from a file, or are what a user says", async () => {
    const [messages, save] = [join(scratch.folder, "talk.json"), join(scratch.folder, "out.json")];
    await writeFile(messages, JSON.stringify(talk));
    expect((await runHere([...common, "--messages", messages, "-o", save])).status).toBe(0);
    const output = await FeatureAttributionOutput.load(save);
    expect(output.chatSpans().map(({ role }) => role)).toContain("system");
    expect((await runHere([...common, "--chat", "-i", "She had a ball.", "-o", save])).status).toBe(0);
    expect((await FeatureAttributionOutput.load(save)).chatSpans().map(({ role }) => role)).toEqual([
      "template",
      "user",
      "template",
    ]);
  });

  test("a file of something else, and messages beside texts, are wrong usage", async () => {
    const file = join(scratch.folder, "wrong.json");
    await writeFile(file, "{}");
    expect(await runHere([...common, "--messages", file])).toMatchObject({ status: 2 });
    const { status, err } = await runHere([...common, "--messages", file, "-i", "a"]);
    expect([status, err]).toEqual([2, expect.stringMatching(/expected no --input_texts beside it/)]);
  });
});
