/**
 * The key-value cache of generation: what each attention layer has already computed for the past positions.
 *
 * B rows, G key/value heads, P past positions, K head width. The cache owns its tensors; `dispose` frees them.
 */

import { concat, dispose, gather, keep, type Tensor } from "../tensor.ts";

interface Entry {
  readonly key_BGPK: Tensor;
  readonly value_BGPK: Tensor;
}

export class KeyValueCache {
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
