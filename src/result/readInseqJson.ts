/**
 * Reading Inseq's result files: ours (with what `writeInseqJson.ts` keeps in `info`) and those of Python Inseq, which may
 * hold `step_attributions` that Python itself cannot read back. Nothing of a file is run or looked up by name.
 */

import { FileError } from "../errors.ts";
import type {
  Attribution,
  AttributionInfo,
  Json,
  Scores,
  SequenceAttribution,
  SequenceKind,
  StepAttribution,
  Token,
} from "./attribution.ts";
import { decodeBase64 } from "./base64.ts";
import { defaultAggregators, dimensionNames } from "./kinds.ts";
import { decodeArray } from "./ndarray.ts";
import { parsePythonJson } from "./pythonJson.ts";
import { decodeScores } from "./safetensorsBlob.ts";
import { extensionKey, sequenceClasses } from "./writeInseqJson.ts";

type JsonObject = { readonly [key: string]: Json };

/**
 * The result in a file's text.
 * @param where names the file in errors.
 * @throws FileError when the text is no result of Inseq or ours, or is damaged; the message says where.
 */
export async function fromInseqJson(text: string, where = "result file"): Promise<Attribution> {
  const { name, attributes } = instance(parsePythonJson(text, where), where);
  if (name !== "FeatureAttributionOutput") throw unexpected(where, "a FeatureAttributionOutput", name);
  const { info, extension } = splitInfo(object(attributes.info, `${where}: info`));
  const extensions = extension === null ? null : list(extension.sequences, `${where}: info.${extensionKey}: sequences`);
  const sequences = await Promise.all(
    list(attributes.sequence_attributions, `${where}: sequence_attributions`).map((data, i) =>
      readSequence(data, extensions?.[i] ?? null, `${where}: sequence ${i}`),
    ),
  );
  return { sequences, steps: await readSteps(attributes.step_attributions, extension?.steps, where), info };
}

async function readSequence(data: Json, extensionData: Json, where: string): Promise<SequenceAttribution> {
  const { name, attributes } = instance(data, where);
  const scores = await readScores(attributes, where);
  const attributions = scores.targetAttributions ?? scores.sourceAttributions;
  const extension = extensionData === null ? {} : object(extensionData, `${where}: extension`);
  const kind = readKind(extension.kind, name, where);
  const tokens = (key: "source" | "target") => {
    const spans = extension[`${key}_spans`] ?? null;
    const written = list(attributes[key], `${where}: ${key}`);
    const spanList = spans === null ? null : list(spans, `${where}: ${key} spans`);
    return written.map((token, i) => readToken(token, spanList?.[i] ?? null, `${where}: ${key} token ${i}`));
  };
  const sequence: SequenceAttribution = {
    kind,
    source: tokens("source"),
    target: tokens("target"),
    ...scores,
    attrPosStart: integer(attributes.attr_pos_start, `${where}: attr_pos_start`),
    attrPosEnd: integer(attributes.attr_pos_end, `${where}: attr_pos_end`),
    defaultAggregators: strings(extension.default_aggregators, where) ?? defaultAggregators(kind, attributions),
    stepScoreAggregation: stringRecord(extension.step_score_aggregation ?? {}, where),
    dimensionNames: strings(extension.dimension_names, where) ?? dimensionNames(kind, attributions),
    ...readTurns(extension.turns, `${where}: turns`),
    ...readAggregations(extension.aggregations, `${where}: aggregations`),
    ...readCompleteness(extension.completeness, `${where}: completeness`),
  };
  checkSizes(sequence, where);
  return sequence;
}

function readTurns(data: Json | undefined, where: string): Pick<SequenceAttribution, "turns"> {
  if (data === undefined) return {};
  const turns = list(data, where).map((turn, i) => {
    const { role, message, span } = object(turn, `${where} ${i}`);
    if (typeof role !== "string") throw unexpected(`${where} ${i}`, "a role", role);
    const [start, end] = list(span, `${where} ${i}: span`).map((at) => integer(at, `${where} ${i}: span`));
    const number = message === null ? null : integer(message, `${where} ${i}: message`);
    return { role, message: number, span: [start ?? 0, end ?? 0] as const };
  });
  return { turns };
}

