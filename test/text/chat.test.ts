import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FileError, OptionError } from "../../src/errors.ts";
import { openFolder } from "../../src/platform/node.ts";
import type { ChatMessage } from "../../src/text/chat/message.ts";
import type { ChatOptions } from "../../src/text/chat.ts";
import { loadTokenizer } from "../../src/text/loadTokenizer.ts";
import { changedFiles } from "./memoryFiles.ts";

/** Written by `test/golden/make_chat.py` with transformers 5.18. */
interface Golden {
  readonly templates: Readonly<Record<string, string>>;
  readonly cases: readonly {
    readonly style: string;
    readonly name: string;
    readonly messages: readonly ChatMessage[];
    readonly options: {
      readonly add_generation_prompt?: boolean;
      readonly continue_final_message?: boolean;
      readonly enable_thinking?: boolean;
    };
    readonly text?: string;
    readonly ids?: readonly number[];
    readonly error?: string;
  }[];
}

const path = (name: string) => new URL(`../golden/${name}`, import.meta.url).pathname;
const golden: Golden = JSON.parse(readFileSync(path("tokenizers/chat.json"), "utf8"));
const gpt2 = await loadTokenizer(await openFolder(path("gpt2/model")));
const template = (style: string): string => golden.templates[style] ?? "";

const optionsOf = ({ style, options }: Golden["cases"][number]): ChatOptions => ({
  chatTemplate: template(style),
  ...(options.add_generation_prompt !== undefined && { addGenerationPrompt: options.add_generation_prompt }),
  continueFinalMessage: options.continue_final_message ?? false,
  ...(options.enable_thinking !== undefined && { variables: { enable_thinking: options.enable_thinking } }),
});

