/**
 * The output's context and current text, given or written by the model.
 *
 * | template has {context} | context given | current text given | |
 * |---|---|---|---|
 * | yes | yes | yes | both as given |
 * | no | no | yes | as given |
 * | yes | yes | no | the model goes on behind the context |
 * | no | no | no | the model writes |
 * | yes | no | no | the model writes, and its output is split |
 * | yes | no | yes | the same for the context; the current text as given |
 */

import { behindStart } from "../attribution/texts/texts.ts";
import type { AttributionModel } from "../attributionModel.ts";
import { OptionError } from "../errors.ts";
import type { Encoding } from "../text/tokenizer.ts";
import { textOf } from "./keptText.ts";
import { tokensWithin } from "./regions.ts";
import type { ResolvedContextOptions } from "./request.ts";
import { type AlignedToken, sentenceEnd, splitByAlignment, splitByText } from "./split.ts";
import { type FilledText, joined, literalBetween } from "./template.ts";
import { filledInput } from "./texts.ts";

export interface Outputs {
  /** Null where the template has none. */
  readonly context: string | null;
  readonly current: string;
}

/** @throws OptionError when the output is not as its template says, or cannot be split without an answer */
export async function findOutputs(model: AttributionModel, options: ResolvedContextOptions): Promise<Outputs> {
  const { hasOutputContext, outputContextText, outputCurrentText, templates } = options;
  if (!hasOutputContext && outputCurrentText !== undefined) return { context: null, current: outputCurrentText };
  if (outputContextText !== undefined && outputCurrentText !== undefined) {
    return { context: outputContextText, current: outputCurrentText };
  }
  if (outputContextText !== undefined) {
    const beginning = literalBetween(templates.output, null, "context") + outputContextText;
    const prefix = (beginning + literalBetween(templates.output, "context", "current")).trimEnd();
    const written = withoutAround(options, await writtenBehind(model, options, prefix), "");
    return { context: outputContextText, current: required(written.trim(), options) };
  }
  const before = literalBetween(templates.output, null, hasOutputContext ? "context" : "current");
  const written = withoutAround(options, await writtenBehind(model, options, null), before);
  if (!hasOutputContext) return { context: null, current: required(written.trim(), options) };
  const context = await contextOf(model, options, written);
  const separator = literalBetween(templates.output, "context", "current");
  const rest = written.slice(context.length);
  const current = (rest.startsWith(separator) ? rest.slice(separator.length) : rest).trim();
  return { context, current: outputCurrentText ?? required(current, options, context) };
}

/** What the model writes for the input, behind the beginning of an output if there is one. */
async function writtenBehind(
  model: AttributionModel,
  options: ResolvedContextOptions,
  prefix: string | null,
): Promise<string> {
  const { text } = filledInput(options);
  const { generationArgs, signal, decoderInputOutputSeparator: separator } = options;
  if (model.model.kind === "decoder-only") {
    // A space at the end of a prompt would be a token of its own: the output's first token has it.
    const prompt = model.encode((prefix === null ? text : joined(text, prefix, separator).text).trimEnd());
    const ids = await model.generateIds(prompt, { generationArgs, signal });
    return textBehind(model, ids, prompt.ids.length, options);
  }
  const targetPrefix =
    prefix === null
      ? null
      : behindStart(model.languageModel, model.tokenizer.encode(prefix, { asTarget: true, addSpecialTokens: false }));
  const ids = await model.generateIds(model.encode(text), {
    generationArgs,
    signal,
    ...(targetPrefix && { targetPrefix }),
  });
  return textBehind(model, ids, targetPrefix?.ids.length ?? 1, options);
}

function textBehind(
  model: AttributionModel,
  ids: readonly number[],
  length: number,
  options: ResolvedContextOptions,
): string {
  const whole = ids.map((id) => model.tokenizer.idToToken(id));
  const before = textOf(model, { ids: ids.slice(0, length), tokens: whole.slice(0, length) }, options);
  const all = textOf(model, { ids, tokens: whole }, options);
  if (all.startsWith(before)) return all.slice(before.length);
  return textOf(model, { ids: ids.slice(length), tokens: whole.slice(length) }, options);
}

