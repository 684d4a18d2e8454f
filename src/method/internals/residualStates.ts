/** What a clean pass of the decoder leaves in the residual stream at the predicting positions, before each attributed token. */

import type { Sites } from "../../model/sites.ts";
import { dispose, keep, slice, squeeze, type Tensor, tidy } from "../../tensor.ts";
import type { Internals } from "./internals.ts";

/** Each [G, D]. */
export interface ResidualStates {
  /** What enters the first block. */
  readonly entering: Tensor;
  /** What each block's feed-forward part gives. */
  readonly mlps: readonly Tensor[];
  /** What leaves each block, not normalised at the end. */
  readonly leaving: readonly Tensor[];
  dispose(): void;
}

export function residualStates(internals: Internals): ResidualStates {
  const { start, end } = internals;
  const found: { entering?: Tensor; mlps: Tensor[]; leaving: Tensor[] } = { mlps: [], leaving: [] };
  const sites: Sites = {
    wants: ({ stack, name }) => stack === "decoder" && ["blockInput", "blockOutput", "mlpOutput"].includes(name),
    visit({ name }, x_1TD) {
      const predicting = (): Tensor =>
        tidy(() => keep(squeeze(slice(x_1TD, [0, start - 1, 0], [1, end - start, x_1TD.shape[2] ?? 0]), [0])));
      if (name === "blockOutput") found.leaving.push(predicting());
      else if (name === "mlpOutput") found.mlps.push(predicting());
      else found.entering ??= predicting();
      return x_1TD;
    },
  };
  tidy(() => {
    internals.decode(sites, 1);
  });
  const { entering, mlps, leaving } = found;
  if (entering === undefined) throw new RangeError("a decoder without blocks");
  return { entering, mlps, leaving, dispose: () => dispose([entering, ...mlps, ...leaving]) };
}
