/**
 * The formats of data files that can be read as they are published.
 *
 *   jsonl        ours: `prompt` (decoder-only models) or `source` (encoder-decoder models), `target`; optional `foil`, `evidence`
 *                (spans [start, end) of the input in characters, as Python counts them), `id`
 *   blimp        minimal pairs (Warstadt et al. 2020, arXiv 1912.00582): the first words that differ are target and foil; evidence
 *                by rule for paradigms of agreement (`minimalPairEvidence.ts`), or spans of the prompt as `evidence`
 *   sva          subject-verb agreement with `clean_prefix` and `patch_prefix` (Marks et al. 2024, arXiv 2403.19647): the word
 *                in which the two differ is the evidence
 *   ioi          indirect objects with `prompt` and `answer` (Wang et al. 2022, arXiv 2211.00593): the name that occurs twice is
 *                the foil, the other one's place the evidence
 *   counterfact  facts: CounterFact's `requested_rewrite`, or `subject`, `prompt` and `attribute` of the Knowns (Meng et al.
 *                2022, arXiv 2202.05262): the subject is the evidence
 */

import { FileError } from "../../errors.ts";
import { describeJson, isJsonObject, type JsonObject } from "../../json.ts";
import type { Span } from "../../text/span.ts";
import type { EvaluationItem } from "../item.ts";
import { continued, placesOf, promptItem } from "./continuation.ts";
import { minimalPairEvidence } from "./minimalPairEvidence.ts";
import { type Row, spansOf, textOf } from "./row.ts";

/** Which kind of model the items are for. */
export type ModelKind = "decoder-only" | "encoder-decoder";

interface DataFormat {
  /** Fields by which a row is recognised. */
  readonly fields: readonly string[];
  readonly read: (row: Row, kind: ModelKind) => EvaluationItem;
}

const jsonl: DataFormat = {
  fields: ["target"],
  read: (row, kind) => {
    const isDecoder = kind === "decoder-only";
    const input = textOf(row, isDecoder ? "prompt" : "source");
    const { id, foil, evidence } = row.fields;
    if (!["undefined", "string", "number"].includes(typeof id) && id !== null) {
      throw new FileError(
        `${row.place("id")}: expected a text or a number as "id", received ${describeJson(id ?? null)}`,
      );
    }
    const whole = (field: string): string => (isDecoder ? continued(input, textOf(row, field)) : textOf(row, field));
    return {
      ...(id !== undefined && id !== null && { id: String(id) }),
      input,
      target: whole("target"),
      ...(foil !== undefined && foil !== null && { foil: whole("foil") }),
      ...(evidence !== undefined && evidence !== null && { evidence: spansOf(row, "evidence", input) }),
    };
  },
};

const blimp: DataFormat = {
  fields: ["sentence_good", "sentence_bad"],
  read: (row) => {
    const [good, bad] = [textOf(row, "sentence_good"), textOf(row, "sentence_bad")].map((text) => text.split(" ")) as [
      string[],
      string[],
    ];
    const at = good.findIndex((word, i) => word !== bad[i]);
    if (at <= 0 || at >= bad.length) {
      throw new FileError(
        `${row.place("sentence_bad")}: expected two sentences that begin with the same word and differ later, received ` +
          `"${good.join(" ")}" and "${bad.join(" ")}"`,
      );
    }
    const { UID, pairID } = row.fields;
    const prompt = good.slice(0, at).join(" ");
    const paradigm = typeof UID === "string" ? UID : "";
    const evidence =
      "evidence" in row.fields ? spansOf(row, "evidence", prompt) : minimalPairEvidence(paradigm, prompt);
    return promptItem(prompt, good[at] ?? "", {
      foil: bad[at] ?? "",
      ...(evidence !== undefined && { evidence }),
      ...(paradigm !== "" && { id: `${paradigm} ${pairID ?? ""}`.trim() }),
    });
  },
};

const sva: DataFormat = {
  fields: ["clean_prefix", "patch_prefix", "clean_answer", "patch_answer"],
  read: (row) => {
    const prompt = textOf(row, "clean_prefix");
    const [words, others] = [prompt, textOf(row, "patch_prefix")].map((text) => text.split(" ")) as [
      string[],
      string[],
    ];
    const places = words.map((_, i): number => words.slice(0, i).join(" ").length + (i > 0 ? 1 : 0));
    const evidence = words.flatMap((word, i): Span[] => {
      const start = places[i] ?? 0;
      return word === others[i] ? [] : [[start, start + word.length]];
    });
    if (words.length !== others.length || evidence.length === 0) {
      throw new FileError(
        `${row.place("patch_prefix")}: expected as many words as in "${prompt}" of which some differ, received "${others.join(" ")}"`,
      );
    }
    return promptItem(prompt, textOf(row, "clean_answer"), { foil: textOf(row, "patch_answer"), evidence });
  },
};

const ioi: DataFormat = {
  fields: ["prompt", "answer"],
  read: (row) => {
    const [prompt, answer] = [textOf(row, "prompt"), textOf(row, "answer").trim()];
    const evidence = placesOf(answer, prompt);
    const names = [...new Set(prompt.match(/\p{Lu}\p{Ll}+/gu) ?? [])].filter((name) => name !== answer);
    const foil = names.find((name) => placesOf(name, prompt).length > 1);
    if (evidence.length === 0 || foil === undefined) {
      throw new FileError(
        `${row.place("prompt")}: expected a prompt with the name "${answer}" and another one twice, received "${prompt}"`,
      );
    }
    return promptItem(prompt, answer, { foil, evidence });
  },
};

const counterfact: DataFormat = {
  fields: [],
  read: (row) => {
    const rewrite = row.fields.requested_rewrite;
    const inner: Row = isJsonObject(rewrite) ? { ...row, fields: rewrite } : row;
    const subject = textOf(inner, "subject");
    const prompt = textOf(inner, "prompt").replace("{}", () => subject);
    const evidence = placesOf(subject, prompt);
    if (evidence.length === 0) {
      throw new FileError(
        `${row.place("prompt")}: expected the subject "${subject}" in the prompt, received "${prompt}"`,
      );
    }
    const named = (field: string): string => {
      const value = inner.fields[field];
      return isJsonObject(value) ? textOf({ ...inner, fields: value }, "str") : textOf(inner, field);
    };
    if (inner === row) return promptItem(prompt, named("attribute"), { evidence });
    return promptItem(prompt, named("target_true"), { foil: named("target_new"), evidence });
  },
};

/** All formats by their names. */
export const dataFormats = { jsonl, blimp, sva, ioi, counterfact } as const satisfies Record<string, DataFormat>;

/** The name of a format. */
export type DataFormatId = keyof typeof dataFormats;

/** The format of a row, by the fields that it has. */
export function recognisedFormat({ fields }: { readonly fields: JsonObject }): DataFormatId | undefined {
  if ("requested_rewrite" in fields || ("subject" in fields && "attribute" in fields)) return "counterfact";
  const found = (Object.keys(dataFormats) as DataFormatId[]).filter((id) => dataFormats[id].fields.length > 0);
  return found.find((id) => dataFormats[id].fields.every((field) => field in fields));
}