describe("applyChatTemplate", () => {
  it.each(Object.keys(golden.templates))("writes what transformers writes: %s", (style) => {
    const cases = golden.cases.filter((one) => one.style === style);
    expect(cases.length).toBeGreaterThan(15);
    for (const one of cases) {
      if (one.error !== undefined) {
        expect(() => gpt2.applyChatTemplate(one.messages, optionsOf(one))).toThrow(one.error);
        continue;
      }
      const { text } = gpt2.applyChatTemplate(one.messages, optionsOf(one));
      expect(text).toBe(one.text);
      expect(gpt2.encode(text, { addSpecialTokens: false }).ids).toEqual(one.ids);
    }
  });

  it("knows the characters of every message", () => {
    for (const one of golden.cases.filter(({ error }) => error === undefined)) {
      const { text, spans } = gpt2.applyChatTemplate(one.messages, optionsOf(one));
      expect(spans.map(({ span }) => span[0])).toEqual([0, ...spans.slice(0, -1).map(({ span }) => span[1])]);
      expect(spans.at(-1)?.span[1]).toBe(text.length);
      one.messages.forEach(({ role, content }, message) => {
        const own = spans.filter((span) => span.message === message);
        const parts = typeof content === "string" ? [content] : (content ?? []).map((part) => part.text);
        const written = parts.map((part) => part.trim()).filter((part) => part.length > 0);
        expect(own.length).toBe(written.length);
        own.forEach((span, at) => {
          const shown = text.slice(...span.span).trim();
          expect(span.role).toBe(role);
          // A template may cut a thought off; it cuts nothing else.
          if (one.style === "thoughts") expect(written[at]?.endsWith(shown)).toBe(true);
          else expect(shown).toBe(written[at]);
          expect(shown.length).toBeGreaterThan(0);
        });
      });
      expect(spans.every(({ role, message }) => (role === "template") === (message === null))).toBe(true);
    }
  });

  it("finds any contents, the same or not, with white space or characters like its own marks", () => {
    const contents = fc.array(fc.constantFrom("a", "b", " ", "\n", "<end>", "user", "\u{100000}", "🙂"), {
      minLength: 1,
    });
    const conversations = fc.array(contents, { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(conversations, (list) => {
        const messages = list.map((parts, at) => ({
          role: at % 2 === 0 ? "user" : "assistant",
          content: parts.join(""),
        }));
        const options = { chatTemplate: template("model turns"), continueFinalMessage: false };
        const { text, spans } = gpt2.applyChatTemplate(messages, options);
        const shown = spans.filter(({ message }) => message !== null).map(({ span }) => text.slice(...span));
        expect(shown).toEqual(messages.map(({ content }) => content.trim()).filter((content) => content.length > 0));
      }),
      { numRuns: 200 },
    );
  });

  it("looks for the contents when marks change what a template does", () => {
    const chatTemplate = "{% for m in messages %}{{ m.content | length }}:{{ m.content }};{% endfor %}";
    const { text, spans } = gpt2.applyChatTemplate(
      [
        { role: "user", content: "2:ab" },
        { role: "user", content: "ab" },
      ],
      { chatTemplate },
    );
    expect(text).toBe("4:2:ab;2:ab;");
    expect(spans.map(({ message, span }) => [message, text.slice(...span)])).toEqual([
      [null, "4:"],
      [0, "2:ab"],
      [null, ";2:"],
      [1, "ab"],
      [null, ";"],
    ]);
  });

  it("by default announces the assistant, or continues what the assistant has begun", () => {
    const chatTemplate = template("markers");
    const user = { role: "user", content: "Hi" };
    expect(gpt2.applyChatTemplate([user], { chatTemplate }).text).toMatch(/<\|im_start\|>assistant\n$/);
    const begun = gpt2.applyChatTemplate([user, { role: "assistant", content: "Hel" }], { chatTemplate });
    expect(begun.text).toMatch(/assistant\nHel$/);
    expect(begun.spans.at(-1)).toMatchObject({ role: "assistant", message: 1 });
  });
});

describe("the template", () => {
  const files = async (changes: Readonly<Record<string, unknown>>) =>
    loadTokenizer(await changedFiles(await openFolder(path("gpt2/model")), changes));
  const hi = [{ role: "user", content: "Hi" }];

  it("comes from chat_template.jinja, else from tokenizer_config.json, and the caller's first", async () => {
    const config = { "tokenizer_config.json": { chat_template: "config" } };
    expect((await files(config)).applyChatTemplate(hi).text).toBe("config");
    expect((await files({ ...config, "chat_template.jinja": "file" })).applyChatTemplate(hi).text).toBe("file");
    expect((await files({ "chat_template.json": { chat_template: "old" } })).applyChatTemplate(hi).text).toBe("old");
    const source = await changedFiles(await openFolder(path("gpt2/model")), { "chat_template.jinja": "file" });
    const asked = await loadTokenizer(source, { chat_template: "asked" });
    expect(asked.applyChatTemplate(hi).text).toBe("asked");
    expect(asked.applyChatTemplate(hi, { chatTemplate: "given" }).text).toBe("given");
  });

  it("may be one of several, by name, and with tools another", async () => {
    const chat_template = ["default", "tool_use", "rag"].map((name) => ({ name, template: `${name}!` }));
    const tokenizer = await files({ "tokenizer_config.json": { chat_template } });
    expect(tokenizer.applyChatTemplate(hi).text).toBe("default!");
    expect(tokenizer.applyChatTemplate(hi, { chatTemplate: "rag" }).text).toBe("rag!");
    expect(tokenizer.applyChatTemplate(hi, { tools: [] }).text).toBe("tool_use!");
    const unnamed = await files({ "tokenizer_config.json": { chat_template: chat_template.slice(2) } });
    expect(() => unnamed.applyChatTemplate(hi)).toThrow(/only those named rag; choose one as chatTemplate/);
  });

  it("sees special tokens by name", async () => {
    const chatTemplate = "{{ bos_token }}|{{ eos_token }}|{{ pad_token is defined }}";
    expect(gpt2.applyChatTemplate(hi, { chatTemplate }).text).toBe("<|endoftext|>|<|endoftext|>|false");
  });

  it.each([
    ["that is not there", hi, {}, OptionError, /expected a tokenizer with a chat template, but it has none/],
    [
      "that cannot be read",
      hi,
      { chatTemplate: "{% for %}" },
      FileError,
      /expected a Jinja template, received one that cannot/,
    ],
    [
      "that refuses",
      hi,
      { chatTemplate: "{{ raise_exception('no users') }}" },
      OptionError,
      /it fails: no users; change the messages \(roles: user\)/,
    ],
    ["that fails", hi, { chatTemplate: "{{ messages | sorcery }}" }, OptionError, /accepts, but it fails: /],
    ["of no messages", [], { chatTemplate: "x" }, OptionError, /at least one message/],
    [
      "of a text",
      [{ content: "x" } as unknown as ChatMessage],
      { chatTemplate: "x" },
      OptionError,
      /messages\[0\]: expected \{ role/,
    ],
    [
      "asked for both ends",
      hi,
      { chatTemplate: "x", addGenerationPrompt: true, continueFinalMessage: true },
      OptionError,
      /expected false with continueFinalMessage/,
    ],
    [
      "that hides the last message",
      hi,
      { chatTemplate: "x", continueFinalMessage: true },
      OptionError,
      /expected a template that keeps the last message's text/,
    ],
  ] as const)("%s gives an error that says so", (_, messages, options, type, message) => {
    const attempt = () => gpt2.applyChatTemplate(messages, options);
    expect(attempt).toThrow(type);
    expect(attempt).toThrow(message);
  });
});
