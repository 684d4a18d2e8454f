/** The rows of a shard, batch by batch, with what there is to attribute in them. */

import type { ChatMessage } from "../../text/chat/message.ts";
import type { Dataset } from "./dataset.ts";
import { type DataRow, fieldOf, RowFault } from "./rows.ts";
import { endsBatch, isInShard, type Rows, type Shard } from "./shard.ts";

/** The fields that texts are in. */
export interface Fields {
  readonly input: string;
  readonly generated?: string | undefined;
  readonly contrast?: string | undefined;
  /** Texts are what a user says. */
  readonly chat: boolean;
}

/** What a process does: a shard of the rows of a data set, until it is told to end. */
export interface Part {
  readonly data: Dataset;
  readonly range: Rows;
  readonly shard: Shard;
  readonly fields: Fields;
  readonly signal: AbortSignal;
}

/** The columns that the fields are in or begin with. */
export function columnsOf({ input, generated, contrast }: Fields): string[] {
  const fields = [input, generated, contrast].filter((field) => field !== undefined);
  return [...new Set(fields.flatMap((field) => [field, field.split(".")[0] ?? field]))];
}

export interface Item {
  readonly row: number;
  readonly place: string;
  readonly input: string | readonly ChatMessage[];
  readonly generated?: string;
  readonly contrast?: string;
}

/** A row that has nothing to attribute. */
export interface FaultyItem {
  readonly row: number;
  readonly fault: RowFault;
}

/**
 * @param skip how many of the shard's rows are done already
 */
export async function* batchesOf(
  rows: AsyncIterable<DataRow>,
  { range, shard, skip }: { readonly range: Rows; readonly shard: Shard; readonly skip: number },
  fields: Fields,
): AsyncGenerator<readonly (Item | FaultyItem)[]> {
  let number = -1;
  let [passed, batch] = [0, [] as (Item | FaultyItem)[]];
  for await (const row of rows) {
    number++;
    if (number >= range.end) return;
    if (!isInShard(number, range, shard) || passed++ < skip) continue;
    batch.push(itemOf(number, row, fields));
    if (!endsBatch(number, range)) continue;
    yield batch;
    batch = [];
  }
}

/** What there is to attribute in a row, or why there is nothing. */
export function itemOf(number: number, row: DataRow, fields: Fields): Item | FaultyItem {
  try {
    return {
      row: number,
      place: row.place,
      input: inputOf(row, fields),
      ...(fields.generated !== undefined && { generated: textOf(row, fields.generated) }),
      ...(fields.contrast !== undefined && { contrast: textOf(row, fields.contrast) }),
    };
  } catch (fault) {
    if (fault instanceof RowFault) return { row: number, fault };
    throw fault;
  }
}

function inputOf(row: DataRow, { input, chat }: Fields): Item["input"] {
  const value = fieldOf(row, input);
  if (Array.isArray(value)) return value as readonly ChatMessage[];
  const text = textOf(row, input);
  return chat ? [{ role: "user", content: text }] : text;
}

function textOf(row: DataRow, field: string): string {
  const value = fieldOf(row, field);
  if (typeof value === "string") return value;
  throw new RowFault(`${row.place}: expected a text in "${field}", received ${shown(value)}`);
}

/** Long integers of Parquet files are no JSON. */
function shown(value: unknown): string {
  const text = JSON.stringify(value, (_, part) => (typeof part === "bigint" ? String(part) : part)) ?? "nothing";
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`;
}
