/** Files of `attribute-context`, in Inseq's format: its `AttributeContextOutput.from_dict` reads them. */

import { FileError } from "../errors.ts";
import type { Json } from "./attribution.ts";
import type { ContextAttribution, ContextualCues } from "./contextAttribution.ts";
import { parsePythonJson } from "./pythonJson.ts";

type JsonObject = { readonly [key: string]: Json };

export function toContextJson(result: ContextAttribution): string {
  const { info } = result;
  const fields = {
    input_context: result.inputContext,
    input_context_tokens: result.inputContextTokens,
    output_context: result.outputContext,
    output_context_tokens: result.outputContextTokens,
    output_current: result.outputCurrent,
    output_current_tokens: result.outputCurrentTokens,
    cti_scores: result.ctiScores,
    cci_scores: result.cciScores.map((cues) => ({
      cti_idx: cues.ctiIdx,
      cti_token: cues.ctiToken,
      cti_score: cues.ctiScore,
      contextual_output: cues.contextualOutput,
      contrast_token: cues.contrastToken,
      contextless_output: cues.contextlessOutput,
      input_context_scores: cues.inputContextScores,
      output_context_scores: cues.outputContextScores,
    })),
    ...(info !== null && { info }),
  };
  return `${JSON.stringify(fields, null, 4)}\n`;
}

/**
 * @param where names the file in messages
 * @throws FileError for something else than such a file, and for scores that are not as many as tokens
 */
export function fromContextJson(text: string, where = "result file"): ContextAttribution {
  const file = objectAt(parsePythonJson(text, where), where);
  const tokens = (key: string) => nullable(file[key], `${where}: ${key}`, texts);
  const inputContextTokens = tokens("input_context_tokens");
  const outputContextTokens = tokens("output_context_tokens");
  const outputCurrentTokens = texts(file.output_current_tokens, `${where}: output_current_tokens`);
  const ctiScores = numbers(file.cti_scores, `${where}: cti_scores`);
  requireLength(`${where}: cti_scores`, ctiScores, outputCurrentTokens);
  return {
    inputContext: nullable(file.input_context, `${where}: input_context`, readText),
    inputContextTokens,
    outputContext: nullable(file.output_context, `${where}: output_context`, readText),
    outputContextTokens,
    outputCurrent: readText(file.output_current, `${where}: output_current`),
    outputCurrentTokens,
    ctiScores,
    cciScores: list(file.cci_scores, `${where}: cci_scores`).map((cues, i) =>
      readCues(objectAt(cues, `${where}: cci_scores[${i}]`), `${where}: cci_scores[${i}]`, {
        outputCurrentTokens,
        inputContextTokens,
        outputContextTokens,
      }),
    ),
    info: nullable(file.info, `${where}: info`, objectAt),
  };
}

function readCues(
  cues: JsonObject,
  where: string,
  tokens: Pick<ContextAttribution, "outputCurrentTokens" | "inputContextTokens" | "outputContextTokens">,
): ContextualCues {
  const { outputCurrentTokens, inputContextTokens, outputContextTokens } = tokens;
  const ctiIdx = number(cues.cti_idx, `${where}: cti_idx`);
  if (outputCurrentTokens[ctiIdx] === undefined) {
    throw new FileError(`${where}: expected cti_idx below ${outputCurrentTokens.length}, received ${ctiIdx}`);
  }
  const scores = (key: string, of: readonly string[] | null) => {
    const found = nullable(cues[key], `${where}: ${key}`, numbers);
    if (found === null) return null;
    // With both contexts, Inseq's view has put the scores of the other one behind these before it wrote the file.
    const isExtended = inputContextTokens !== null && outputContextTokens !== null && found.length > (of?.length ?? 0);
    const own = isExtended ? found.slice(0, of?.length) : found;
    requireLength(`${where}: ${key}`, own, of ?? []);
    return own;
  };
  return {
    ctiIdx,
    ctiToken: readText(cues.cti_token, `${where}: cti_token`),
    ctiScore: number(cues.cti_score, `${where}: cti_score`),
    contextualOutput: readText(cues.contextual_output, `${where}: contextual_output`),
    contrastToken: nullable(cues.contrast_token, `${where}: contrast_token`, readText),
    contextlessOutput: nullable(cues.contextless_output, `${where}: contextless_output`, readText),
    inputContextScores: scores("input_context_scores", inputContextTokens),
    outputContextScores: scores("output_context_scores", outputContextTokens),
  };
}

function requireLength(where: string, scores: readonly number[], tokens: readonly string[]): void {
  if (scores.length === tokens.length) return;
  throw new FileError(`${where}: expected ${tokens.length} scores, one for each token, received ${scores.length}`);
}

type Read<Value> = (value: Json | undefined, where: string) => Value;

function nullable<Value>(value: Json | undefined, where: string, read: Read<Value>): Value | null {
  return value === undefined || value === null ? null : read(value, where);
}

const objectAt: Read<JsonObject> = (value, where) => {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw unexpected(where, "an object", value);
};

const list: Read<readonly Json[]> = (value, where) => {
  if (Array.isArray(value)) return value;
  throw unexpected(where, "a list", value);
};

const readText: Read<string> = (value, where) => {
  if (typeof value === "string") return value;
  throw unexpected(where, "a text", value);
};

const number: Read<number> = (value, where) => {
  if (typeof value === "number") return value;
  throw unexpected(where, "a number", value);
};

const texts: Read<string[]> = (value, where) => list(value, where).map((item, i) => readText(item, `${where}[${i}]`));
const numbers: Read<number[]> = (value, where) => list(value, where).map((item, i) => number(item, `${where}[${i}]`));

function unexpected(where: string, expected: string, value: Json | undefined): FileError {
  return new FileError(`${where}: expected ${expected}, received ${JSON.stringify(value)?.slice(0, 80) ?? "nothing"}`);
}
