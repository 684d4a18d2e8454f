/** The states that a model has for the tokens of a target text. */

import type { Model } from "../../model/model.ts";
import type { Site } from "../../model/sites.ts";
import { dispose, expandDims, readFloats, type Tensor, tidy } from "../../tensor.ts";
import { reading } from "../gradient/siteAccess.ts";
import { createRunner } from "../runner/runner.ts";
import type { Sequence } from "../sequence.ts";
import type { TokenStates } from "./alignment.ts";

/** What leaves the block in the middle of the decoder, a vector for each token of the target. One forward pass. */
export async function targetStates(model: Model, sequence: Sequence): Promise<TokenStates> {
  const layer = Math.floor((model.facts.layers - 1) / 2);
  const site: Site = { name: "blockOutput", stack: "decoder", attention: "self", layer };
  const T = sequence.target.ids.length;
  // One more than the tokens: a runner's inputs end before the last attributed one.
  const runner = createRunner(model, { ...sequence, baselines: [], start: 1, end: T + 1 }, false);
  const found: Tensor[] = [];
  try {
    tidy(() => {
      const points = runner.inputs(T).map((x_SD) => expandDims(x_SD, 0));
      runner.logitsAtAll(points, [T - 1], reading([site], found));
    });
    const values = await readFloats(found[0] as Tensor);
    const width = values.length / T;
    return sequence.target.ids.map((_, t) => values.slice(t * width, (t + 1) * width));
  } finally {
    dispose(found);
    runner.dispose();
  }
}
