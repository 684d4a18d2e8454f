/** Items from the text of a data file. */

import { FileError, OptionError } from "../../errors.ts";
import { knownName, rejectUnknownOptions } from "../../names.ts";
import type { EvaluationItem } from "../item.ts";
import { type DataFormatId, dataFormats, type ModelKind, recognisedFormat } from "./formats.ts";
import { ofRow, readRows } from "./row.ts";

/** How a data file is read. */
export interface ReadItemsOptions {
  /** How to call the file in messages. */
  readonly name?: string;
  /** `auto`, the default, recognises the format by the fields of the first row. */
  readonly format?: DataFormatId | "auto";
  /** `model.model.kind`; decoder-only by default. */
  readonly kind?: ModelKind;
  /** Told of each row that cannot be read, which is left out then. Without it, the first one is thrown. */
  readonly onFault?: (fault: FileError) => void;
}

/**
 * The items of JSON lines, or of a JSON list, in one of the formats of `dataFormats`. An item without an id is called after its
 * place, such as `line 3`.
 * @throws FileError with line and column where the text is no JSON, a field is missing or a span outside of the text
 * @throws OptionError when the format is for other models
 */
export function readItems(text: string, options: ReadItemsOptions = {}): EvaluationItem[] {
  rejectUnknownOptions("readItems", options, ["name", "format", "kind", "onFault"]);
  const { name = "data", format = "auto", kind = "decoder-only", onFault } = options;
  const each = ofRow(onFault);
  const rows = readRows(name, text, each);
  const names = Object.keys(dataFormats) as DataFormatId[];
  const asked = knownName("format", format, ["auto", ...names]);
  const [first] = rows;
  const id = asked === "auto" && first !== undefined ? recognisedFormat(first) : (asked as DataFormatId);
  if (id === undefined) {
    throw new FileError(
      `${first?.place()}: expected the fields of one of the formats ${names.join(", ")}, received ` +
        Object.keys(first?.fields ?? {}).join(", "),
    );
  }
  if (kind !== "decoder-only" && id !== "jsonl") {
    throw new OptionError(`${name}: expected a decoder-only model for the format ${id}, received one with an encoder`);
  }
  return rows.flatMap((row) => each(() => ({ id: row.name, ...dataFormats[id].read(row, kind) })));
}