/** Without what the template has before and behind: the model has to have written it. */
function withoutAround(options: ResolvedContextOptions, written: string, before: string): string {
  const { templates, outputTemplate } = options;
  const after = literalBetween(templates.output, "current", null);
  const [start, end] = [before.trimStart(), after.trimEnd()];
  const [output, isWhole] = [written.trim(), written.trimStart().startsWith(start) && written.trimEnd().endsWith(end)];
  if (isWhole && output.length >= start.length + end.length)
    return output.slice(start.length, output.length - end.length);
  throw new OptionError(
    `outputTemplate: expected an output that ${before === "" ? "" : `begins with "${before}" and `}ends with "${after}" by ` +
      `"${outputTemplate}", but the model wrote "${written}"; give outputCurrentText, or another template`,
  );
}

/** The output's context: the best guess, or what a person says. */
async function contextOf(model: AttributionModel, options: ResolvedContextOptions, written: string): Promise<string> {
  const { templates, handleOutputContextStrategy: strategy, questions } = options;
  const output = written.trimStart();
  const candidate =
    splitByText(output, literalBetween(templates.output, "context", "current")) ??
    (await alignedContext(model, options, output));
  if (candidate !== null && strategy === "auto") return candidate;
  if (questions === undefined) {
    throw new OptionError(
      `outputContextText: expected a text for {context}, because the model wrote "${output}" and ` +
        (strategy === "auto"
          ? "where its context ends cannot be guessed"
          : "nobody can be asked where its context ends") +
        (candidate === null ? "" : ` (the strategy "auto" would take "${candidate}")`),
    );
  }
  const answer = await questions.outputContext(output, candidate);
  if (output.startsWith(answer)) return answer;
  throw new OptionError(`outputContext: expected a beginning of "${output}", received "${answer}"`);
}

/** For a translation, which attends to what it translates. */
async function alignedContext(
  model: AttributionModel,
  options: ResolvedContextOptions,
  output: string,
): Promise<string | null> {
  if (model.model.kind === "decoder-only" || !options.hasInputContext || output === "") return null;
  const input = filledInput(options);
  const { sequenceAttributions } = (await model.attribute(input.text, output, { method: "attention" })).aggregate();
  const [sequence] = sequenceAttributions;
  if (sequence === undefined) return null;
  const { source, target, sourceAttributions, attrPosStart, attrPosEnd } = sequence;
  const G = attrPosEnd - attrPosStart;
  const spans = source.map(({ span }) => span);
  const encoding = { ids: source.map(({ id }) => id), tokens: source.map(({ token }) => token), spans };
  const inContext = positionsOf(encoding, input.context, model);
  const inCurrent = positionsOf(encoding, input.current, model);
  const attention = (rows: readonly number[], g: number) =>
    rows.reduce((sum, row) => sum + (sourceAttributions?.values[row * G + g] ?? 0), 0);
  const aligned = target.slice(attrPosStart, attrPosEnd).flatMap(({ span }, g): AlignedToken[] => {
    const [context, current] = [attention(inContext, g), attention(inCurrent, g)];
    return span === null ? [] : [{ span, contextShare: context / (context + current || 1) }];
  });
  return splitByAlignment(output, aligned, sentenceEnd.test(options.inputContextText ?? ""));
}

function positionsOf(encoding: Encoding, region: FilledText["context"], model: AttributionModel): number[] {
  return region === null ? [] : tokensWithin(encoding, region, model.tokenizer, []);
}

/** @throws OptionError when the model wrote nothing to analyse */
function required(current: string, { outputTemplate }: ResolvedContextOptions, context?: string): string {
  if (current !== "") return current;
  throw new OptionError(
    `outputCurrentText: expected the model to write one by "${outputTemplate}", but it wrote nothing` +
      (context === undefined ? "" : ` behind the context "${context}"`) +
      "; give it, or outputContextText",
  );
}
