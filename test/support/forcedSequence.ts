/** A golden case as the engine sees it, and single steps of results: for methods whose draws a golden file has step by step. */

import { readFileSync } from "node:fs";
import type { Sequence } from "../../src/attribution/sequence.ts";
import { forcedJob } from "../../src/attribution/texts/jobs.ts";
import type { LanguageModel } from "../../src/attribution/texts/languageModel.ts";
import type { AttributionModel } from "../../src/attributionModel.ts";
import type { Scores } from "../../src/result/attribution.ts";
import type { AttributionCase } from "./attributionCases.ts";
import { goldenPath } from "./goldenResults.ts";

export function forcedSequence(
  model: AttributionModel,
  architecture: string,
  golden: Pick<AttributionCase, "inputTexts" | "generatedTexts">,
): { language: LanguageModel; sequence: Sequence } {
  const language = languageOf(model, architecture);
  const { sequence } = forcedJob(
    language,
    { text: golden.inputTexts as string, chat: null },
    golden.generatedTexts as string,
    { specialTokens: "added", includeEosBaseline: false, baselines: ["inseq"], seed: 0 },
  );
  return { language, sequence };
}

function languageOf({ model, tokenizer }: AttributionModel, architecture: string): LanguageModel {
  const config = JSON.parse(readFileSync(goldenPath(architecture, "model", "config.json"), "utf8"));
  const start = model.kind === "encoder-decoder" ? config.decoder_start_token_id : config.bos_token_id;
  return { model, tokenizer, start, eos: [config.eos_token_id], pad: config.pad_token_id ?? config.eos_token_id };
}

/** The scores of step g for the first positions. */
export function stepColumn(scores: Scores | null, g: number, positions: number): number[] {
  if (scores === null) return [];
  const [S = 0, G = 0, D = 1] = scores.shape;
  const rows = Math.min(S, positions);
  return Array.from({ length: rows }, (_, i) => [
    ...scores.values.subarray((i * G + g) * D, (i * G + g + 1) * D),
  ]).flat();
}
