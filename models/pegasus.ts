/**
 * Pegasus (Zhang et al. 2020, arXiv 1912.08777), which summarises.
 *
 * Must match `PegasusForConditionalGeneration` of Hugging Face transformers. Sinusoidal positions, norms before each part
 * of a block and at the end of each stack, a bias of the logits. Compared with mBART: no learned positions and no norm of
 * the embeddings. The reference scales the decoder's embeddings inside the decoder, and its encoder's as well, so that
 * whoever passes embeddings in passes them unscaled; here both are scaled once, when they are looked up.
 */

import { sharedVocabulary } from "./sharedVocabulary.ts";

export const pegasus = sharedVocabulary({
  type: "pegasus",
  classNames: ["PegasusForConditionalGeneration"],
  kind: { normPlace: "before", positions: "paper", embeddingNorm: false, finalNorm: true },
  firstPosition: () => 0,
  logitsBias: true,
  defaults: { vocabSize: 50265, activation: "gelu", scaleEmbedding: false, padding: 0 },
});
