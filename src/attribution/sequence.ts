/** One sequence to attribute: token ids of source and target, and which target positions are to be explained. */

import type { Span } from "../text/span.ts";
import type { Encoding } from "../text/tokenizer.ts";
import type { InputNoise } from "./runner/inputNoise.ts";
import type { BaselineEntry } from "./texts/baseline.ts";

/** What stands for "no information" at each position: of the source (or null) and of the target. */
export interface SequenceBaseline {
  readonly source: readonly BaselineEntry[] | null;
  readonly target: readonly BaselineEntry[];
}

export interface Sequence {
  /** The encoder's input; null for decoder-only models. */
  readonly source: Encoding | null;
  /** Decoder-only: prompt and continuation. Encoder-decoder: decoder start token and target. */
  readonly target: Encoding;
  /** Decoder-only: number of prompt tokens. Encoder-decoder: 1. */
  readonly promptLength: number;
  /** Of a conversation the tokens of each turn, and of what its template wrote, in prompt or source: ranges [start, end). */
  readonly turns?: readonly Span[] | undefined;
  /** Attributed positions: start ≤ t < end, start ≥ 1. */
  readonly start: number;
  readonly end: number;
  /** Ids of special tokens. */
  readonly special: ReadonlySet<number>;
  /** One or several: attributions relative to several are averaged. */
  readonly baselines: readonly SequenceBaseline[];
  /** How the embeddings of the attributed inputs are moved; not at all by default. */
  readonly noise?: InputNoise | undefined;
}
