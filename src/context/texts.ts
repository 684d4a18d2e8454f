/** The texts with and without context, their tokens, and where the parts are in them. */

import type { LanguageModel } from "../attribution/texts/languageModel.ts";
import { encodeInput, encodeTarget } from "../attribution/texts/texts.ts";
import type { Span } from "../text/span.ts";
import type { Encoding } from "../text/tokenizer.ts";
import type { ResolvedContextOptions } from "./request.ts";
import { type FilledText, fillTemplate, joined, places, shifted } from "./template.ts";

/** What the model reads and what it writes. */
export interface Exchange {
  /** The prompt of a decoder-only model, the source of an encoder-decoder model. */
  readonly input: string;
  /** The whole target: of a decoder-only model prompt and output. */
  readonly target: string;
  readonly targetTokens: Encoding;
  /** Where the analysed output stands in the target. */
  readonly current: Span;
}

/** A context in one of an exchange's texts. */
export interface Context {
  readonly text: string;
  /** Positions of its tokens in the source, or in the target. */
  readonly side: "source" | "target";
  readonly region: Span;
  readonly tokens: Encoding;
}

export interface Exchanges {
  readonly contextual: Exchange;
  readonly contextless: Exchange;
  readonly inputContext: Context | null;
  readonly outputContext: Context | null;
}

/** What the model reads, filled in. */
export function filledInput({
  templates,
  inputCurrentText,
  inputContextText = "",
}: ResolvedContextOptions): FilledText {
  return fillTemplate(templates.input, { context: inputContextText, current: inputCurrentText });
}

/** With the output as it was given, or as the model has written it. */
export function createExchanges(
  language: LanguageModel,
  options: ResolvedContextOptions,
  outputs: { readonly context: string | null; readonly current: string },
): Exchanges {
  const { templates, inputCurrentText, decoderInputOutputSeparator: separator } = options;
  const input = filledInput(options);
  const output = fillTemplate(templates.output, { context: outputs.context ?? "", current: outputs.current });
  const bare = {
    input: fillTemplate(templates.contextlessInput, { current: inputCurrentText }),
    output: fillTemplate(templates.contextlessOutput, { current: outputs.current }),
  };
  const contextual = exchange(language, input.text, output, separator);
  const contextless = exchange(language, bare.input.text, bare.output, separator);
  return {
    contextual,
    contextless,
    inputContext: inputContext(language, options, input, contextual),
    outputContext: output.context && {
      text: outputs.context ?? "",
      side: "target",
      region: shifted(output.context, contextual.current[0] - (output.current?.[0] ?? 0)) ?? output.context,
      tokens: contextual.targetTokens,
    },
  };
}

function exchange(language: LanguageModel, input: string, output: FilledText, separator: string): Exchange {
  const whole =
    language.model.kind === "decoder-only" ? joined(input, output.text, separator) : { text: output.text, at: 0 };
  return {
    // Behind a space, tokenizers cut words in other ways; the space belongs to the output's first token.
    input: language.model.kind === "decoder-only" ? input.trimEnd() : input,
    target: whole.text,
    targetTokens: encodeTarget(language, whole.text, "added"),
    current: shifted(output.current, whole.at) ?? [whole.at, whole.text.length],
  };
}

function inputContext(
  language: LanguageModel,
  { templates, inputContextText = "" }: ResolvedContextOptions,
  input: FilledText,
  { targetTokens }: Exchange,
): Context | null {
  if (!places(templates.input).includes("context") || input.context === null) return null;
  const region = input.context;
  if (language.model.kind === "decoder-only") {
    return { text: inputContextText, side: "target", region, tokens: targetTokens };
  }
  return { text: inputContextText, side: "source", region, tokens: encodeInput(language, input.text, "added") };
}
