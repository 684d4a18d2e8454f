/**
 * M2M-100 (Fan et al. 2020, arXiv 2010.11125) and NLLB-200 (NLLB team 2022, arXiv 2207.04672), which translate between
 * any two of their languages: the first token of source and target says which.
 *
 * Must match `M2M100ForConditionalGeneration` of Hugging Face transformers. Norms before each part of a block and at the
 * end of each stack, scaled embeddings, ReLU, and sinusoids by the formula of tensor2tensor, counted from the padding
 * token's id + 1. Compared with Pegasus: that formula, and no bias of the logits. The reference makes more sinusoids when
 * a text is longer than `max_position_embeddings`, which no model was trained for; here that is an error.
 */

import { fairseqDropout } from "./dropout.ts";
import { sharedVocabulary } from "./sharedVocabulary.ts";

export const m2m100 = sharedVocabulary({
  type: "m2m_100",
  classNames: ["M2M100ForConditionalGeneration"],
  kind: { normPlace: "before", positions: "tensor2tensor", embeddingNorm: false, finalNorm: true },
  firstPosition: (padding) => padding + 1,
  logitsBias: false,
  dropout: fairseqDropout(0.1),
  defaults: { vocabSize: 128112, activation: "relu", scaleEmbedding: true, padding: 1 },
});
