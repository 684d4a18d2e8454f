/** The results of all rows as one file of Inseq's, written from front to back. */

import { FileError } from "../../errors.ts";
import { isJsonObject, type Json, type JsonObject } from "../../json.ts";
import { formatPythonJson } from "../../result/pythonJson.ts";
import { extensionKey } from "../../result/writeInseqJson.ts";
import type { Parts } from "./parts.ts";
import { type RowRecord, readRecord } from "./record.ts";

/** Appends text to the file. */
export type Write = (text: string) => Promise<void>;

/** Lists of `info` that have an item for each text. */
const perText = ["input_texts", "generated_texts", "chat_spans"];

/**
 * Each list that goes over all rows is a reading of the parts of its own. Failed rows are named under
 * `info.inseq_tfjs.dataset`.
 */
export async function writeMergedJson({ rows, range }: Pick<Parts, "rows" | "range">, write: Write): Promise<void> {
  /** What there is of each result. */
  async function* each(items: (result: Result) => readonly Json[]): AsyncGenerator<Json> {
    for await (const { text, path } of rows()) {
      const record = readRecord(text, path);
      if ("result" in record) yield* items(resultOf(record, path));
    }
  }
  let first: Result | undefined;
  let last = 0;
  const failures: Json[] = [];
  for await (const { text, path } of rows()) {
    const record = readRecord(text, path);
    if ("error" in record) failures.push({ row: record.row, error: record.error });
    else {
      const result = resultOf(record, path);
      first ??= result;
      last = Math.max(last, Number(result.info.attr_pos_end));
    }
  }
  if (first === undefined) throw new FileError("merge: expected results, but all rows failed");
  const { info, instance } = first;
  const own = isJsonObject(info[extensionKey]) ? info[extensionKey] : {};
  const { result: _result, ...circumstances } = own;
  const compact = (value: Json) => formatPythonJson(value, { compact: true });
  const list = async (items: (result: Result) => readonly Json[]) => {
    let separator = "[\n";
    for await (const item of each(items)) {
      await write(`${separator}${compact(item)}`);
      separator = ",\n";
    }
    await write("\n]");
  };
  await write(`{"__instance_type__":${compact(instance)},"attributes":{\n"info":{`);
  for (const [key, value] of Object.entries(info)) {
    if (key === extensionKey) continue;
    await write(`${compact(key)}:`);
    if (perText.includes(key)) await list((result) => [itemsOf(result.info[key])[0] ?? []]);
    else await write(compact(key === "attr_pos_end" ? last : value));
    await write(",\n");
  }
  const dataset = { rows: [range.start, range.end], failed: failures };
  await write(`${compact(extensionKey)}:${compact({ ...circumstances, dataset }).slice(0, -1)},"result":{"sequences":`);
  await list((result) => [itemsOf(extensionOf(result).sequences)[0] ?? null]);
  await write(`,"steps":`);
  if (extensionOf(first).steps === null) await write("null");
  else await list((result) => itemsOf(extensionOf(result).steps));
  await write(`}}},\n"sequence_attributions":`);
  await list(({ sequences }) => [sequences[0] ?? null]);
  await write(`,\n"step_attributions":null}}\n`);
}

/** The pieces of a row's result file. */
interface Result {
  readonly instance: Json;
  readonly info: JsonObject;
  readonly sequences: readonly Json[];
}

function resultOf(record: RowRecord, path: string): Result {
  const file = "result" in record && isJsonObject(record.result) ? record.result : {};
  const { __instance_type__: instance, attributes } = file;
  if (instance !== undefined && isJsonObject(attributes) && isJsonObject(attributes.info)) {
    return { instance, info: attributes.info, sequences: itemsOf(attributes.sequence_attributions) };
  }
  throw new FileError(`${path}: expected a result in row ${record.row}, received something else; the file is damaged`);
}

function extensionOf({ info }: Result): JsonObject {
  const extension = info[extensionKey];
  return isJsonObject(extension) && isJsonObject(extension.result) ? extension.result : {};
}

function itemsOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}