function readAggregations(data: Json | undefined, where: string): Pick<SequenceAttribution, "aggregations"> {
  if (data === undefined) return {};
  const aggregations = list(data, where).map((item) => {
    const { aggregator, ...options } = object(item, where);
    if (typeof aggregator !== "string") throw unexpected(where, "the name of an aggregator", aggregator);
    return { aggregator, ...options };
  });
  return { aggregations };
}

function readCompleteness(data: Json | undefined, where: string): Pick<SequenceAttribution, "completeness"> {
  if (data === undefined) return {};
  const { value, baseline, sum, gap } = object(data, where);
  const numbers = (key: string, items: Json | undefined) =>
    Float32Array.from(list(items, `${where}: ${key}`), (item) => {
      if (typeof item !== "number") throw unexpected(`${where}: ${key}`, "numbers", item);
      return item;
    });
  return {
    completeness: {
      value: numbers("value", value),
      baseline: baseline === null ? null : numbers("baseline", baseline),
      sum: numbers("sum", sum),
      gap: gap === null ? null : numbers("gap", gap),
    },
  };
}

/** Steps of our own file stand in its extension, those of a Python file in their own place. */
async function readSteps(python: Json | undefined, ours: Json | undefined, where: string) {
  const steps = ours ?? python ?? null;
  if (steps === null) return null;
  return Promise.all(
    list(steps, `${where}: steps`).map(async (data, i): Promise<StepAttribution> => {
      const at = `${where}: step ${i}`;
      const { name, attributes } = ours ? { name: "", attributes: object(data, at) } : instance(data, at);
      const tokens = (key: string) =>
        list(attributes[key] ?? [], `${at}: ${key}`).map((tokens, b) =>
          list(tokens, `${at}: ${key} ${b}`).map((token) => readToken(token, null, `${at}: ${key} ${b}`)),
        );
      return {
        kind: readKind(attributes.kind, name.replace("StepOutput", "SequenceOutput"), at),
        ...(await readScores(attributes, at)),
        source: tokens("source"),
        prefix: tokens("prefix"),
        target: tokens("target"),
      };
    }),
  );
}

async function readScores(attributes: JsonObject, where: string) {
  const record = async (key: string): Promise<Readonly<Record<string, Scores>>> =>
    Object.fromEntries(
      await Promise.all(
        Object.entries(object(attributes[key] ?? {}, `${where}: ${key}`)).map(
          async ([name, data]) => [name, await readArray(data, `${where}: ${key}: ${name}`)] as const,
        ),
      ),
    );
  const optional = async (key: string) => {
    const data = attributes[key] ?? null;
    return data === null ? null : readArray(data, `${where}: ${key}`);
  };
  return {
    sourceAttributions: await optional("source_attributions"),
    targetAttributions: await optional("target_attributions"),
    stepScores: await record("step_scores"),
    sequenceScores: await record("sequence_scores"),
  };
}

async function readArray(data: Json, where: string): Promise<Scores> {
  if (typeof data === "string") return decodeScores(decodeBase64(data, where), where);
  return decodeArray(object(data, where), where);
}

/**
 * A token of Inseq's, or one of our steps. Python Inseq writes a token inside a token where cleaning left nothing of its
 * string, and a character as the id of a contrastive step's token: those ids are -1 here.
 */
function readToken(data: Json, span: Json, where: string): Token {
  const fields = object(data, where);
  const attributes = "attributes" in fields ? instance(data, where).attributes : fields;
  const { token, id } = attributes;
  if (typeof token === "object" && token !== null) return readToken(token, span, where);
  if (typeof token !== "string") throw unexpected(where, "a token with a string", token);
  const characters = span ?? attributes.span ?? null;
  if (characters !== null) {
    const [start, end] = list(characters, `${where}: span`);
    const range = [integer(start, `${where}: span`), integer(end, `${where}: span`)] as const;
    return { token, id: integer(id, `${where}: id`), span: range };
  }
  return { token, id: typeof id === "string" ? -1 : integer(id, `${where}: id`), span: null };
}

