/**
 * The model as generation sees it: rows of ids go in, the logits of each row's next token come out on the host.
 *
 * R rows now being generated, S source or past-and-present positions, T new positions, D width, V vocabulary.
 * Decoder rows are padded on the left, sources on the right; padding is masked and every token has the position that it
 * has alone, so rows do not notice each other. Keys and values of past tokens are kept, so a step runs one position.
 */

import { NumericError, OptionError } from "../../errors.ts";
import { dispose, gather, readFloats, type Tensor, tensor, tidy } from "../../tensor.ts";
import { KeyValueCache } from "../cache.ts";
import type { DecoderInput, EncoderStates, Model } from "../model.ts";

export class NextLogits {
  readonly #model: Model;
  readonly #cache: KeyValueCache | undefined;
  #encoder: EncoderStates | undefined;
  /** Which of the inputs each row continues. */
  #inputs: readonly number[];
  #steps = 0;

  /** @param inputIds prompts, or sources, which an encoder-decoder model encodes here */
  constructor(model: Model, inputIds: readonly (readonly number[])[], useCache: boolean) {
    this.#model = model;
    this.#cache = useCache ? new KeyValueCache() : undefined;
    this.#inputs = inputIds.map((_, input) => input);
    if (model.kind === "encoder-decoder") {
      const { ids, mask } = rightPadded(inputIds);
      this.#encoder = tidy(() => {
        const { states_BSD, mask_BS } = model.encode({ embeddings_BSD: model.embedSource(ids), mask_BS: mask });
        return mask_BS === undefined ? { states_BSD } : { states_BSD, mask_BS };
      });
      // The states may carry the very mask that was given: it is then still needed.
      dispose([ids, ...(mask !== undefined && mask !== this.#encoder.mask_BS ? [mask] : [])]);
    }
  }

  /**
   * Logits [V] of the token after each of `rows`: each row is the one that it was in the call before, and one token.
   * @throws OptionError when a row has more tokens than the model has positions
   * @throws NumericError when a logit is not a finite number
   */
  async of(rows: readonly (readonly number[])[]): Promise<Float32Array[]> {
    this.#steps += 1;
    const { maxPositions, vocabSize } = this.#model.facts;
    const long = rows.findIndex((row) => row.length > maxPositions);
    if (long >= 0) {
      throw new OptionError(
        `generation: row ${this.#inputs[long]} has reached ${rows[long]?.length} tokens at step ${this.#steps}, but the ` +
          `model has ${maxPositions} positions; set maxLength to ${maxPositions} or less, or give a shorter text`,
      );
    }
    const logits_RV = tidy(() => this.#forward(rows));
    const numbers = await readFloats(logits_RV);
    dispose(logits_RV);
    return rows.map((_, row) => {
      const logits = numbers.subarray(row * vocabSize, (row + 1) * vocabSize);
      const bad = logits.findIndex((logit) => !Number.isFinite(logit));
      if (bad < 0) return logits;
      throw new NumericError(
        `generation: expected finite logits, received ${logits[bad]} for token ${bad} of row ${this.#inputs[row]} at ` +
          `step ${this.#steps}; check the model's weights for overflow`,
      );
    });
  }

  /** Row r goes on as what row `from[r]` was; rows that are not named are dropped. */
  keep(from: readonly number[]): void {
    if (from.length === this.#inputs.length && from.every((row, r) => row === r)) return;
    const before = this.#inputs;
    this.#inputs = from.map((row) => before[row] ?? 0);
    // Beams of one source share what was computed from it, so it only moves when rows change their source.
    const sourcesMove = this.#inputs.length !== before.length || this.#inputs.some((input, r) => input !== before[r]);
    const rows_R = tensor(Int32Array.from(from), [from.length], "int32");
    this.#cache?.reorder(rows_R, { cross: sourcesMove });
    const old = this.#encoder;
    if (old !== undefined && sourcesMove) {
      const states_BSD = gather(old.states_BSD, rows_R, 0);
      this.#encoder =
        old.mask_BS === undefined ? { states_BSD } : { states_BSD, mask_BS: gather(old.mask_BS, rows_R, 0) };
      disposeStates(old);
    }
    dispose(rows_R);
  }

  dispose(): void {
    this.#cache?.dispose();
    if (this.#encoder !== undefined) disposeStates(this.#encoder);
    this.#encoder = undefined;
  }

  #forward(rows: readonly (readonly number[])[]): Tensor {
    const model = this.#model;
    const past = this.#cache?.length ?? 0;
    // The cache is as wide as it was, even when the longest row has left the batch.
    const S = past > 0 ? past + 1 : Math.max(...rows.map((row) => row.length));
    const { ids, ...rest } = leftPadded(rows, past, S);
    const last = tensor(new Int32Array(rows.length).fill(S - past - 1), [rows.length], "int32");
    const input: Omit<DecoderInput, "embeddings_BTD"> = { ...rest, cache: this.#cache, targets_B: last };
    if (model.kind === "decoder-only") return model.forward({ ...input, embeddings_BTD: model.embed(ids) });
    if (this.#encoder === undefined)
      throw new OptionError("generation: expected rows before dispose, received them after");
    return model.decode({ ...input, embeddings_BTD: model.embedTarget(ids) }, this.#encoder);
  }
}

/**
 * The positions [past, S) of rows padded on the left to S tokens: ids [R, T], and if there is padding mask [R, S] and
 * positions [R, T]. Padding repeats the row's first token, at position 0.
 */
function leftPadded(rows: readonly (readonly number[])[], past: number, S: number) {
  const R = rows.length;
  const T = S - past;
  const ids = new Int32Array(R * T);
  const positions = new Int32Array(R * T);
  const mask = new Int32Array(R * S);
  for (const [r, row] of rows.entries()) {
    const padding = S - row.length;
    mask.fill(1, r * S + padding, (r + 1) * S);
    for (let t = 0; t < T; t++) {
      positions[r * T + t] = Math.max(0, past + t - padding);
      ids[r * T + t] = row[Math.max(0, past + t - padding)] ?? 0;
    }
  }
  const ids_RT = tensor(ids, [R, T], "int32");
  if (rows.every((row) => row.length === S)) return { ids: ids_RT };
  return {
    ids: ids_RT,
    mask_BS: tensor(mask, [R, S], "int32"),
    positions_BT: tensor(positions, [R, T], "int32"),
  };
}

/** Ids [B, S] of sources padded on the right with their last token, and if there is padding its mask [B, S]. */
function rightPadded(sources: readonly (readonly number[])[]): { ids: Tensor; mask: Tensor | undefined } {
  const S = Math.max(...sources.map((source) => source.length));
  const padded = sources.flatMap((source) => Array.from({ length: S }, (_, s) => source[s] ?? source.at(-1) ?? 0));
  const ids = tensor(Int32Array.from(padded), [sources.length, S], "int32");
  if (sources.every((source) => source.length === S)) return { ids, mask: undefined };
  const ones = sources.flatMap((source) => Array.from({ length: S }, (_, s) => (s < source.length ? 1 : 0)));
  return { ids, mask: tensor(Int32Array.from(ones), [sources.length, S], "int32") };
}

function disposeStates({ states_BSD, mask_BS }: EncoderStates): void {
  dispose([states_BSD, ...(mask_BS === undefined ? [] : [mask_BS])]);
}
