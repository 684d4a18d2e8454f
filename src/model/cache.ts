/**
 * What attention layers have already computed for past positions: the key-value cache of generation, and the beginning of a
 * text that other texts share.
 *
 * B rows, G key/value heads, P past positions, K head width.
 */

import { repeat } from "../ops/repeat.ts";
import { concat, dispose, gather, keep, slice, type Tensor } from "../tensor.ts";

/** Keys and values of the positions before a pass. */
export interface Past {
  /** P */
  readonly length: number;
  /** Keys and values of past and present positions of a self-attention layer, from the present ones [B, G, T, K]. */
  append(layer: number, key_BGTK: Tensor, value_BGTK: Tensor): { key: Tensor; value: Tensor };
  /** The keys and values of a cross-attention layer, computed if they are not known. */
  cross(layer: number, compute: () => { key: Tensor; value: Tensor }): { key: Tensor; value: Tensor };
}

interface Entry {
  readonly key_BGPK: Tensor;
  readonly value_BGPK: Tensor;
}

/** It owns its tensors; `dispose` frees them. */
export class KeyValueCache implements Past {
  readonly #entries = new Map<string, Entry>();

  /** Positions held by decoder self-attention so far. */
  get length(): number {
    return this.#entries.get("self.0")?.key_BGPK.shape[2] ?? 0;
  }

  /** Appends the present keys and values [B, G, T, K] of a self-attention layer and returns past and present. */
  append(layer: number, key_BGTK: Tensor, value_BGTK: Tensor): { key: Tensor; value: Tensor } {
    const name = `self.${layer}`;
    const past = this.#entries.get(name);
    const key = past === undefined ? key_BGTK : concat([past.key_BGPK, key_BGTK], 2);
    const value = past === undefined ? value_BGTK : concat([past.value_BGPK, value_BGTK], 2);
    this.#replace(name, { key_BGPK: key, value_BGPK: value });
    return { key, value };
  }

  /** The keys and values of a cross-attention layer, computed at the first step only. */
  cross(layer: number, compute: () => { key: Tensor; value: Tensor }): { key: Tensor; value: Tensor } {
    const name = `cross.${layer}`;
    const known = this.#entries.get(name);
    if (known !== undefined) return { key: known.key_BGPK, value: known.value_BGPK };
    const { key, value } = compute();
    this.#replace(name, { key_BGPK: key, value_BGPK: value });
    return { key, value };
  }

  /**
   * Row b of the cache becomes what row `rows_B[b]` was: beams that live on, sentences that are done.
   * @param cross false when no row changes its source, so that cross-attention may stay as it is
   */
  reorder(rows_B: Tensor, { cross = true }: { readonly cross?: boolean } = {}): void {
    for (const [name, entry] of this.#entries) {
      if (!cross && name.startsWith("cross.")) continue;
      this.#replace(name, {
        key_BGPK: gather(entry.key_BGPK, rows_B, 0),
        value_BGPK: gather(entry.value_BGPK, rows_B, 0),
      });
    }
  }

  /**
   * The first `length` positions of a cache of one row, for so many rows that go on from there each in its own way. What they
   * append is not kept.
   */
  beginning(length: number, rows: number): Past {
    const entry = (name: string): Entry => {
      const found = this.#entries.get(name);
      if (found === undefined) throw new RangeError(`cache: expected ${name}, which was not computed`);
      return found;
    };
    const behind = (past_1GSK: Tensor, present: Tensor): Tensor => {
      const [B = 0, G = 0, , K = 0] = past_1GSK.shape;
      return concat([repeat(slice(past_1GSK, [0, 0, 0, 0], [B, G, length, K]), rows), present], 2);
    };
    return {
      length,
      append(layer, key, value) {
        const { key_BGPK, value_BGPK } = entry(`self.${layer}`);
        return { key: behind(key_BGPK, key), value: behind(value_BGPK, value) };
      },
      cross(layer) {
        const { key_BGPK, value_BGPK } = entry(`cross.${layer}`);
        return { key: repeat(key_BGPK, rows), value: repeat(value_BGPK, rows) };
      },
    };
  }

  dispose(): void {
    for (const entry of this.#entries.values()) dispose([entry.key_BGPK, entry.value_BGPK]);
    this.#entries.clear();
  }

  #replace(name: string, entry: Entry): void {
    const old = this.#entries.get(name);
    this.#entries.set(name, { key_BGPK: keep(entry.key_BGPK), value_BGPK: keep(entry.value_BGPK) });
    if (old !== undefined) dispose([old.key_BGPK, old.value_BGPK]);
  }
}
