/**
 * What each option of a method does, in one line: for `inseq explain` and the pages of the documentation. Their values when
 * they are left out stand with each method (`defaults`), or here where all methods agree.
 */

import type { MethodOptions } from "./registry.ts";

/** By the options' names; a new option without a line does not compile. */
export const optionHelp: { readonly [Name in keyof Required<MethodOptions>]: string } = {
  abs: "absolute values instead of signed ones",
  nSteps: "points on the path from baseline to input",
  quadrature: "quadrature rule of the integral; Inseq calls it method",
  multiplyByInputs: "multiply gradients by what they belong to; false leaves the gradients or multipliers themselves",
  returnConvergenceDelta:
    'add the step score deltas: what the sum of scores misses of f(x) − f(x′); "inseq" gives Inseq\'s number where it differs',
  strategy: "how the next word on a path is chosen: greedy or maxcount; Inseq calls it method",
  nNeighbors: "nearest words among which the next one is chosen",
  nSamples: "samples that are drawn",
  stdevs: "standard deviation of the noise on the embeddings",
  rule: "multipliers by DeepLIFT's rescale rule for every operation, or as Captum and Inseq compute them (inseq)",
  targetLayer:
    "one or several sites such as decoder.3.mlpOutput or encoder.*.blockOutput, or Inseq's paths of modules; the token embeddings by default",
  attributeToLayerInput: "the input of the named blocks instead of their output; false by default",
  similarityMetric: "how states are compared: cosine or euclidean",
  encoderZeroedUnitsIndices: "value heads that are zeroed in the encoder, for all layers or by layer; all by default",
  decoderZeroedUnitsIndices: "the same in the decoder's self-attention; all by default",
  crossZeroedUnitsIndices: "the same in cross-attention; all by default",
  outputDecoderSelfScores:
    "give the decoder's scores for itself, too, where the target is not attributed (encoder-decoder models)",
  outputEncoderSelfScores: "give the encoder's scores for itself, too (encoder-decoder models)",
  rolloutHeads: "heads whose attention is averaged, for all layers or by layer; all by default",
  attentionLayers: "layers that are kept, from the end where negative; all by default",
  attentionHeads: "heads that are kept in every layer; all by default",
  positiveGradients: "count positive derivatives only",
  withResidual: "norms of the vectors behind the residual connection and the normalisation that may follow it",
  routeThreshold: "the smallest share of an edge that is kept, from 0 to 1",
  outputRoutes: "give the edges on the routes, too",
  lensRanks: "give the token's rank after each layer, too",
  smoothing: "blur the method over noise: smoothgrad, squaregrad or vargrad; not blurred by default",
  smoothingSamples: "noisy copies of the input; 10 by default",
  noiseLevel: "standard deviation of the noise as a share of the range of each token's embedding; 0.15 by default",
  slidingWindowShapes: "players in a window",
  strides: "players from one window to the next, at most a window's length",
  features:
    "what LIME is linear in: which players are kept (players), or the embeddings' entries, as in Inseq (embeddings)",
  maskProb: "probability that a player is removed",
  regularization: "α of the ridge regression or the lasso; 0 is plain least squares",
  kernelWidth: "how fast weights fall with the cosine distance from the text",
  groups: "what players are grouped in, from the inside out: word, sentence, or spans of characters",
  perToken: "explain every token by itself instead of all of them together",
  players:
    "who is removed, or has a score: token (the default), word, sentence, paragraph, document, turn of a conversation, or spans of characters; a score is shared evenly by its tokens",
  removal: "what a removed player leaves behind: a baseline (replace), nothing (delete), random tokens (resample)",
  sampler: "what resample draws: any token (uniform), or one of the same part of speech (postag; English)",
  keepTopN: "tokens that are kept to see whether a probe is done; 0 leaves it to keepRatio",
  keepRatio: "with keepTopN 0: share of the tokens that are kept",
  invertKeep: "exchange those tokens and keep the others",
  stoppingConditionTopK: "a probe is done when the target is among so many likeliest tokens",
  replacingRatio: "probability that a token is exchanged",
  maxProbeSteps: "rounds after which a probe is given up",
  numProbes: "probes that run side by side",
  perturbationsPerEval:
    "at most so many perturbed inputs, or segments, in one pass; as many as memory allows by default",
  internalBatchSize: "at most so many rows in one pass; as many as memory allows by default",
};