function readKind(kind: Json | undefined, className: string, where: string): SequenceKind {
  const kinds = Object.keys(sequenceClasses) as SequenceKind[];
  const found = kinds.find((known) => (kind === undefined ? sequenceClasses[known] === className : known === kind));
  if (found !== undefined) return found;
  throw unexpected(where, `one of ${Object.values(sequenceClasses).join(", ")}`, kind ?? className);
}

function splitInfo(info: JsonObject): { info: AttributionInfo; extension: JsonObject | null } {
  const { [extensionKey]: extension, ...rest } = info;
  if (extension === undefined) return { info, extension: null };
  const { result, ...others } = object(extension, `info.${extensionKey}`);
  return {
    info: Object.keys(others).length === 0 ? rest : { ...rest, [extensionKey]: others },
    extension: result === undefined ? null : object(result, `info.${extensionKey}.result`),
  };
}

function checkSizes(sequence: SequenceAttribution, where: string): void {
  const { source, target, attrPosStart: start, attrPosEnd: end } = sequence;
  if (!(0 <= start && start <= end && end <= target.length)) {
    throw unexpected(where, `attributed positions within the ${target.length} target tokens`, `${start} to ${end}`);
  }
  const check = (what: string, scores: Scores | null | undefined, sizes: readonly number[]) => {
    if (!scores || sizes.every((size, axis) => scores.shape[axis] === size)) return;
    throw unexpected(`${where}: ${what}`, `shape [${sizes.join(", ")}, ...]`, `[${scores.shape.join(", ")}]`);
  };
  check("source_attributions", sequence.sourceAttributions, [source.length, end - start]);
  // Where Inseq stopped before the end of an encoder-decoder target it has a row more than it says.
  const rows = sequence.targetAttributions?.shape[0] ?? end;
  check("target_attributions", sequence.targetAttributions, [rows === end + 1 ? rows : end, end - start]);
  for (const [name, scores] of Object.entries(sequence.stepScores)) check(`step score ${name}`, scores, [end - start]);
}

function instance(data: Json, where: string): { name: string; attributes: JsonObject } {
  const { __instance_type__: type, attributes } = object(data, where);
  const name = Array.isArray(type) ? type[1] : undefined;
  if (typeof name === "string") return { name, attributes: object(attributes, `${where}: attributes`) };
  throw new FileError(
    `${where}: expected an object with "__instance_type__", received one without; ` +
      "this is no result of Inseq, or it was saved with usePrimitives, which leaves out what loading needs",
  );
}

function object(data: Json | undefined, where: string): JsonObject {
  if (typeof data === "object" && data !== null && !Array.isArray(data)) return data as JsonObject;
  throw unexpected(where, "an object", data);
}

function list(data: Json | undefined, where: string): readonly Json[] {
  if (Array.isArray(data)) return data;
  throw unexpected(where, "a list", data);
}

function integer(data: Json | undefined, where: string): number {
  if (typeof data === "number" && Number.isSafeInteger(data)) return data;
  throw unexpected(where, "a whole number", data);
}

function strings(data: Json | undefined, where: string): readonly string[] | null {
  if (data === undefined) return null;
  return list(data, where).map((item) => {
    if (typeof item !== "string") throw unexpected(where, "a list of strings", item);
    return item;
  });
}

function stringRecord(data: Json, where: string): Readonly<Record<string, string>> {
  const entries = Object.entries(object(data, where)).map(([key, value]) => {
    if (typeof value !== "string") throw unexpected(where, "strings", value);
    return [key, value] as const;
  });
  return Object.fromEntries(entries);
}

function unexpected(where: string, expected: string, received: Json | undefined): FileError {
  const shown = JSON.stringify(received)?.slice(0, 80) ?? "nothing";
  return new FileError(`${where}: expected ${expected}, received ${shown}; the file is damaged or of another kind`);
}
