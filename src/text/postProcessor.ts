/** The `post_processor` of a `tokenizer.json`: which special tokens stand around a text. */

import { FileError, UnsupportedError } from "../errors.ts";
import type { Json, JsonObject } from "../json.ts";
import { asArray, asId, asObject, asString } from "./json.ts";

export interface SurroundingIds {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** @throws UnsupportedError naming a type that is not known. */
export function readPostProcessor(value: Json | undefined, where = "post_processor"): SurroundingIds {
  if (value === null || value === undefined) return { before: [], after: [] };
  const config = asObject(value, where);
  const type = asString(config.type, `${where}.type`);
  switch (type) {
    case "ByteLevel":
      return { before: [], after: [] };
    case "TemplateProcessing":
      return readTemplate(config, where);
    case "BertProcessing":
    case "RobertaProcessing":
      return { before: [pairedId(config.cls, `${where}.cls`)], after: [pairedId(config.sep, `${where}.sep`)] };
    case "Sequence":
      return asArray(config.processors, `${where}.processors`)
        .map((part) => readPostProcessor(part, where))
        .reduce((inner, outer) => ({
          before: [...outer.before, ...inner.before],
          after: [...inner.after, ...outer.after],
        }));
    default:
      throw new UnsupportedError(
        `${where}: expected one of ByteLevel, TemplateProcessing, BertProcessing, RobertaProcessing, Sequence, received "${type}"; convert the tokenizer without it`,
      );
  }
}

function readTemplate(config: JsonObject, where: string): SurroundingIds {
  const specials = asObject(config.special_tokens, `${where}.special_tokens`);
  const before: number[] = [];
  const after: number[] = [];
  let current = before;
  for (const item of asArray(config.single, `${where}.single`)) {
    const { SpecialToken: special } = asObject(item, `${where}.single`);
    if (special === undefined) {
      current = after;
      continue;
    }
    const name = asString(asObject(special, where).id, `${where}.single`);
    const { ids } = asObject(specials[name], `${where}.special_tokens["${name}"]`);
    current.push(...asArray(ids, `${where}.special_tokens["${name}"].ids`).map((id) => asId(id, where)));
  }
  if (current === before)
    throw new FileError(`${where}.single: expected the sequence A in the template; get the file again`);
  return { before, after };
}

/** `["[CLS]", 101]` → 101. */
function pairedId(value: Json | undefined, where: string): number {
  return asId(asArray(value, where)[1], where);
}
