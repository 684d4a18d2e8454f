/**
 * BART (Lewis et al. 2019, arXiv 1910.13461), and mBART and mBART-50 (Liu et al. 2020, arXiv 2001.08210; Tang et al. 2020,
 * arXiv 2008.00401).
 *
 * Must match `BartForConditionalGeneration` and `MBartForConditionalGeneration` of Hugging Face transformers. Positions
 * are learned, and normalised together with the embeddings before the first block; a bias is added to the logits. BART
 * normalises after each part of a block, mBART before it and once more at the end of each stack. Compared with Marian:
 * learned positions, and the norm of the embeddings.
 */

import { sharedVocabulary } from "./sharedVocabulary.ts";

const common = {
  // The first two rows of the table are never used, whatever the padding token is.
  firstPosition: () => 2,
  logitsBias: true,
  defaults: { vocabSize: 50265, activation: "gelu", scaleEmbedding: false, padding: 1 },
} as const;

export const bart = sharedVocabulary({
  type: "bart",
  // The published base models name the class without a head, which is their table of embeddings.
  classNames: ["BartForConditionalGeneration", "BartModel"],
  kind: { normPlace: "after", positions: "learned", embeddingNorm: true, finalNorm: false },
  ...common,
});

export const mbart = sharedVocabulary({
  type: "mbart",
  classNames: ["MBartForConditionalGeneration", "MBartModel"],
  kind: { normPlace: "before", positions: "learned", embeddingNorm: true, finalNorm: true },
  ...common,
});
